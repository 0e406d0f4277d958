//! Dropping old days: the partitions of a day whose sagas have all ended, long enough ago.
//!
//! A saga's id carries the day of its start, so a saga cannot be moved to another day: one that is still open
//! keeps its whole day, however old, and the day goes when the last of them has ended and its retention is over
//! (`docs/decisions/0004`). Whole tables are taken away, never rows: no vacuum, no load.
//!
//! One replica at a time. A day is first written down as decided, then its two tables are detached without
//! locking out the lanes, then dropped. Each of these may be where a process dies; the next turn, anywhere,
//! finishes what is written down, and takes up nothing that is not.
//!
//! Not here: idempotency keys. They outlive the sagas that they have started, see the decision record.

use impresario_workflows::{Millis, SagaId};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};

use super::sagas::instant;
use super::{Database, Error};

/// Days dropped in one turn at most: each waits for the transactions that were open when it began.
const DAYS_PER_TURN: usize = 8;

/// Open sagas counted in a day at most: for people, "many" is enough.
const OPEN_COUNT_MAX: i64 = 10_000;

/// Whoever holds this lock (of the session) is the one who drops.
const LOCK: i64 = 7_105_002;

/// The two tables that are cut into days.
const TABLES: [&str; 2] = ["saga", "journal"];

const DAY_MS: Millis = 86_400_000;

/// What a turn came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Days that are gone now.
    pub dropped: Vec<u32>,
    /// Days past their retention that open sagas keep, with how many.
    pub kept_open: Vec<(u32, i64)>,
}

/// Drops what may go at `now`, when sagas are kept for `retain_days` after their end. `None` when another
/// replica is at it.
pub async fn turn(
    database: &Database,
    now: Millis,
    retain_days: u32,
) -> Result<Option<Turn>, Error> {
    let doing = Error::doing("open a connection to drop old days");
    // Of its own, not of the pool: waiting for transactions may take longer than a read may.
    let mut connection = database.upkeep_connection().await.map_err(doing)?;
    let turn = locked_turn(&mut connection, now, retain_days).await;
    // The lock goes with the session, also when this fails.
    drop(connection.close().await);
    turn.map_err(Error::doing("drop old days"))
}

async fn locked_turn(
    connection: &mut PgConnection,
    now: Millis,
    retain_days: u32,
) -> Result<Option<Turn>, sqlx::Error> {
    let ours: bool = sqlx::query_scalar("select pg_try_advisory_lock($1)")
        .bind(LOCK)
        .fetch_one(&mut *connection)
        .await?;
    if !ours {
        return Ok(None);
    }
    finish_detaching(connection).await?;
    let mut turn = Turn::default();
    for day in decided(connection).await? {
        take_away(connection, day).await?;
        turn.dropped.push(day);
    }
    for day in old_days(connection, now, retain_days).await? {
        if turn.dropped.len() >= DAYS_PER_TURN {
            break;
        }
        let open = open_in(connection, day).await?;
        if open > 0 {
            turn.kept_open.push((day, open));
        } else if decide(connection, day, now, retain_days).await? {
            take_away(connection, day).await?;
            turn.dropped.push(day);
        }
    }
    Ok(Some(turn))
}

/// Days that somebody has decided about and not finished.
async fn decided(connection: &mut PgConnection) -> Result<Vec<u32>, sqlx::Error> {
    let days: Vec<i32> =
        sqlx::query_scalar("select day from day_dropped where done_at is null order by day")
            .fetch_all(connection)
            .await?;
    Ok(days
        .into_iter()
        .filter_map(|day| u32::try_from(day).ok())
        .collect())
}

