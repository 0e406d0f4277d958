//! `impresario provider`: the sandbox payment provider as a server of its own.

use anyhow::Context;
use axum::routing::get;
use impresario_metrics::Role;
use impresario_orchestrator::api;
use impresario_payment::sandbox::{self, Secret, Webhook};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::args::{LogFormat, ProviderOptions};
use crate::health;
use crate::process;

/// The provider's name in traces.
const SERVICE: &str = "impresario-provider";

pub(crate) async fn run(options: ProviderOptions, log: LogFormat) -> anyhow::Result<()> {
    process::log(log);
    let traces = process::traces()?;
    impresario_metrics::begin(Role::Provider);
    let stop = process::stop_on_signals()?;
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("listen on {}", options.listen))?;
    tracing::info!(address = %listener.local_addr()?, "sandbox payment provider; it moves no money");
    let webhook = webhook(&options)?;
    let router = start(&options.database_url, webhook, &stop)
        .await?
        .route("/healthz", get(|| async { "alive" }))
        .route("/metrics", get(health::metrics));
    let served = sandbox::serve(listener, api::measured(router), stop.cancelled_owned()).await;
    traces.finish().await;
    served.context("serve")
}

fn webhook(options: &ProviderOptions) -> anyhow::Result<Option<Webhook>> {
    match (&options.webhook_url, &options.webhook_secret) {
        (None, _) => Ok(None),
        (Some(url), Some(secret)) => Ok(Some(Webhook {
            url: url.clone(),
            secret: Secret::new(secret),
        })),
        (Some(_), None) => anyhow::bail!(
            "--webhook-url needs --webhook-secret, so that the receiver can check who calls"
        ),
    }
}

/// The provider's routes on a database that is brought up to date; what it does by itself ends with `stop`.
pub(crate) async fn start(
    database_url: &str,
    webhook: Option<Webhook>,
    stop: &CancellationToken,
) -> anyhow::Result<axum::Router> {
    let database = sandbox::database(database_url)?;
    sandbox::migrate(&database).await?;
    let config = sandbox::Config {
        webhook,
        ..sandbox::Config::default()
    };
    let background = sandbox::run_background(database.clone(), config.clone(), stop.clone());
    tokio::spawn(background);
    Ok(api::traced(sandbox::router(database, config), SERVICE))
}
