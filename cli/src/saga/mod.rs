//! `impresario saga …`: support staff's hands on the command line, through the REST API.
//!
//! `list` finds, `export` writes down what was found, `show` explains one; `retry`, `cancel`, `approve` and `deny` act on
//! what was seen and follow what comes of it; `migrate` lets many go on under another version of their definition;
//! `signal` tells one that something happened outside.

mod act;
mod export;
mod list;
mod migrate;
mod show;
mod signal;

use clap::{Args, Subcommand};

use crate::at::At;
use crate::output::Format;
pub(crate) use list::render as table;

#[derive(Debug, Args)]
pub(crate) struct SagaOptions {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    command: SagaCommand,
}

#[derive(Debug, Subcommand)]
enum SagaCommand {
    /// Find sagas, newest first.
    List(list::ListOptions),
    /// Write sagas with their journals, one a line, for `simulate --learn` and `replay`.
    Export(list::ListOptions),
    /// Everything about one saga: status, why, steps, timeline.
    Show(show::ShowOptions),
    /// Let what stands before a human try again.
    Retry(act::RetryOptions),
    /// Undo a saga.
    Cancel(act::CancelOptions),
    /// Say yes to a step that waits for a decision.
    Approve(act::DecideOptions),
    /// Say no to a step that waits for a decision.
    Deny(act::DecideOptions),
    /// Let running sagas go on under another version of their definition.
    Migrate(migrate::MigrateOptions),
    /// Tell a saga that something happened outside.
    Signal(signal::SignalOptions),
}

pub(crate) async fn run(options: SagaOptions, format: Format) -> anyhow::Result<()> {
    let server = options.at.server()?;
    match options.command {
        SagaCommand::List(options) => list::run(&server, options, format).await,
        SagaCommand::Export(options) => export::run(&server, &options).await,
        SagaCommand::Show(options) => show::run(&server, &options, format).await,
        SagaCommand::Retry(options) => act::retry(&server, options, format).await,
        SagaCommand::Cancel(options) => act::cancel(&server, options, format).await,
        SagaCommand::Approve(options) => act::decide(&server, options, true, format).await,
        SagaCommand::Deny(options) => act::decide(&server, options, false, format).await,
        SagaCommand::Migrate(options) => migrate::run(&server, options, format).await,
        SagaCommand::Signal(options) => signal::run(&server, &options, format).await,
    }
}
