//! Day partitions of `saga` and `journal`: made ahead, so that no insert ever waits for one.
//!
//! Partitions exist from today to a week ahead. Ids begin with the day of the start, so one saga is in one
//! partition for ever, however long it runs. Not here: dropping old days ([`retention`](super::retention)).

use impresario_workflows::{Millis, SagaId};
use sqlx::Executor;
use sqlx::{PgConnection, PgPool};

use super::Error;

/// So many days exist ahead of today: a replica may be down for most of a week.
const DAYS_AHEAD: u32 = 7;

/// Makes the partitions of the days from `now` on, as far as they are missing.
pub async fn ensure(pool: &PgPool, now: Millis) -> Result<(), Error> {
    let today = SagaId::day_of(now);
    let acquired = pool.acquire().await;
    let mut connection = acquired.map_err(Error::doing("make a day's partitions"))?;
    // Yesterday too: another replica's clock may still be there.
    for day in today.saturating_sub(1)..=today + DAYS_AHEAD {
        one(&mut connection, day).await?;
    }
    Ok(())
}

/// Makes the partitions of one day, if they are missing: of a saga that was lost, in a database that went back to before
/// its day.
pub async fn one(connection: &mut PgConnection, day: u32) -> Result<(), Error> {
    make(connection, day)
        .await
        .map_err(Error::doing("make a day's partitions"))
}

async fn make(connection: &mut PgConnection, day: u32) -> Result<(), sqlx::Error> {
    let exists: Option<String> = sqlx::query_scalar("select to_regclass($1)::text")
        .bind(format!("journal_{day}"))
        .fetch_one(&mut *connection)
        .await?;
    if exists.is_some() {
        return Ok(());
    }
    let (from, to) = (SagaId::first_of_day(day), SagaId::first_of_day(day + 1));
    // One transaction, under a lock: two replicas that start together make each day once. The fill factor
    // leaves room on the page for the one update that a saga's row gets.
    let script = format!(
        "begin;
         select pg_advisory_xact_lock(7105001);
         create table if not exists saga_{day} partition of saga for values from ('{from}') to ('{to}')
             with (fillfactor = 80);
         create table if not exists journal_{day} partition of journal for values from ('{from}') to ('{to}');
         commit;"
    );
    connection
        .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(script)))
        .await
        .map(drop)
}