/// Days with partitions that are old enough for their youngest saga to be past its retention, oldest first.
async fn old_days(
    connection: &mut PgConnection,
    now: Millis,
    retain_days: u32,
) -> Result<Vec<u32>, sqlx::Error> {
    // The last saga of a day may have started as the day ended, and ends no earlier than that.
    let Some(newest) = SagaId::day_of(now).checked_sub(retain_days.saturating_add(1)) else {
        return Ok(Vec::new());
    };
    let names: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
         where i.inhparent = 'saga'::regclass",
    )
    .fetch_all(connection)
    .await?;
    let mut days: Vec<u32> = names
        .iter()
        .filter_map(|name| name.strip_prefix("saga_")?.parse().ok())
        .filter(|day| *day <= newest)
        .collect();
    days.sort_unstable();
    Ok(days)
}

/// Sagas of the day that have not ended, as far as the indexes of what is due and what is stuck tell: enough
/// to keep the day, and cheap however often it is asked.
async fn open_in(connection: &mut PgConnection, day: u32) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "select count(*) from (
             select id from saga where id >= $1 and id < $2 and wake_at is not null
             union
             select id from saga where id >= $1 and id < $2 and status = 'stuck'
             limit $3
         ) open",
    )
    .bind(SagaId::first_of_day(day))
    .bind(SagaId::first_of_day(day + 1))
    .bind(OPEN_COUNT_MAX)
    .fetch_one(connection)
    .await
}

/// Looks at every saga of the day, and writes down that it goes when all have ended long enough ago.
async fn decide(
    connection: &mut PgConnection,
    day: u32,
    now: Millis,
    retain_days: u32,
) -> Result<bool, sqlx::Error> {
    let ended_before = now.saturating_sub(Millis::from(retain_days) * DAY_MS);
    let decided = sqlx::query(
        "insert into day_dropped (day, sagas)
         select $1, count(*) from saga
         where id >= $2 and id < $3
         having count(*) = count(*) filter (where ended_at <= $4)
            -- What has not been told on Kafka is still needed: whatever of these sagas waits was written before their
            -- ends. An hour more, because an end is dated by an engine's clock.
            and not exists (select from feed where added_at <= $4 + interval '1 hour')
         on conflict do nothing",
    )
    .bind(i32::try_from(day).unwrap_or(i32::MAX))
    .bind(SagaId::first_of_day(day))
    .bind(SagaId::first_of_day(day + 1))
    .bind(instant(ended_before))
    .execute(connection)
    .await?;
    Ok(decided.rows_affected() == 1)
}

/// A detach that was cut off has hidden its rows already, and no other is possible until it is finished.
async fn finish_detaching(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let pending: Vec<(String, String)> = sqlx::query_as(
        "select i.inhparent::regclass::text, i.inhrelid::regclass::text from pg_inherits i
         where i.inhdetachpending and i.inhparent in ('saga'::regclass, 'journal'::regclass)",
    )
    .fetch_all(&mut *connection)
    .await?;
    for (parent, partition) in pending {
        detach(connection, &parent, &partition, "finalize").await?;
    }
    Ok(())
}

/// Takes the tables of a decided day away, from wherever an earlier try has stopped.
async fn take_away(connection: &mut PgConnection, day: u32) -> Result<(), sqlx::Error> {
    for parent in TABLES {
        let partition = format!("{parent}_{day}");
        if is_attached(connection, &partition).await? {
            detach(connection, parent, &partition, "concurrently").await?;
        }
        let drop = format!("drop table if exists {partition}");
        connection
            .execute(sqlx::raw_sql(AssertSqlSafe(drop)))
            .await?;
    }
    sqlx::query("update day_dropped set done_at = clock_timestamp() where day = $1")
        .bind(i32::try_from(day).unwrap_or(i32::MAX))
        .execute(connection)
        .await
        .map(drop)
}

async fn is_attached(connection: &mut PgConnection, partition: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from pg_inherits where inhrelid = to_regclass($1))")
        .bind(partition)
        .fetch_one(connection)
        .await
}

/// Both words leave reads and commits alone: they wait for open transactions instead of locking them out.
async fn detach(
    connection: &mut PgConnection,
    parent: &str,
    partition: &str,
    how: &str,
) -> Result<(), sqlx::Error> {
    let detach = format!("alter table {parent} detach partition {partition} {how}");
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(detach)))
        .await
        .map(drop)
}
