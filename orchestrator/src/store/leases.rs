//! Leases of results partitions: they spread the partitions over the replicas that are alive.
//!
//! For speed alone. A replica that believes too long in its lease only does work that loses its compare-and-set.
//! Instants are compared by the database's clock, so replicas need not agree on theirs. Should that one go back, what
//! lies further ahead than anybody can have written counts as over.

use sqlx::PgPool;

use super::Error;

/// A lease lasts this long; it is renewed at a third of it, so that two renewals may fail.
pub const LEASE_SECONDS: f64 = 9.0;

/// Makes the rows of all partitions.
pub async fn ensure(pool: &PgPool, partitions: u16) -> Result<(), Error> {
    sqlx::query(
        "insert into lease (partition, until)
         select p, '-infinity' from generate_series(0, $1::int - 1) p on conflict do nothing",
    )
    .bind(i32::from(partitions))
    .execute(pool)
    .await
    .map(drop)
    .map_err(Error::doing("make the lease rows"))
}

/// What one turn came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The partitions that the replica holds now.
    pub held: Vec<u16>,
    /// Other replicas that were alive lately.
    pub others: u16,
}

/// Shows that `name` is alive, renews what it holds, gives back what exceeds its fair share, and takes what is
/// free up to it.
pub async fn turn(pool: &PgPool, name: &str, partitions: u16) -> Result<Turn, Error> {
    let doing = "renew partition leases";
    let alive: i64 = sqlx::query_scalar(
        "with me as (
             insert into replica (name, seen_at) values ($1, clock_timestamp())
             on conflict (name) do update set seen_at = excluded.seen_at
         )
         select count(*) from replica
         where name <> $1 and seen_at > clock_timestamp() - make_interval(secs => $2)
           and seen_at < clock_timestamp() + make_interval(secs => $2)",
    )
    .bind(name)
    .bind(LEASE_SECONDS)
    .fetch_one(pool)
    .await
    .map_err(Error::doing(doing))?;
    let others = u16::try_from(alive).unwrap_or(u16::MAX);
    let share = partitions.div_ceil(others.saturating_add(1));
    let held: Vec<i16> = sqlx::query_scalar(
        "update lease set until = clock_timestamp() + make_interval(secs => $2), owner = $1
         where partition in (
             select partition from lease
             where owner = $1 or until < clock_timestamp()
                or until > clock_timestamp() + 2 * make_interval(secs => $2)
             -- What it holds already first, so that leases stay where the caches are.
             order by (owner is not distinct from $1) desc, partition
             limit $3
             for update skip locked
         )
         returning partition",
    )
    .bind(name)
    .bind(LEASE_SECONDS)
    .bind(i64::from(share))
    .fetch_all(pool)
    .await
    .map_err(Error::doing(doing))?;
    sqlx::query("update lease set owner = null, until = '-infinity' where owner = $1 and partition <> all($2)")
        .bind(name)
        .bind(&held)
        .execute(pool)
        .await
        .map_err(Error::doing(doing))?;
    let mut held: Vec<u16> = held
        .into_iter()
        .filter_map(|p| u16::try_from(p).ok())
        .collect();
    held.sort_unstable();
    Ok(Turn { held, others })
}

/// Gives everything back: a replica that stops need not be waited for.
pub async fn give_back(pool: &PgPool, name: &str) -> Result<(), Error> {
    sqlx::query(
        "with gone as (delete from replica where name = $1)
         update lease set owner = null, until = '-infinity' where owner = $1",
    )
    .bind(name)
    .execute(pool)
    .await
    .map(drop)
    .map_err(Error::doing("give partition leases back"))
}
