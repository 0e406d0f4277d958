//! `impresario backup take|follow|list|verify`: a copy of PostgreSQL that any later moment can be restored from, made with
//! its own programs (`tools`). For a server that is a plain process; clusters have their own (docs/operations.md).
//!
//! A folder of backups (`store`) has base backups, each named by the moment at which it was complete, and the log since the
//! first of them. The folder is the one that the scripts in `k8s/components/postgres-backup` write, too. Only PostgreSQL is
//! saved: nothing in the broker is a truth.

mod follow;
mod range;
pub(crate) mod store;
mod take;
pub(crate) mod tools;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::exit::{Code, coded};
use crate::output::{self, Format};
use range::Report;
use store::Store;
use tools::Tools;

#[derive(Debug, Args)]
pub(crate) struct BackupOptions {
    #[command(subcommand)]
    command: BackupCommand,
}

#[derive(Debug, Subcommand)]
enum BackupCommand {
    /// Make a base backup, verify it, and drop what is older than is kept.
    Take(TakeOptions),
    /// Copy the log as it is written, until stopped.
    Follow(FollowOptions),
    /// Tell what is there, and which moments can be restored.
    List(Where),
    /// Check every file of every base backup, and that the log has no hole.
    Verify(Where),
}

/// Where backups are, and whose programs read them.
#[derive(Clone, Debug, Args)]
pub(crate) struct Where {
    /// Folder of the backups.
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// Folder of PostgreSQL's programs; by default what is installed.
    #[arg(long, env = "IMPRESARIO_PG_BIN")]
    pub(crate) pg_bin: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
struct TakeOptions {
    #[command(flatten)]
    at: Where,
    /// PostgreSQL, as an account that may replicate.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    /// Base backups that are kept, this one included; the log that only older ones needed goes with them.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    keep: u16,
}

#[derive(Clone, Debug, Args)]
struct FollowOptions {
    #[command(flatten)]
    at: Where,
    /// PostgreSQL, as an account that may replicate.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    /// The replication slot that keeps what was not copied yet.
    #[arg(long, default_value = "impresario_backup")]
    slot: String,
}

impl Where {
    fn open(&self) -> anyhow::Result<(Store, Tools)> {
        Ok((Store::open(&self.folder)?, self.tools()?))
    }

    pub(crate) fn tools(&self) -> anyhow::Result<Tools> {
        Tools::find(self.pg_bin.as_deref())
    }
}

pub(crate) async fn run(options: BackupOptions, format: Format) -> anyhow::Result<()> {
    match options.command {
        BackupCommand::Take(take) => {
            let (tools, store) = (take.at.tools()?, Store::make(&take.at.folder)?);
            let base = take::take(&tools, &store, &take.database_url, take.keep).await?;
            told(format, &base.name)
        }
        BackupCommand::Follow(follow) => {
            let (tools, store) = (follow.at.tools()?, Store::make(&follow.at.folder)?);
            follow::follow(&tools, &store, &follow.database_url, &follow.slot).await
        }
        BackupCommand::List(at) => {
            let report = Report::of(&Store::open(&at.folder)?)?;
            match format {
                Format::Json => output::json(&report),
                Format::Table => {
                    output::line(&report.text());
                    Ok(())
                }
            }
        }
        BackupCommand::Verify(at) => {
            let (store, tools) = at.open()?;
            let report = Report::of(&store)?;
            for base in store.bases()? {
                tools.verify(&base.path).await?;
                eprintln!("{}: every file is as it was written", base.name);
            }
            match report.hole {
                Some(hole) => Err(coded(Code::Failed, format!("the log has a hole: {hole}"))),
                None => told(format, "whole"),
            }
        }
    }
}

fn told(format: Format, what: &str) -> anyhow::Result<()> {
    match format {
        Format::Json => output::json(&what),
        Format::Table => {
            output::line(what);
            Ok(())
        }
    }
}
