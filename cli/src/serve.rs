//! `impresario serve`: the orchestrator with its REST API, on RabbitMQ.
//!
//! Stopping is in order: the API takes no more, results are no longer read, what is decided is committed and
//! released, then the connections close.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use impresario_catalog::Cache;
use impresario_metrics::Role;
use impresario_orchestrator::broker::rabbit::{self, Rabbit};
use impresario_orchestrator::store::{self, Database};
use impresario_orchestrator::{Engine, Options, api};
use impresario_workflows::Definition;
use impresario_workflows::definition::SHIPPED;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::args::{QueueKind, ServeOptions};
use crate::process;

/// Deliveries that wait for the lane: more are held back by the prefetch.
pub(crate) const ARRIVALS_MAX: usize = 1024;

/// Announcements of other replicas that wait to be looked at; more are dropped, and a poll stands behind them.
const ANNOUNCED_MAX: usize = 256;

/// How long confirms and acknowledgements under way may take at the end.
pub(crate) const CLOSE_GRACE: Duration = Duration::from_secs(5);

pub(crate) async fn run(options: ServeOptions) -> anyhow::Result<()> {
    process::log();
    impresario_metrics::begin(Role::Orchestrator);
    let stop = process::stop_on_signals()?;
    let database = Database::open(&store::Options::new(&options.database_url)).await?;
    let replica = options
        .replica
        .clone()
        .unwrap_or_else(|| process::unique_name("engine"));
    let (arrivals, arrivals_in) = mpsc::channel(ARRIVALS_MAX);
    let stop_reading = CancellationToken::new();
    let (announcements, announced) = mpsc::channel(ANNOUNCED_MAX);
    let mut rabbit_options = rabbit_options(&options, &stop_reading);
    rabbit_options.announcements = Some(announcements);
    let broker = Arc::new(Rabbit::connect(rabbit_options, arrivals)?);
    let engine_options = Options {
        partitions: options.partitions,
        retain_days: (options.retain_days > 0).then_some(options.retain_days),
        ..Options::new(replica)
    };
    let engine = Engine::start(
        engine_options,
        database,
        definitions(&options.definitions)?,
        broker.clone(),
        arrivals_in,
    )
    .await?;
    engine.listen(announced).await;
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("listen on {}", options.listen))?;
    let grace = Duration::from_secs(60 * 60 * u64::from(options.orphan_grace_hours));
    let router = router(
        &engine,
        &options.database_url,
        options.payment_webhook_secret,
        grace,
        cache(options.redis_url.as_deref())?,
    )
    .await?;
    tracing::info!(address = %listener.local_addr()?, "serving");
    api::serve(listener, router, stop).await;
    stop_reading.cancel();
    engine.stop().await;
    broker.close(CLOSE_GRACE).await;
    Ok(())
}

fn rabbit_options(options: &ServeOptions, stop_reading: &CancellationToken) -> rabbit::Options {
    let mut rabbit = rabbit::Options::new(&options.amqp_url);
    rabbit.queues = options.queue_prefix.clone();
    rabbit.queue_kind = match options.queues {
        QueueKind::Classic => rabbit::QueueKind::Classic,
        QueueKind::Quorum => rabbit::QueueKind::Quorum,
    };
    rabbit.stop_reading = stop_reading.clone();
    rabbit
}

fn cache(redis_url: Option<&str>) -> anyhow::Result<Cache> {
    redis_url.map_or_else(
        || Ok(Cache::none()),
        |url| Cache::at(url).context("--redis-url"),
    )
}

/// The API, with the catalogue's pages for choosing an event beside it.
pub(crate) async fn router(
    engine: &Engine,
    database_url: &str,
    webhook_secret: Option<String>,
    orphan_grace: Duration,
    cache: Cache,
) -> anyhow::Result<axum::Router> {
    let catalog = impresario_catalog::database(database_url)?;
    impresario_catalog::migrate(&catalog).await?;
    let options = api::Options {
        webhook_secret,
        orphan_grace,
    };
    let api = api::router(engine.clone(), options);
    Ok(api::measured(
        api.merge(impresario_catalog::router(catalog, cache)),
    ))
}

/// The shipped definitions and those of the given files, every problem of each reported.
pub(crate) fn definitions(files: &[std::path::PathBuf]) -> anyhow::Result<Vec<Definition>> {
    let mut definitions = Vec::new();
    for (name, text) in SHIPPED {
        definitions.push(parse(name, text)?);
    }
    for file in files {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).with_context(|| format!("read {name}"))?;
        definitions.push(parse(&name, &text)?);
    }
    Ok(definitions)
}

fn parse(name: &str, text: &str) -> anyhow::Result<Definition> {
    Definition::parse(name, text).map_err(|problems| {
        anyhow::anyhow!(
            "{}",
            impresario_workflows::definition::render(&problems, name, text)
        )
    })
}
