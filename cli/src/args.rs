//! The command line: commands, flags and their environment variables.

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use impresario_metrics::Role;
use impresario_protocol::{Brokers, BrokersError, Queues};

use crate::apply::ApplyOptions;
use crate::backup::BackupOptions;
use crate::check::CheckOptions;
use crate::definition::LintOptions;
use crate::dev::DevOptions;
use crate::diff::DiffOptions;
use crate::doctor::DoctorOptions;
use crate::feed::FeedOptions;
use crate::node::NodeOptions;
use crate::orphans::OrphansOptions;
use crate::output::Format;
use crate::replay::ReplayOptions;
use crate::restore::RestoreOptions;
use crate::saga::SagaOptions;
use crate::sales::SalesOptions;
use crate::simulate::SimulateOptions;
use crate::test::TestOptions;
use crate::top::TopOptions;
use crate::verify::VerifyOptions;

/// Durable booking sagas: reserve, charge, confirm, and undo exactly what was done.
#[derive(Debug, Parser)]
#[command(name = "impresario", version, propagate_version = true)]
pub(crate) struct Cli {
    /// How results are written to standard output.
    #[arg(short, long, value_enum, global = true, default_value_t = Format::Table)]
    pub(crate) output: Format,
    /// How the roles write their log to standard error.
    #[arg(long, value_enum, global = true, env = "IMPRESARIO_LOG_FORMAT", default_value_t = LogFormat::Text)]
    pub(crate) log: LogFormat,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line, with the saga and the trace that it is about.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything on this machine, with keys to break things.
    Dev(DevOptions),
    /// Tell four stories on a throw-away platform: confirmed, declined, unknown, killed.
    Demo,
    /// Find, explain and repair sagas of a running server.
    Saga(SagaOptions),
    /// Find and undo effects of sagas that the engine's database has lost by going back to an earlier moment.
    Orphans(OrphansOptions),
    /// Copy PostgreSQL so that any later moment can be restored.
    Backup(BackupOptions),
    /// Restore PostgreSQL to a moment, and settle what has happened since elsewhere.
    Restore(RestoreOptions),
    /// Judge a run from its records: what clients were told, journals, effects, money, seats.
    Verify(VerifyOptions),
    /// Prove definitions, or tell how they go wrong: every interleaving of everything that may happen.
    Check(CheckOptions),
    /// Tell everything that is wrong with definition files.
    Lint(LintOptions),
    /// Simulate sagas of a definition: ends, latencies, faults, and the workers that a start rate needs.
    Simulate(Box<SimulateOptions>),
    /// Run test tables: scripted outcomes of steps against the ends that they must lead to.
    Test(TestOptions),
    /// Say which recorded sagas a new definition would have ended otherwise.
    Replay(ReplayOptions),
    /// Print the JSON Schema of definition files.
    Schema,
    /// Tell what a new version of a definition changes, and whether running sagas could go on under it.
    Diff(DiffOptions),
    /// Upload definitions to a running server.
    Apply(ApplyOptions),
    /// Look at the feed on Kafka, and check it.
    Feed(FeedOptions),
    /// Look at what this machine has, and say how to mend what it lacks.
    Doctor(DoctorOptions),
    /// Show how sagas, engine and workers are, from their metrics.
    Top(TopOptions),
    /// Run the orchestrator and its REST API.
    Serve(ServeOptions),
    /// Run one worker pool.
    Worker(WorkerOptions),
    /// Count what is sold, from the feed.
    Sales(SalesOptions),
    /// Run the sandbox payment provider.
    Provider(ProviderOptions),
    /// Run engine and pools in one process, as the child of `dev` and `demo`.
    #[command(hide = true)]
    Node(NodeOptions),
    /// Bring the schemas of engine and pools up to date, before a new version is rolled out.
    Migrate(MigrateOptions),
    /// Create the demo events that are missing.
    Seed(SeedOptions),
}

/// Threads that a role works with.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Threads {
    /// Threads; half of the processors by default: a role has others beside it, and what two threads hand to each other
    /// costs more than it gains (docs/benchmarks.md).
    #[arg(long, env = "IMPRESARIO_THREADS", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
}

