//! The outbox rows that a crash (or a full queue) has left behind.

use bytes::Bytes;
use sqlx::PgPool;

use super::Error;

/// One claim takes at most this many rows; a row may hold hundreds of tasks.
const CLAIM_MAX: i64 = 32;

/// A row to publish again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Row id.
    pub id: i64,
    /// Pool.
    pub pool: String,
    /// Results partition.
    pub partition: u16,
    /// Encoded tasks.
    pub tasks: Vec<Bytes>,
}

/// Claims rows past their due by pushing that out (10 s, doubling up to about 10 minutes): no lock is held
/// while they are published, and a claimer that dies only delays them.
pub async fn claim(pool: &PgPool, pools_without_credit: &[String]) -> Result<Vec<Left>, Error> {
    let rows: Vec<(i64, String, i16, Vec<Vec<u8>>)> = sqlx::query_as(
        "update outbox
         set due = clock_timestamp() + interval '10 seconds' * power(2, least(tries, 6)), tries = tries + 1
         where id = any (array(
             select id from outbox
             where due <= clock_timestamp() and pool <> all($2)
             order by due
             limit $1
             for update skip locked
         ))
         returning id, pool, partition, tasks",
    )
    .bind(CLAIM_MAX)
    .bind(pools_without_credit)
    .fetch_all(pool)
    .await
    .map_err(Error::doing("claim outbox rows"))?;
    Ok(rows
        .into_iter()
        .map(|(id, pool, part, tasks)| Left {
            id,
            pool,
            partition: u16::try_from(part).unwrap_or_default(),
            tasks: tasks.into_iter().map(Bytes::from).collect(),
        })
        .collect())
}

/// Rows whose queue is full: to be claimed as soon as there is credit again.
pub async fn hold(pool: &PgPool, ids: &[i64]) -> Result<(), Error> {
    sqlx::query("update outbox set due = clock_timestamp() where id = any($1)")
        .bind(ids)
        .execute(pool)
        .await
        .map(drop)
        .map_err(Error::doing("hold outbox rows back"))
}

/// Deletes confirmed rows, when there is no commit to carry them along.
pub async fn delete(pool: &PgPool, ids: &[i64]) -> Result<(), Error> {
    sqlx::query("delete from outbox where id = any($1)")
        .bind(ids)
        .execute(pool)
        .await
        .map(drop)
        .map_err(Error::doing("delete outbox rows"))
}

/// Pools with rows that should have been published by now (older than a second, or tried before): an empty
/// queue says nothing about their workers.
pub async fn pools_behind(pool: &PgPool) -> Result<Vec<String>, Error> {
    sqlx::query_scalar(
        "select distinct pool from outbox
         where due < clock_timestamp() + interval '9 seconds' or tries > 0 limit 1000",
    )
    .fetch_all(pool)
    .await
    .map_err(Error::doing("look for pools that are behind"))
}
