//! How the platform stands, in numbers: what nobody can count as it happens, because it is not an event.
//!
//! Asked for by one replica at a slow beat. Every statement is bounded by a limit or by what an index holds, and by the
//! statement timeout of all; what is cut off is said in the metric's help.

use impresario_workflows::SagaId;
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::Error;

/// Open sagas that are counted at most: three seconds' worth of starts that nobody serves any more.
const OPEN_MAX: i64 = 200_000;

/// Stuck sagas whose reasons are looked up at most: past that the number is the news, not the reasons.
pub const STUCK_MAX: i64 = 500;

/// Outbox rows and overdue sagas that are counted at most.
const ROWS_MAX: i64 = 10_000;
const OVERDUE_MAX: i64 = 1_000;

/// Sagas of one definition and status that have not ended.
#[derive(Clone, Debug, FromRow)]
pub struct Open {
    /// The definition's name.
    pub definition: String,
    /// The status.
    pub status: String,
    /// How many.
    pub sagas: i64,
    /// Age of the oldest, in seconds.
    pub oldest: f64,
}

/// Sagas that have not ended.
pub async fn open(pool: &PgPool) -> Result<Vec<Open>, Error> {
    sqlx::query_as(
        "select d.name as definition, o.status, count(*) as sagas,
                extract(epoch from clock_timestamp() - min(o.started_at))::float8 as oldest
         from (
             (select definition_id, status, started_at from saga
              where wake_at is not null and status <> 'stuck' limit $1)
             union all
             (select definition_id, status, started_at from saga where status = 'stuck' limit $1)
         ) o
         join definition d on d.id = o.definition_id
         group by d.name, o.status",
    )
    .bind(OPEN_MAX)
    .fetch_all(pool)
    .await
    .map_err(Error::doing("count the open sagas"))
}

/// The newest sagas that stand before a human.
pub async fn stuck(pool: &PgPool) -> Result<Vec<SagaId>, Error> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "select id from saga where status = 'stuck' order by started_at desc, id desc limit $1",
    )
    .bind(STUCK_MAX)
    .fetch_all(pool)
    .await
    .map_err(Error::doing("look for stuck sagas"))?;
    Ok(ids.into_iter().map(SagaId).collect())
}

/// Sagas that nobody has looked at although they are due for a while.
pub async fn overdue(pool: &PgPool) -> Result<i64, Error> {
    sqlx::query_scalar(
        "select count(*) from (
             select from saga where wake_at < clock_timestamp() - interval '5 seconds' limit $1
         ) o",
    )
    .bind(OVERDUE_MAX)
    .fetch_one(pool)
    .await
    .map_err(Error::doing("count overdue sagas"))
}

/// What the outbox holds for one pool past its due.
#[derive(Clone, Debug, FromRow)]
pub struct Held {
    /// The pool.
    pub pool: String,
    /// Tasks.
    pub tasks: i64,
    /// Age of the oldest row past its due, in seconds.
    pub oldest: f64,
}

/// What the outbox holds past its due, by pool.
pub async fn held(pool: &PgPool) -> Result<Vec<Held>, Error> {
    sqlx::query_as(
        "select pool, coalesce(sum(cardinality(tasks)), 0)::int8 as tasks,
                extract(epoch from clock_timestamp() - min(due))::float8 as oldest
         from (select pool, tasks, due from outbox
               where due <= clock_timestamp() or tries > 0 order by due limit $1) o
         group by pool",
    )
    .bind(ROWS_MAX)
    .fetch_all(pool)
    .await
    .map_err(Error::doing("count the outbox"))
}

/// What the server says of itself.
#[derive(Clone, Debug, Default, FromRow)]
#[expect(missing_docs, reason = "the columns of the statement")]
pub struct Server {
    pub active: i64,
    pub idle: i64,
    pub idle_in_transaction: i64,
    pub max_connections: i64,
    pub committed: i64,
    pub rolled_back: i64,
    pub blocks_hit: i64,
    pub blocks_read: i64,
    pub deadlocks: i64,
    pub bytes: i64,
    pub oldest_transaction: f64,
    pub standbys: i64,
    pub lag: f64,
    pub wal_bytes: f64,
    pub archive_failures: i64,
}

/// Asks the server.
pub async fn server(pool: &PgPool) -> Result<Server, Error> {
    sqlx::query_as(
        "select (select count(*) from pg_stat_activity where state = 'active') as active,
                (select count(*) from pg_stat_activity where state = 'idle') as idle,
                (select count(*) from pg_stat_activity where state like 'idle in transaction%')
                    as idle_in_transaction,
                current_setting('max_connections')::int8 as max_connections,
                d.xact_commit as committed, d.xact_rollback as rolled_back,
                d.blks_hit as blocks_hit, d.blks_read as blocks_read, d.deadlocks,
                pg_database_size(d.datid) as bytes,
                (select coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0)::float8
                 from pg_stat_activity where backend_type = 'client backend') as oldest_transaction,
                (select count(*) from pg_stat_replication) as standbys,
                (select coalesce(max(extract(epoch from replay_lag)), 0)::float8
                 from pg_stat_replication) as lag,
                case when pg_is_in_recovery() then 0
                     else pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') end::float8 as wal_bytes,
                (select failed_count from pg_stat_archiver) as archive_failures
         from pg_stat_database d where d.datname = current_database()",
    )
    .fetch_one(pool)
    .await
    .map_err(Error::doing("ask the database server how it is"))
}