impl Threads {
    pub(crate) fn count(self) -> usize {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or((processors / 2).max(1), usize::from)
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ServeOptions {
    /// PostgreSQL, `postgres://user@host:port/database`.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: String,
    /// RabbitMQ, `amqp://user:password@host:port/vhost`; the nodes of a cluster separated by commas: the next one is
    /// taken when one is gone.
    #[arg(long, env = "AMQP_URL", hide_env_values = true, value_parser = brokers)]
    pub(crate) amqp_url: String,
    /// Where the REST API listens.
    #[arg(long, env = "IMPRESARIO_LISTEN", default_value = "127.0.0.1:7070")]
    pub(crate) listen: SocketAddr,
    /// Name of this replica; unique among those of one database.
    #[arg(long)]
    pub(crate) replica: Option<String>,
    /// Results partitions; the same for all replicas of one database.
    #[arg(long, default_value_t = 4)]
    pub(crate) partitions: u16,
    /// Prefix of all queues and exchanges. Two databases on one virtual host need two.
    #[arg(long, env = "IMPRESARIO_QUEUE_PREFIX", default_value_t)]
    pub(crate) queue_prefix: Queues,
    /// Kind of the task and results queues.
    #[arg(long, env = "IMPRESARIO_QUEUES", value_enum, default_value_t = QueueKind::Classic)]
    pub(crate) queues: QueueKind,
    /// Days for which sagas are kept after their end; 0 keeps them for ever. Old days are dropped whole: one with a
    /// saga in it that has not ended stays.
    #[arg(long, env = "IMPRESARIO_RETAIN_DAYS", default_value_t = 400)]
    pub(crate) retain_days: u32,
    /// Hours for which a saga that the database has lost is left alone after it was last heard of
    /// (`impresario orphans`).
    #[arg(long, env = "IMPRESARIO_ORPHAN_GRACE_HOURS", default_value_t = 24)]
    pub(crate) orphan_grace_hours: u32,
    /// Further definitions to serve, besides the shipped ones.
    #[arg(long = "definition", value_name = "FILE")]
    pub(crate) definitions: Vec<std::path::PathBuf>,
    /// Secret that webhooks of the payment provider are signed with; without it they are refused.
    #[arg(long, env = "IMPRESARIO_WEBHOOK_SECRET", hide_env_values = true)]
    pub(crate) payment_webhook_secret: Option<String>,
    /// Redis, `redis://host:port/`, in which replicas share pages of the catalogue for a second; several with commas between
    /// them are members of a cluster. Without it every page is read from the database.
    #[arg(long, env = "IMPRESARIO_REDIS_URL", hide_env_values = true)]
    pub(crate) redis_url: Option<String>,
    #[command(flatten)]
    pub(crate) threads: Threads,
    #[command(flatten)]
    pub(crate) kafka: KafkaOptions,
    /// Seals what may be about people in the feed, `name:` and 32 bytes in base64; without it, that is left out.
    #[arg(long, env = "IMPRESARIO_FEED_KEY", hide_env_values = true, value_parser = impresario_feed::Key::parse)]
    pub(crate) feed_key: Option<impresario_feed::Key>,
}

/// The feed on Kafka; off without an address.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct KafkaOptions {
    /// Kafka, `host:port,host:port`. Turns the feed of this database on, also for replicas that have none.
    #[arg(long, env = "KAFKA_URL")]
    pub(crate) kafka: Option<String>,
    /// What the names of the feed's topics begin with.
    #[arg(long, env = "IMPRESARIO_FEED_PREFIX", default_value = impresario_feed::PREFIX)]
    pub(crate) feed_prefix: String,
}

/// Addresses of the broker: what is no list of them is refused before anything starts.
pub(crate) fn brokers(text: &str) -> Result<String, BrokersError> {
    text.parse().map(|_brokers: Brokers| text.to_owned())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum QueueKind {
    /// Durable classic queues: one broker, lowest latency.
    Classic,
    /// Replicated queues: a cluster of brokers.
    Quorum,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct WorkerOptions {
    /// Which pool.
    #[arg(value_enum)]
    pub(crate) pool: PoolName,
    /// PostgreSQL; the pool keeps its own schema in it. Not needed by `echo`.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, default_value = "")]
    pub(crate) database_url: String,
    /// RabbitMQ; the nodes of a cluster separated by commas.
    #[arg(long, env = "AMQP_URL", hide_env_values = true, value_parser = brokers)]
    pub(crate) amqp_url: String,
    /// Tasks that run at the same time; by default what suits the pool (payment 32, the others 256).
    #[arg(long)]
    pub(crate) slots: Option<usize>,
    /// Seconds that running tasks may go on after the stop.
    #[arg(long, default_value_t = 20)]
    pub(crate) grace: u64,
    /// Payment provider, for `payment`.
    #[arg(long, env = "PROVIDER_URL", default_value = "http://127.0.0.1:7071")]
    pub(crate) provider_url: String,
    /// Receiver of webhooks, for `notification`; without it they are only stored.
    #[arg(long, env = "WEBHOOK_URL")]
    pub(crate) webhook_url: Option<String>,
    /// Secret that webhooks are signed with, `whsec_…`.
    #[arg(long, env = "WEBHOOK_SECRET", hide_env_values = true)]
    pub(crate) webhook_secret: Option<String>,
    /// Prefix of the queues; must be the orchestrator's.
    #[arg(long, env = "IMPRESARIO_QUEUE_PREFIX", default_value_t)]
    pub(crate) queue_prefix: Queues,
    /// Kind of the task queue; must be the orchestrator's.
    #[arg(long, env = "IMPRESARIO_QUEUES", value_enum, default_value_t = QueueKind::Classic)]
    pub(crate) queues: QueueKind,
    /// Where `/healthz`, `/readyz` and `/metrics` are answered; nowhere without it.
    #[arg(long, env = "IMPRESARIO_HEALTH")]
    pub(crate) health: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) threads: Threads,
    #[command(flatten)]
    pub(crate) kafka: KafkaOptions,
}

/// The pools that this binary can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PoolName {
    Catalog,
    Payment,
    Booking,
    Notification,
    Echo,
}

impl PoolName {
    /// What a process of it measures.
    pub(crate) fn role(self) -> Role {
        match self {
            PoolName::Catalog => Role::Pool("catalog"),
            PoolName::Payment => Role::Pool("payment"),
            PoolName::Booking => Role::Pool("booking"),
            PoolName::Notification => Role::Pool("notification"),
            PoolName::Echo => Role::Worker,
        }
    }

