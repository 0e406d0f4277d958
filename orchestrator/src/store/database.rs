//! Opening the database: the pool for reads and upkeep, and the connection of the commit path.

use std::time::Duration;

use impresario_workflows::Millis;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, Postgres};

use super::Error;

/// The engine's tables live in a schema of their own, beside those of the pools.
pub const SCHEMA: &str = "impresario";

/// How to reach the database.
#[derive(Clone, Debug)]
pub struct Options {
    /// `postgres://user@host:port/database`.
    pub url: String,
    /// Connections for reads and upkeep; the commit path has one more of its own.
    pub connections_max: u32,
}

impl Options {
    /// Ten connections: reads are short, and Postgres pays for each one.
    pub fn new(url: impl Into<String>) -> Self {
        Options {
            url: url.into(),
            connections_max: 10,
        }
    }
}

/// The opened, migrated database.
#[derive(Clone, Debug)]
pub struct Database {
    /// For reads and upkeep.
    pub pool: PgPool,
    connect: PgConnectOptions,
}

impl Database {
    /// Opens the database and brings the schema up to date.
    pub async fn open(options: &Options) -> Result<Database, Error> {
        let connect: PgConnectOptions = options.url.parse().map_err(Error::Open)?;
        let connect = connect
            .application_name("impresario")
            .options([
                ("search_path", SCHEMA),
                ("statement_timeout", "30s"),
                ("lock_timeout", "5s"),
            ])
            .disable_statement_logging();
        create_schema(&connect).await.map_err(Error::Open)?;
        let pool = PgPoolOptions::new()
            .max_connections(options.connections_max)
            .acquire_timeout(Duration::from_secs(5))
            // One round trip less per use; a dead connection shows itself in the statement.
            .test_before_acquire(false)
            .connect_with(connect.clone())
            .await
            .map_err(Error::Open)?;
        let mut migrations = sqlx::migrate!("./migrations");
        // A newer program's are left alone: while versions are rolled out, and after a rollback, an older one restarts
        // on the newer schema.
        migrations.set_ignore_missing(true);
        let database = Database { pool, connect };
        // Not within the pool's limits: of replicas that start together one migrates, and the others wait for it.
        let patient = PgPoolOptions::new()
            .max_connections(1)
            .connect_with(database.patient())
            .await
            .map_err(Error::Open)?;
        migrations.run(&patient).await.map_err(Error::Migrate)?;
        patient.close().await;
        Ok(database)
    }

    /// A connection for the commit path. Plans are made once and for tables of any size: the tables are empty
    /// when they are made, so the planner must not be led by that.
    pub async fn commit_connection(&self) -> Result<PgConnection, sqlx::Error> {
        let options = self.connect.clone().options([
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
        ]);
        let mut connection = PgConnection::connect_with(&options).await?;
        let (level,): (String,) = sqlx::query_as("select current_setting('synchronous_commit')")
            .fetch_one(&mut connection)
            .await?;
        if level == "off" {
            tracing::warn!(
                "synchronous_commit is off: the last commits are lost when the server crashes"
            );
        }
        Ok(connection)
    }

    /// Connections for what reads whole batches by key: plans are made as for the commit path, for the same reason.
    pub(crate) fn keyed_pool(&self, connections_max: u32) -> PgPool {
        let options = self.connect.clone().options([
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
        ]);
        PgPoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(Duration::from_secs(5))
            .test_before_acquire(false)
            .connect_lazy_with(options)
    }

    /// A connection for maintenance that waits for others: for as long as it takes, and in nobody's way. What it
    /// waits for is bounded itself, by the statement timeouts of everybody else.
    pub(super) async fn upkeep_connection(&self) -> Result<PgConnection, sqlx::Error> {
        PgConnection::connect_with(&self.patient()).await
    }

    fn patient(&self) -> PgConnectOptions {
        let limits = [("statement_timeout", "15min"), ("lock_timeout", "5min")];
        self.connect.clone().options(limits)
    }

    /// What time it is for the database.
    pub(crate) async fn now(&self) -> Result<Millis, Error> {
        let sql = "select (extract(epoch from clock_timestamp()) * 1000)::int8";
        let now: Result<i64, _> = sqlx::query_scalar(sql).fetch_one(&self.pool).await;
        let now = now.map_err(Error::doing("ask for the time"))?;
        Ok(u64::try_from(now).unwrap_or_default())
    }

    /// A connection of the pool that answers: after the database was away, those that were idle are dead, and what is
    /// written must not be the first to find out.
    pub async fn live_connection(&self) -> Result<PoolConnection<Postgres>, Error> {
        let mut tries = 0;
        loop {
            let acquired = self.pool.acquire().await;
            let mut connection = acquired.map_err(Error::doing("get a connection"))?;
            match connection.ping().await {
                Ok(()) => return Ok(connection),
                // More dead ones than there are in the pool: it is the database.
                Err(source) if tries > self.pool.options().get_max_connections() => {
                    return Err(Error::doing("get a connection that answers")(source));
                }
                Err(_) => tries += 1,
            }
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> bool {
        sqlx::query("select 1").execute(&self.pool).await.is_ok()
    }
}

async fn create_schema(connect: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect_with(connect).await?;
    // Two replicas that start together may both try; the loser's error only says that it exists.
    let created = connection
        .execute("create schema if not exists impresario")
        .await;
    connection.close().await?;
    match created {
        Ok(_) => Ok(()),
        Err(error)
            if error
                .as_database_error()
                .is_some_and(|e| e.is_unique_violation()) =>
        {
            Ok(())
        }
        Err(error) => Err(error),
    }
}
