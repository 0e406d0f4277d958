//! `impresario feed status` and `off`: the switch in the engine's database, and what waits there.

use clap::Args;
use impresario_orchestrator::store::{self, Database, feed};
use serde_json::json;

use crate::output::{self, Format};

#[derive(Clone, Debug, Args)]
pub(super) struct DatabaseOptions {
    /// PostgreSQL of the engine.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
}

pub(super) async fn status(options: DatabaseOptions, format: Format) -> anyhow::Result<()> {
    let database = Database::open(&store::Options::new(&options.database_url)).await?;
    show(&database, format).await
}

pub(super) async fn off(options: DatabaseOptions, format: Format) -> anyhow::Result<()> {
    let database = Database::open(&store::Options::new(&options.database_url)).await?;
    feed::turn_off(&database.pool).await?;
    show(&database, format).await
}

async fn show(database: &Database, format: Format) -> anyhow::Result<()> {
    let is_on = feed::is_on(&database.pool).await?;
    let (rows, age) = feed::behind(&database.pool).await?;
    match format {
        Format::Json => {
            output::json(&json!({ "on": is_on, "rows_waiting": rows, "age_seconds": age }))
        }
        Format::Table => {
            let word = if is_on { "on" } else { "off" };
            output::line(&match rows {
                0 => format!("{word}; nothing waits"),
                rows => format!("{word}; {rows} row(s) wait, the oldest for {age:.0} s"),
            });
            Ok(())
        }
    }
}
