//! `impresario restore data|settle|reconcile`: PostgreSQL back at an earlier moment, and a platform that lives with it.
//!
//! `data` lays a moment out for a server to start on. `settle`, with nothing else running, begins a new epoch: the broker's
//! queues are emptied, and what the payment provider knows and the database has forgotten is written back. `reconcile`,
//! later, undoes what no saga wants. What runs in between is `serve`: it sends again what the outbox holds, and the timers
//! repeat what the broker lost. docs/operations.md has the whole way.

mod data;
mod ledger;
mod reconcile;
mod settle;

use clap::{Args, Subcommand};

use crate::output::Format;

#[derive(Debug, Args)]
pub(crate) struct RestoreOptions {
    #[command(subcommand)]
    command: RestoreCommand,
}

#[derive(Debug, Subcommand)]
enum RestoreCommand {
    /// Lay the state of a moment out in a folder, for PostgreSQL to start on.
    Data(data::DataOptions),
    /// Begin a new epoch on a restored database, before anything else runs on it.
    Settle(settle::SettleOptions),
    /// Give back the money that no saga wants, once customers had time to ask again.
    Reconcile(reconcile::ReconcileOptions),
}

pub(crate) async fn run(options: RestoreOptions, format: Format) -> anyhow::Result<()> {
    match options.command {
        RestoreCommand::Data(data) => data::run(&data, format).await,
        RestoreCommand::Settle(settle) => settle::run(settle, format).await,
        RestoreCommand::Reconcile(reconcile) => reconcile::run(reconcile, format).await,
    }
}
