//! Exit codes: 0 ok, 1 failed, 2 usage (from the command line parser), 3 not found, 4 conflict, 5 timeout.

use std::process::ExitCode;

/// Says what went wrong, the whole chain once, and gives the code of a failure.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::from(1)
}
