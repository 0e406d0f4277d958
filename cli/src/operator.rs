//! Who gives an order: for journals and audit records. Nobody is asked to prove it: that is the sign-in's business.

use clap::Args;

#[derive(Clone, Debug, Args)]
pub(crate) struct Operator {
    /// Who you are, for the journals and the audit records.
    #[arg(
        id = "operator",
        long = "operator",
        env = "USER",
        default_value = "anonymous",
        hide_env_values = true
    )]
    pub(crate) name: String,
}
