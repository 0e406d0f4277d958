//! Telling what happens in a pool on Kafka: the pool's triggers write it down, one of its processes tells it.
//!
//! A pool that tells has triggers named `told_…`, disabled by its migrations, and may have functions `tell_there_…` for
//! what was there before, some at a time. Turning the feed on enables the first, while nobody else writes these tables,
//! and then calls the second beside everybody's work: each locks what it looks at, so what changes meanwhile is told by
//! either of them, after what was before.
//!
//! Not here: what is told (each pool's migrations), and Kafka (the feed).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use impresario_feed::{
    Behind, Event, Parcel, Publisher, Settings, Source, SourceError, measure, topic,
};
use sqlx::AssertSqlSafe;
use tokio_util::sync::CancellationToken;

use crate::Database;

/// Events told in one turn at most.
const EVENTS_MAX: i64 = 2_000;

/// Things that were there and are told in one transaction at most: they are locked for some milliseconds.
const THERE_MAX: i32 = 1_000;

/// Rows counted at most: for people, "many" is enough.
const COUNT_MAX: i64 = 100_000;

/// How long a process may be silent before another one tells.
const LEASE_SECONDS: f64 = 9.0;

/// So that two renewals may fail.
const RENEW: Duration = Duration::from_secs(3);

/// Between two tries to turn the feed on: tables that are written all the time are not to be had at once.
const TURN_AGAIN: Duration = Duration::from_secs(1);

/// Turns the feed on, and tells what this pool's triggers write down until `stop`. `name` is the process's own.
pub async fn tell(
    database: Database,
    brokers: String,
    prefix: &str,
    name: String,
    stop: CancellationToken,
) {
    let topic = topic(prefix, database.schema());
    let settings = Settings {
        brokers,
        topic: topic.clone(),
        origin: format!("/impresario/{}", database.schema()),
    };
    let source = Written {
        database: database.clone(),
        name,
        renewed: Mutex::new(None),
    };
    let publisher = Publisher::new(Arc::new(source), settings).run(stop.clone());
    let behind = || async { Ok(behind(&database).await?) };
    tokio::join!(
        turn_on_at_last(&database, &stop),
        publisher,
        measure(topic, stop.clone(), behind)
    );
}

