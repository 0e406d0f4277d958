//! `impresario seed`: demo events, created as far as they are missing. Prints their ids.

use crate::args::SeedOptions;
use crate::output::{self, Format};

pub(crate) async fn run(options: SeedOptions, format: Format) -> anyhow::Result<()> {
    let database = impresario_catalog::database(&options.database_url)?;
    impresario_catalog::migrate(&database).await?;
    let seeds = impresario_catalog::SeedOptions {
        hot_event: options.hot,
    };
    let events = impresario_catalog::seed(&database, seeds).await?;
    match format {
        Format::Json => output::json(&events)?,
        Format::Table => events
            .iter()
            .for_each(|event| output::line(&event.to_string())),
    }
    Ok(())
}
