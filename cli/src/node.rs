//! `impresario node`: engine, REST API and all worker pools in one process. `dev` and `demo` run it as their
//! child, so that it can be killed for real while the provider and the database live on, as they would.
//!
//! Without a broker tasks stay inside the process and are forgotten with it; the next one sends open attempts
//! again. Stopping is in order: the API takes no more, workers finish what they have, the engine commits it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use impresario_catalog::Cache;
use impresario_metrics::Role;
use impresario_orchestrator::broker::rabbit::{self, Rabbit};
use impresario_orchestrator::broker::{Arrival, Broker};
use impresario_orchestrator::store::{self, Database};
use impresario_orchestrator::{Engine, Options, api};
use impresario_protocol::Queues;
use impresario_worker_sdk as sdk;
use impresario_worker_sdk::amqp::{AmqpSettings, AmqpTransport};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::args::{KafkaOptions, LogFormat, PoolName};
use crate::inprocess::InProcess;
use crate::pools::{self, PoolSettings};
use crate::process;
use crate::serve::{ARRIVALS_MAX, CLOSE_GRACE, definitions, router};

/// A person waits for the end: shorter than in production.
const DRAIN: Duration = Duration::from_secs(10);

/// Tasks at once in each pool: development machines are small.
const SLOTS: usize = 64;

/// Nobody else is on this machine: a saga that was lost is nobody's to start again.
const ORPHAN_GRACE: Duration = Duration::ZERO;

const POOLS: [PoolName; 5] = [
    PoolName::Catalog,
    PoolName::Payment,
    PoolName::Booking,
    PoolName::Notification,
    PoolName::Echo,
];

#[derive(Debug, Args)]
pub(crate) struct NodeOptions {
    /// PostgreSQL.
    #[arg(long)]
    pub(crate) database_url: String,
    /// RabbitMQ; tasks stay inside the process without it.
    #[arg(long)]
    pub(crate) amqp_url: Option<String>,
    /// Prefix of the queues.
    #[arg(long, env = "IMPRESARIO_QUEUE_PREFIX", default_value_t)]
    pub(crate) queue_prefix: Queues,
    /// Payment provider.
    #[arg(long)]
    pub(crate) provider_url: String,
    /// Where the REST API listens.
    #[arg(long)]
    pub(crate) listen: SocketAddr,
    /// Secret that webhooks of the payment provider are signed with.
    #[arg(long, env = "IMPRESARIO_WEBHOOK_SECRET", hide_env_values = true)]
    pub(crate) payment_webhook_secret: Option<String>,
    /// Name of this replica: the same after a restart, so that nobody waits for the leases of the one before.
    #[arg(long)]
    pub(crate) replica: String,
}

/// How tasks and results travel.
enum Transport {
    Inside(Arc<InProcess>),
    Rabbit {
        broker: Arc<Rabbit>,
        url: String,
        queues: Queues,
        stop_reading: CancellationToken,
    },
}

pub(crate) async fn run(options: NodeOptions, log: LogFormat) -> anyhow::Result<()> {
    process::log(log);
    let traces = process::traces()?;
    impresario_metrics::begin(Role::Orchestrator);
    for pool in POOLS {
        impresario_metrics::begin(pool.role());
    }
    let stop = process::stop_on_signals()?;
    // First of all, so that two nodes never take the same tasks on one machine.
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("listen on {}", options.listen))?;
    let (arrivals, arrivals_in) = mpsc::channel(ARRIVALS_MAX);
    let transport = Transport::open(&options, arrivals)?;
    let (database, pools) = tokio::try_join!(open_store(&options), open_pools(&options, &stop))?;
    let stop_workers = CancellationToken::new();
    // Before the engine: its first look at the queues finds them served.
    let mut workers = start_workers(pools, &transport, &stop_workers);
    let engine = start_engine(options.replica.clone(), database, &transport, arrivals_in).await?;
    let secret = options.payment_webhook_secret.clone();
    let router = router(
        &engine,
        &options.database_url,
        secret,
        ORPHAN_GRACE,
        Cache::none(),
    )
    .await?
    .merge(records(&options)?);
    tracing::info!(address = %options.listen, "serving");
    api::serve(listener, router, stop).await;
    stop_workers.cancel();
    while workers.join_next().await.is_some() {}
    transport.stop_reading();
    engine.stop().await;
    transport.close().await;
    traces.finish().await;
    Ok(())
}

