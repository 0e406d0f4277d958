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
use impresario_orchestrator::store::{self, Database, epoch};
use impresario_orchestrator::{Engine, Options, SERVICE, api, feeding};
use impresario_workflows::Definition;
use impresario_workflows::definition::SHIPPED;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::args::{LogFormat, QueueKind, ServeOptions};
use crate::process;

/// Deliveries that wait for the lane: more are held back by the prefetch.
pub(crate) const ARRIVALS_MAX: usize = 1024;

/// Announcements of other replicas that wait to be looked at; more are dropped, and a poll stands behind them.
const ANNOUNCED_MAX: usize = 256;

/// How long confirms and acknowledgements under way may take at the end.
pub(crate) const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// How often a process looks whether its database was restored.
const EPOCH: Duration = Duration::from_secs(3);

pub(crate) async fn run(options: ServeOptions, log: LogFormat) -> anyhow::Result<()> {
    process::log(log);
    let traces = process::traces()?;
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
        feed: feed(&options),
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
    tokio::spawn(end_with_the_epoch(engine.database().clone(), stop.clone()));
    tracing::info!(address = %listener.local_addr()?, "serving");
    api::serve(listener, router, stop).await;
    stop_reading.cancel();
    engine.stop().await;
    broker.close(CLOSE_GRACE).await;
    traces.finish().await;
    Ok(())
}

fn feed(options: &ServeOptions) -> Option<feeding::Options> {
    let brokers = options.kafka.kafka.clone().filter(|url| !url.is_empty())?;
    Some(feeding::Options {
        brokers,
        prefix: options.kafka.feed_prefix.clone(),
        key: options.feed_key.clone(),
    })
}

/// Stops this process when its database was restored under it: what it remembers is of one that is gone, and whoever
/// restarts it makes it begin with what is there.
async fn end_with_the_epoch(database: Database, stop: CancellationToken) {
    let mut began: Option<i32> = None;
    while !stop.is_cancelled() {
        // A database that is away says nothing about its epoch.
        if let Ok(epoch) = epoch::current(&database).await {
            let began = *began.get_or_insert(epoch);
            if epoch != began {
                tracing::error!(
                    began,
                    epoch,
                    "the database was restored under this process: it ends"
                );
                return stop.cancel();
            }
        }
        tokio::select! {
            () = tokio::time::sleep(EPOCH) => {}
            () = stop.cancelled() => {}
        }
    }
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
    let all = api.merge(impresario_catalog::router(catalog, cache));
    Ok(api::measured(api::traced(all, SERVICE)))
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
