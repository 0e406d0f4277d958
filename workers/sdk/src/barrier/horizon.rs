//! Since when the barrier is complete, and the two things that move that instant: purge and restore.
//!
//! A missing row proves "never ran" only for sagas started after the horizon. Rows are purged by saga, after
//! their saga's end, never by age alone: a saga may wait for months and still be undone.

use sqlx::PgConnection;

use crate::Database;

/// Sagas purged in one transaction at most, to keep its locks short.
const PURGE_SAGAS_MAX: usize = 1000;

/// Why the barrier could not be maintained.
#[derive(Debug, thiserror::Error)]
pub enum BarrierError {
    /// The database failed; what was committed before stays.
    #[error("barrier of schema {schema}")]
    Database {
        /// The pool's schema.
        schema: String,
        /// What it said.
        #[source]
        source: sqlx::Error,
    },
}

/// Maintenance of one pool's barrier, for whoever knows which sagas have ended.
#[derive(Clone, Debug)]
pub struct Barrier {
    pub(super) database: Database,
}

impl Barrier {
    /// The barrier in this schema.
    pub fn new(database: Database) -> Self {
        Barrier { database }
    }

    pub(super) fn failed(&self, source: sqlx::Error) -> BarrierError {
        BarrierError::Database {
            schema: self.database.schema().to_owned(),
            source,
        }
    }

    /// The instant (Unix milliseconds) from which on the barrier is complete.
    pub async fn horizon_ms(&self) -> Result<u64, BarrierError> {
        let horizon: i64 = sqlx::query_scalar("select saga_started_at from barrier_horizon")
            .fetch_one(self.database.pool())
            .await
            .map_err(|source| self.failed(source))?;
        Ok(u64::try_from(horizon).unwrap_or(0))
    }

    /// Raises the horizon, never lowers it. After a restore from a backup: to the instant of the restore.
    pub async fn raise_horizon(&self, to_ms: u64) -> Result<(), BarrierError> {
        sqlx::query("update barrier_horizon set saga_started_at = greatest(saga_started_at, $1)")
            .bind(i64::try_from(to_ms).unwrap_or(i64::MAX))
            .execute(self.database.pool())
            .await
            .map_err(|source| self.failed(source))?;
        Ok(())
    }

    /// Forgets the effects of sagas that have ended for good; how many rows that were. `sagas` are the saga
    /// parts of their effect keys. Raises the horizon past the youngest of them, because from now on their
    /// missing rows prove nothing. Open intents are never forgotten: they may still happen.
    pub async fn purge(&self, sagas: &[String]) -> Result<u64, BarrierError> {
        let mut purged = 0;
        for chunk in sagas.chunks(PURGE_SAGAS_MAX) {
            let database = self.database.clone();
            let chunk = chunk.to_vec();
            // In a task of its own, so that a caller who goes away cannot leave a transaction behind.
            let done = tokio::spawn(async move { purge_chunk(&database, &chunk).await }).await;
            purged += match done {
                Ok(done) => done.map_err(|source| self.failed(source))?,
                Err(panic) => return Err(self.failed(sqlx::Error::Protocol(panic.to_string()))),
            };
        }
        Ok(purged)
    }
}

async fn purge_chunk(database: &Database, sagas: &[String]) -> Result<u64, sqlx::Error> {
    let mut tx = database.begin().await?;
    // All keys of a saga lie between `<saga>/` and `<saga>0`: '0' follows '/' in the "C" collation.
    let purged: i64 = sqlx::query_scalar(
        "with gone as (
             delete from barrier b
              using unnest($1::text[]) as s(saga)
              where b.effect >= s.saga || '/' and b.effect < s.saga || '0'
                and b.state not in ('intent', 'closing', 'undoing')
             returning b.saga_started_at
         ), raised as (
             update barrier_horizon h
                set saga_started_at = greatest(h.saga_started_at, g.youngest + 1)
               from (select max(saga_started_at) as youngest from gone) g
              where g.youngest is not null
         )
         select count(*) from gone",
    )
    .bind(sagas)
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query(
        "delete from task_start t
          using unnest($1::text[]) as s(saga)
          where t.effect >= s.saga || '/' and t.effect < s.saga || '0'",
    )
    .bind(sagas)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(u64::try_from(purged).unwrap_or(0))
}

/// Whether a missing row proves that an effect of a saga started then never ran.
pub(crate) async fn covers(
    tx: &mut PgConnection,
    saga_started_at_ms: u64,
) -> Result<bool, sqlx::Error> {
    let horizon: i64 = sqlx::query_scalar("select saga_started_at from barrier_horizon")
        .fetch_one(tx)
        .await?;
    Ok(reaches(horizon, saga_started_at_ms))
}

/// The same question with the horizon in hand.
pub(crate) fn reaches(horizon: i64, saga_started_at_ms: u64) -> bool {
    i64::try_from(saga_started_at_ms).unwrap_or(i64::MAX) >= horizon
}
