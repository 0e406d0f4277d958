//! `impresario migrate`: the schemas of engine and pools, brought up to date by one process before many start.
//!
//! Every role looks after its own schema when it starts, so this is not needed; it makes a rollout wait for its
//! migrations, and fail at them, before the first new replica runs. Each schema has its own lock and its own list of
//! what was applied, so running it twice, or two at once, does no harm.

use anyhow::Context;
use impresario_orchestrator::store::{self, Database};

use crate::args::{LogFormat, MigrateOptions};
use crate::output::{self, Format};
use crate::process;

pub(crate) async fn run(
    options: MigrateOptions,
    format: Format,
    log: LogFormat,
) -> anyhow::Result<()> {
    process::log(log);
    let url = &options.database_url;
    let mut schemas = vec!["impresario"];
    Database::open(&store::Options::new(url))
        .await
        .context("migrate the engine's schema")?;
    let catalog = impresario_catalog::database(url)?;
    impresario_catalog::migrate(&catalog).await?;
    let payment = impresario_payment::database(url)?;
    impresario_payment::migrate(&payment).await?;
    let booking = impresario_booking::database(url)?;
    impresario_booking::migrate(&booking).await?;
    let notification = impresario_notification::database(url)?;
    impresario_notification::migrate(&notification).await?;
    let databases = [&catalog, &payment, &booking, &notification];
    schemas.extend(databases.map(|database| database.schema()));
    let sandbox;
    if options.provider {
        sandbox = impresario_payment::sandbox::database(url)?;
        impresario_payment::sandbox::migrate(&sandbox).await?;
        schemas.push(sandbox.schema());
    }
    match format {
        Format::Json => output::json(&schemas)?,
        Format::Table => schemas.iter().for_each(|schema| output::line(schema)),
    }
    Ok(())
}
