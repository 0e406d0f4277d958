//! `epoch`: how often the database went back to an earlier moment. An engine that began in one epoch has no business in
//! the next: what it remembers of definitions, sagas and leases is of a database that is gone.
//!
//! Not a guard of commits: those have the journal's own (invariant 1). It ends engines that outlived a restore.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::{Database, Error};

/// Why a new epoch begins.
#[derive(Clone, Copy, Debug)]
pub struct Restored<'r> {
    /// The moment the database went back to, when it is known.
    pub to: Option<DateTime<Utc>>,
    /// Who had it restored.
    pub who: &'r str,
    /// Why.
    pub reason: &'r str,
}

/// The epoch now; 0 before the first restore.
pub async fn current(database: &Database) -> Result<i32, Error> {
    sqlx::query_scalar("select coalesce(max(number), 0) from epoch")
        .fetch_one(&database.pool)
        .await
        .map_err(Error::doing("read the epoch"))
}

/// Begins the next epoch; its number. Leases and replicas are of the last one, and are forgotten with it.
pub async fn begin(database: &Database, restored: Restored<'_>) -> Result<i32, Error> {
    let doing = "begin an epoch";
    let pool: &PgPool = &database.pool;
    let mut tx = pool.begin().await.map_err(Error::doing(doing))?;
    let number = sqlx::query_scalar(
        "insert into epoch (number, restored_to, who, reason)
         select coalesce(max(number), 0) + 1, $1, $2, $3 from epoch
         returning number",
    )
    .bind(restored.to)
    .bind(restored.who)
    .bind(restored.reason)
    .fetch_one(&mut *tx)
    .await
    .map_err(Error::doing(doing))?;
    sqlx::query("update lease set owner = null, until = '-infinity'")
        .execute(&mut *tx)
        .await
        .map_err(Error::doing(doing))?;
    sqlx::query("delete from replica")
        .execute(&mut *tx)
        .await
        .map_err(Error::doing(doing))?;
    tx.commit().await.map_err(Error::doing(doing))?;
    Ok(number)
}
