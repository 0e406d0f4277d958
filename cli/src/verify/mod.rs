//! `impresario verify`: judges a run from its records, and trusts nobody.
//!
//! Records are a folder of ndjson files (`docs/verify.md`): what clients were told, what the participants and the
//! provider did, what is stored at rest. With `--database-url` and friends the folder is filled from a platform at
//! rest first. Out comes one verdict, and of each violation the story of its saga. Nothing here asks the engine.

mod case;
mod checks;
mod folder;
mod history;
mod marks;
mod rebuild;
mod rows;
mod rule;
mod story;
mod table;
mod take;
mod verdict;
mod witness;
mod world;

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use impresario_protocol::Queues;

use crate::exit::{Code, coded};
use crate::output::{self, Format};
use world::World;

#[derive(Debug, Args)]
pub(crate) struct VerifyOptions {
    /// The records. With --database-url they are written here, and what else is here is kept.
    #[arg(required_unless_present = "database_url", value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Take the records of this platform at rest first.
    // Not from the environment: a folder that is to be judged must not be overwritten by accident.
    #[arg(long)]
    database_url: Option<String>,
    /// And of its payment provider.
    #[arg(long, requires = "database_url")]
    provider_url: Option<String>,
    /// And of its queues: how many messages wait in each.
    #[arg(long, requires = "database_url")]
    amqp_url: Option<String>,
    /// Prefix of the queues; must be the orchestrator's.
    #[arg(long, env = "IMPRESARIO_QUEUE_PREFIX", default_value_t)]
    queue_prefix: Queues,
    /// And of its clients: an ops.ndjson.
    #[arg(long, requires = "database_url", value_name = "FILE")]
    history: Option<PathBuf>,
    /// Judge nothing: make the participants of this database keep an effect log from now on. For tests and drills.
    #[arg(long, requires = "database_url", conflicts_with_all = ["folder", "provider_url", "amqp_url", "history"])]
    install_witness: bool,
}

pub(crate) async fn run(options: VerifyOptions, format: Format) -> anyhow::Result<()> {
    if let (true, Some(url)) = (options.install_witness, &options.database_url) {
        return witness::install(url).await;
    }
    let temporary = std::env::temp_dir().join(format!("impresario-verify-{}", std::process::id()));
    let folder = options.folder.clone().unwrap_or(temporary);
    if let Some(database) = &options.database_url {
        folder::prepare(&folder)?;
        let platform = take::Platform {
            database,
            provider: options.provider_url.as_deref(),
            amqp: options.amqp_url.as_deref(),
            prefix: &options.queue_prefix,
        };
        take::take(&platform, &folder).await?;
        if let Some(history) = &options.history {
            let text = std::fs::read_to_string(history)
                .with_context(|| format!("read {}", history.display()))?;
            folder::write(&folder, table::Table::Ops.file(), &text)?;
        }
        eprintln!("records are in {}", folder.display());
    }
    let report = verdict::judge(&World::read(&folder)?);
    match format {
        Format::Json => output::json(&report)?,
        Format::Table => output::line(&report.text()),
    }
    if report.is_empty() {
        let text = format!("there is nothing to judge in {}", folder.display());
        return Err(coded(Code::NotFound, text));
    }
    if report.holds {
        Ok(())
    } else {
        Err(coded(Code::Failed, report.sentence()))
    }
}