    /// Tasks that run at the same time when nothing is said. A payment that has been started must be answered by
    /// the provider within its timeout: past what that stands, tasks had better wait in the queue, where waiting
    /// spends nothing. The sandbox decides so many in one set.
    pub(crate) fn slots(self) -> usize {
        match self {
            PoolName::Payment => 128,
            PoolName::Catalog | PoolName::Booking | PoolName::Notification | PoolName::Echo => 256,
        }
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ProviderOptions {
    /// PostgreSQL; the provider keeps its own schema in it.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: String,
    /// Where it listens.
    #[arg(long, env = "IMPRESARIO_LISTEN", default_value = "127.0.0.1:7071")]
    pub(crate) listen: SocketAddr,
    /// Who is told when money comes for a payment request: the orchestrator's `/v1/webhooks/payments`.
    #[arg(long, env = "PROVIDER_WEBHOOK_URL")]
    pub(crate) webhook_url: Option<String>,
    /// Secret that events are signed with; the orchestrator's as well.
    #[arg(long, env = "IMPRESARIO_WEBHOOK_SECRET", hide_env_values = true)]
    pub(crate) webhook_secret: Option<String>,
    #[command(flatten)]
    pub(crate) threads: Threads,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct MigrateOptions {
    /// PostgreSQL; engine and pools keep a schema each in it.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: String,
    /// The sandbox payment provider's schema too.
    #[arg(long, env = "IMPRESARIO_MIGRATE_PROVIDER")]
    pub(crate) provider: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct SeedOptions {
    /// PostgreSQL.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: String,
    /// Adds one event that everybody wants, with 20,000 seats.
    #[arg(long)]
    pub(crate) hot: bool,
}
