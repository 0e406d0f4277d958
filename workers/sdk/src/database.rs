//! A pool's own schema in Postgres: connections, migrations, transactions.
//!
//! Every connection sees only its schema (`search_path`), so the SDK's tables exist once per pool and several
//! pools can share a database. Waiting is bounded on the server: for locks, for a statement, for a client
//! that went away inside a transaction.
//!
//! Subtle: `Pool::begin` of sqlx 0.9 is not cancel-safe. Transactions are therefore only begun inside spawned
//! tasks that run to their end, and a connection that comes back inside one is thrown away.

use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool, Postgres, Transaction};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Which schema, and how long to wait for what.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// The pool's schema; lower-case letters, digits and underscores.
    pub schema: String,
    /// Connections at most.
    pub connections_max: u32,
    /// How long a statement waits for a row: a concurrent duplicate gives up after it.
    pub lock_timeout: Duration,
    /// How long one statement may run.
    pub statement_timeout: Duration,
    /// How long a task waits for a free connection.
    pub acquire_timeout: Duration,
}

impl DatabaseSettings {
    /// The usual settings for a pool's schema.
    pub fn new(schema: impl Into<String>) -> Self {
        DatabaseSettings {
            schema: schema.into(),
            connections_max: 8,
            lock_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(10),
            acquire_timeout: Duration::from_secs(10),
        }
    }
}

/// Every statement on the path finds its rows by key. A plan that was made while a table was empty would read all of
/// it, for as long as the connection lives and however long the table has become: so the planner is told. What has no
/// index is still scanned; only then the plan's pretended cost must not call the compiler.
const BY_KEY: [(&str, &str); 4] = [
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];

/// Why the database could not be opened or migrated.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The schema's name would have to be quoted.
    #[error("`{0}` is no schema name (lower-case letters, digits, underscores)")]
    SchemaName(String),
    /// Connecting or preparing failed.
    #[error("database of schema {schema}")]
    Database {
        /// The schema.
        schema: String,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// A migration failed.
    #[error("migrations of schema {schema}")]
    Migrate {
        /// The schema.
        schema: String,
        /// What the migrator said.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
}

/// Connections to one pool's schema. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    pool: PgPool,
    options: PgConnectOptions,
    schema: String,
    turn: Arc<Semaphore>,
}

/// Sets that a process has in one schema at the same time. With one, what arrives meanwhile is the next set; more replicas
/// of the worker are more sets.
const SETS_AT_ONCE: usize = 1;

impl Database {
    /// Prepares connections to `url`; they are made when first needed, so a worker can start before its
    /// database does.
    pub fn open(url: &str, settings: DatabaseSettings) -> Result<Self, DatabaseError> {
        let schema = settings.schema.clone();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if schema.is_empty() || !schema.chars().all(plain) {
            return Err(DatabaseError::SchemaName(schema));
        }
        let options: PgConnectOptions = url.parse().map_err(|source| DatabaseError::Database {
            schema: schema.clone(),
            source,
        })?;
        let options = options
            .application_name(&format!("impresario worker {schema}"))
            .options([("search_path", schema.as_str())])
            .options(BY_KEY);
        let limits = [
            ("lock_timeout", settings.lock_timeout),
            ("statement_timeout", settings.statement_timeout),
            // A worker that was stopped inside a transaction must not hold its rows for ever.
            (
                "idle_in_transaction_session_timeout",
                settings.statement_timeout * 2,
            ),
        ]
        .map(|(name, limit)| (name, limit.as_millis().to_string()));
        let pool = PgPoolOptions::new()
            .max_connections(settings.connections_max)
            .acquire_timeout(settings.acquire_timeout)
            .test_before_acquire(false)
            .max_lifetime(Duration::from_secs(30 * 60))
            .after_release(|connection, _| {
                let clean = !connection.is_in_transaction();
                Box::pin(async move { Ok(clean) })
            })
            .connect_lazy_with(options.clone().options(limits));
        Ok(Database {
            pool,
            options,
            schema,
            turn: Arc::new(Semaphore::new(SETS_AT_ONCE)),
        })
    }

    /// Creates the schema and brings the SDK's and the pool's own tables up to date. Safe to run by several
    /// processes at once. Runs without the usual time limits: a migration may wait for its turn.
    ///
    /// Migrations that this program does not know are a newer one's, and are left alone: while versions are rolled
    /// out, and after a rollback, an older program restarts on the newer schema.
    pub async fn migrate(&self, own: Migrator) -> Result<(), DatabaseError> {
        let mut barrier = sqlx::migrate!("./migrations");
        barrier.dangerous_set_table_name("sdk_migrations");
        // Under the migrator's lock: `create schema if not exists` alone can collide with itself.
        barrier.create_schema(self.schema.clone());
        self.apply(barrier).await?;
        self.apply(own).await
    }

    /// The same for a schema whose owner serves no tasks: without the barrier's tables.
    pub async fn migrate_without_barrier(&self, mut own: Migrator) -> Result<(), DatabaseError> {
        own.create_schema(self.schema.clone());
        self.apply(own).await
    }

    async fn apply(&self, mut migrator: Migrator) -> Result<(), DatabaseError> {
        migrator.set_ignore_missing(true);
        let database = |source| DatabaseError::Database {
            schema: self.schema.clone(),
            source,
        };
        let migrating = |source| DatabaseError::Migrate {
            schema: self.schema.clone(),
            source,
        };
        let mut connection = PgConnection::connect_with(&self.options)
            .await
            .map_err(database)?;
        migrator
            .run_direct(None, &mut connection, false)
            .await
            .map_err(migrating)?;
        connection.close().await.map_err(database)
    }

    /// Begins a transaction. Call it only in a task that runs to its end (see the module text).
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.pool.begin().await
    }

    /// Waits until a set may begin; it lasts until what is returned is dropped.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed, so never an error.
        self.turn.acquire().await.ok()
    }

    /// The connections, for reads and single statements.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The schema's name.
    pub fn schema(&self) -> &str {
        &self.schema
    }
}
