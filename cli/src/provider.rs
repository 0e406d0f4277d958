//! `impresario provider`: the sandbox payment provider as a server of its own.

use anyhow::Context;
use impresario_payment::sandbox;
use tokio::net::TcpListener;

use crate::args::ProviderOptions;
use crate::process;

pub(crate) async fn run(options: ProviderOptions) -> anyhow::Result<()> {
    process::log();
    let stop = process::stop_on_signals()?;
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("listen on {}", options.listen))?;
    tracing::info!(address = %listener.local_addr()?, "sandbox payment provider; it moves no money");
    let router = router(&options.database_url).await?;
    sandbox::serve(listener, router, stop.cancelled_owned())
        .await
        .context("serve")
}

/// The provider's routes on a database that is brought up to date.
pub(crate) async fn router(database_url: &str) -> anyhow::Result<axum::Router> {
    let database = sandbox::database(database_url)?;
    sandbox::migrate(&database).await?;
    Ok(sandbox::router(database, sandbox::Config::default()))
}