async fn turn_on_at_last(database: &Database, stop: &CancellationToken) {
    loop {
        match turn_on(database).await {
            Ok(true) => return tracing::info!(pool = database.schema(), "the feed is on"),
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(%error, pool = database.schema(), "cannot turn the feed on yet");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(TURN_AGAIN) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Enables the pool's triggers and tells what is there. False when all of that had been done.
pub async fn turn_on(database: &Database) -> Result<bool, sqlx::Error> {
    let turned = turn(database, true).await?;
    Ok(tell_what_is_there(database).await? || turned)
}

/// Disables the pool's triggers: from now on nothing is written down. What waits is still told, if somebody tells.
pub async fn turn_off(database: &Database) -> Result<bool, sqlx::Error> {
    turn(database, false).await
}

/// Whether what happens is written down.
pub async fn is_on(database: &Database) -> Result<bool, sqlx::Error> {
    let disabled = sqlx::query_scalar(
        "select count(*) from pg_trigger t join pg_class c on c.oid = t.tgrelid
          where c.relnamespace = current_schema()::regnamespace and t.tgname like 'told\\_%'
            and t.tgenabled = 'D'",
    );
    let disabled: i64 = disabled.fetch_one(database.pool()).await?;
    Ok(disabled == 0)
}

/// Enables or disables all triggers at once. False when they were that already.
async fn turn(database: &Database, on: bool) -> Result<bool, sqlx::Error> {
    let (word, from) = if on {
        ("enable", "D")
    } else {
        ("disable", "O")
    };
    let database = database.clone();
    // Not cut off in the middle, whatever becomes of the caller.
    let turned = tokio::spawn(async move {
        let mut tx = database.begin().await?;
        // One process after the other; the second finds nothing to do.
        sqlx::query("select from feed_lease for update")
            .execute(&mut *tx)
            .await?;
        let triggers: Vec<(String, String)> = sqlx::query_as(
            "select c.relname::text, t.tgname::text from pg_trigger t join pg_class c on c.oid = t.tgrelid
              where c.relnamespace = current_schema()::regnamespace and t.tgname like 'told\\_%'
                and t.tgenabled = $1::\"char\"
              order by c.relname, t.tgname",
        )
        .bind(from)
        .fetch_all(&mut *tx)
        .await?;
        for (table, trigger) in &triggers {
            let alter = format!("alter table {table} {word} trigger {trigger}");
            sqlx::raw_sql(AssertSqlSafe(alter))
                .execute(&mut *tx)
                .await?;
        }
        if !triggers.is_empty() {
            sqlx::query("update feed_lease set is_all_there = false")
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(!triggers.is_empty())
    });
    turned
        .await
        .map_err(|panic| sqlx::Error::Protocol(panic.to_string()))?
}

/// Tells what was there before the triggers were enabled, some at a time. False when somebody has done it. Two at the same
/// time, or one after another that has died, find told what is told.
async fn tell_what_is_there(database: &Database) -> Result<bool, sqlx::Error> {
    let done: bool = sqlx::query_scalar("select is_all_there from feed_lease")
        .fetch_one(database.pool())
        .await?;
    if done {
        return Ok(false);
    }
    let functions: Vec<String> = sqlx::query_scalar(
        "select proname::text from pg_proc
          where pronamespace = current_schema()::regnamespace and proname like 'tell\\_there\\_%' order by proname",
    )
    .fetch_all(database.pool())
    .await?;
    for function in functions {
        let call = format!("select {function}($1, $2)");
        let mut beyond: Option<String> = None;
        loop {
            beyond = sqlx::query_scalar(AssertSqlSafe(call.clone()))
                .bind(beyond)
                .bind(THERE_MAX)
                .fetch_one(database.pool())
                .await?;
            if beyond.is_none() {
                break;
            }
        }
    }
    sqlx::query("update feed_lease set is_all_there = true")
        .execute(database.pool())
        .await?;
    Ok(true)
}

/// What waits here.
pub async fn behind(database: &Database) -> Result<Behind, sqlx::Error> {
    let (rows, age) = sqlx::query_as(
        "select (select count(*) from (select from feed limit $1) waiting),
                coalesce(extract(epoch from clock_timestamp()
                    - (select at from feed order by id limit 1)), 0)::float8",
    )
    .bind(COUNT_MAX)
    .fetch_one(database.pool())
    .await?;
    Ok(Behind { rows, age })
}

/// What the triggers have written.
struct Written {
    database: Database,
    name: String,
    /// When the lease was written last, if it is this process's.
    renewed: Mutex<Option<Instant>>,
}

type Row = (i64, String, i64, String, String, DateTime<Utc>);

#[async_trait]
impl Source for Written {
    async fn next(&self) -> Result<Vec<Parcel>, SourceError> {
        if !self.leases().await? {
            return Ok(Vec::new());
        }
        let rows: Vec<Row> = sqlx::query_as(
            "select id, key, sequence, kind, data::text, at from feed order by id limit $1",
        )
        .bind(EVENTS_MAX)
        .fetch_all(self.database.pool())
        .await?;
        Ok(rows
            .into_iter()
            .map(|(id, key, sequence, kind, data, at)| {
                let event = Event {
                    kind,
                    key,
                    sequence,
                    at,
                    data: data.into_bytes(),
                };
                Parcel {
                    id,
                    events: vec![event],
                }
            })
            .collect())
    }

    async fn delivered(&self, rows: &[i64]) -> Result<u64, SourceError> {
        let deleted = sqlx::query("delete from feed where id = any($1)")
            .bind(rows)
            .execute(self.database.pool())
            .await?;
        Ok(deleted.rows_affected())
    }
}

impl Written {
    /// Whether this process is the one that tells. What lies further ahead than anybody can have written counts as over.
    async fn leases(&self) -> Result<bool, sqlx::Error> {
        let renewed = *self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        if renewed.is_some_and(|at| at.elapsed() < RENEW) {
            return Ok(true);
        }
        let now = Instant::now();
        let taken = sqlx::query(
            "update feed_lease set owner = $1, until = clock_timestamp() + make_interval(secs => $2)
              where owner = $1 or until < clock_timestamp()
                 or until > clock_timestamp() + 2 * make_interval(secs => $2)",
        )
        .bind(&self.name)
        .bind(LEASE_SECONDS)
        .execute(self.database.pool())
        .await?;
        let is_ours = taken.rows_affected() == 1;
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = is_ours.then_some(now);
        Ok(is_ours)
    }
}