/// The pools' own records, for people who check the books.
fn records(options: &NodeOptions) -> anyhow::Result<axum::Router> {
    let payment = impresario_payment::database(&options.database_url)?;
    let booking = impresario_booking::database(&options.database_url)?;
    Ok(impresario_payment::router(payment).merge(impresario_booking::router(booking)))
}

async fn open_store(options: &NodeOptions) -> anyhow::Result<Database> {
    Ok(Database::open(&store::Options::new(&options.database_url)).await?)
}

async fn open_pools(
    options: &NodeOptions,
    stop: &CancellationToken,
) -> anyhow::Result<Vec<sdk::Pool>> {
    let settings = PoolSettings {
        database_url: options.database_url.clone(),
        provider_url: options.provider_url.clone(),
        webhook_url: None,
        webhook_secret: None,
        kafka: KafkaOptions::default(),
    };
    let mut opened = Vec::new();
    for name in POOLS {
        let pool = pools::open(name, &settings, stop).await;
        opened.push(pool.with_context(|| format!("open the pool {name:?}"))?);
    }
    let catalog = impresario_catalog::database(&options.database_url)?;
    let events = impresario_catalog::SeedOptions::default();
    impresario_catalog::seed(&catalog, events)
        .await
        .context("plant the demo events")?;
    Ok(opened)
}

fn start_workers(
    pools: Vec<sdk::Pool>,
    transport: &Transport,
    stop: &CancellationToken,
) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    for pool in pools {
        let settings = sdk::WorkerSettings {
            name: process::unique_name(pool.name()),
            slots: SLOTS,
            grace: DRAIN,
        };
        let attached = transport.of_pool(pool.name());
        workers.spawn(sdk::Worker::new(pool, attached, settings).run(stop.clone()));
    }
    workers
}

async fn start_engine(
    replica: String,
    database: Database,
    transport: &Transport,
    arrivals: mpsc::Receiver<Arrival>,
) -> anyhow::Result<Engine> {
    let options = Options {
        transport_forgets: matches!(transport, Transport::Inside(_)),
        ..Options::new(replica)
    };
    Ok(Engine::start(
        options,
        database,
        definitions(&[])?,
        transport.broker(),
        arrivals,
    )
    .await?)
}

impl Transport {
    fn open(node: &NodeOptions, arrivals: mpsc::Sender<Arrival>) -> anyhow::Result<Transport> {
        let Some(url) = &node.amqp_url else {
            return Ok(Transport::Inside(InProcess::new(arrivals)));
        };
        let stop_reading = CancellationToken::new();
        let mut options = rabbit::Options::new(url);
        options.queues = node.queue_prefix.clone();
        options.stop_reading = stop_reading.clone();
        let broker = Arc::new(Rabbit::connect(options, arrivals)?);
        Ok(Transport::Rabbit {
            broker,
            url: url.clone(),
            queues: node.queue_prefix.clone(),
            stop_reading,
        })
    }

    fn broker(&self) -> Arc<dyn Broker> {
        match self {
            Transport::Inside(inside) => inside.clone(),
            Transport::Rabbit { broker, .. } => broker.clone(),
        }
    }

    fn of_pool(&self, pool: &str) -> Arc<dyn sdk::Transport> {
        match self {
            Transport::Inside(inside) => inside.transport(pool),
            Transport::Rabbit { url, queues, .. } => {
                let mut settings = AmqpSettings::new(url, pool, SLOTS);
                settings.queues = queues.clone();
                Arc::new(AmqpTransport::open(settings))
            }
        }
    }

    fn stop_reading(&self) {
        match self {
            Transport::Inside(_) => {}
            Transport::Rabbit { stop_reading, .. } => stop_reading.cancel(),
        }
    }

    async fn close(&self) {
        match self {
            Transport::Inside(_) => {}
            Transport::Rabbit { broker, .. } => broker.close(CLOSE_GRACE).await,
        }
    }
}
