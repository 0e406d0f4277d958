//! `impresario seed`: demo events, created as far as they are missing. Prints their ids.

use crate::args::SeedOptions;

pub(crate) async fn run(options: SeedOptions) -> anyhow::Result<()> {
    let database = impresario_catalog::database(&options.database_url)?;
    impresario_catalog::migrate(&database).await?;
    let seeds = impresario_catalog::SeedOptions {
        hot_event: options.hot,
    };
    for event in impresario_catalog::seed(&database, seeds).await? {
        println!("{event}");
    }
    Ok(())
}
