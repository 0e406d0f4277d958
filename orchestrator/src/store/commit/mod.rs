//! The commit: one statement ([`shape`]), one round trip, for everything a lane has decided since the last one.
//!
//! It is sorted by key and by saga, so that two replicas lock in the same order.
//!
//! Subtle: an error may come after the server has committed. [`Answer::Unknown`] says so; the caller re-reads
//! ([`written`]) and never assumes.

mod shape;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use impresario_metrics::table::COMMITS_CONTENDED;
use impresario_workflows::SagaId;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use super::Error;
use super::error::{Aftermath, aftermath, has_code};
use shape::{Rivals, Shape};

/// Everything that one commit adds, column by column.
#[derive(Debug, Default)]
pub struct Batch {
    /// Tells this commit from every other: replica and counter.
    pub nonce: String,
    /// New sagas, sorted by (tenant, definition, key).
    pub starts: Starts,
    /// Journal rows, sorted by saga.
    pub rows: Rows,
    /// Saga rows that change.
    pub changes: Changes,
    /// Tasks to send.
    pub tasks: Tasks,
    /// Outbox rows that are confirmed.
    pub delivered: Vec<i64>,
}

/// Columns of `saga_key` and `saga` for new sagas.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the columns of the tables")]
pub struct Starts {
    pub saga: Vec<Uuid>,
    pub tenant: Vec<String>,
    pub definition: Vec<String>,
    pub key: Vec<String>,
    pub body_hash: Vec<Vec<u8>>,
    pub definition_id: Vec<i32>,
    pub partition: Vec<i16>,
    pub status: Vec<String>,
    pub business_key: Vec<Option<String>>,
    pub attributes: Vec<Option<String>>,
    pub started_at: Vec<DateTime<Utc>>,
    pub ended_at: Vec<Option<DateTime<Utc>>>,
    pub wake_at: Vec<Option<DateTime<Utc>>>,
}

/// Columns of `journal`.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the columns of the table")]
pub struct Rows {
    pub saga: Vec<Uuid>,
    pub seq: Vec<i32>,
    /// Shared with who tells of it.
    pub body: Vec<Bytes>,
    /// The saga's results partition: whose publisher tells of it.
    pub partition: Vec<i16>,
}

/// Changed columns of `saga`.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the columns of the table")]
pub struct Changes {
    pub saga: Vec<Uuid>,
    pub status: Vec<String>,
    pub ended_at: Vec<Option<DateTime<Utc>>>,
    pub wake_at: Vec<Option<DateTime<Utc>>>,
    /// The version that it goes on under; none when it stays what it is.
    pub definition_id: Vec<Option<i32>>,
}

/// Tasks by saga, with the pool and results partition of each.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the columns of the statement")]
pub struct Tasks {
    pub saga: Vec<Uuid>,
    pub pool: Vec<String>,
    pub partition: Vec<i16>,
    /// Shared with what is published once this is committed.
    pub body: Vec<Bytes>,
}

/// What became of a batch.
#[derive(Debug)]
pub enum Answer {
    /// Committed. Sagas that are not among the winners lost their seq (or their key) to somebody else.
    Committed(Committed),
    /// Rolled back, and the same may work now.
    Transient(sqlx::Error),
    /// Rolled back, and the same fails again: some row of it is bad.
    Definite(sqlx::Error),
    /// Perhaps committed.
    Unknown(sqlx::Error),
}

/// The winners, and the outbox rows that were written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Sagas whose journal row is in place.
    pub won: Vec<SagaId>,
    /// (outbox id, pool, results partition).
    pub outbox: Vec<(i64, String, u16)>,
}

/// Commits a batch.
pub async fn commit(connection: &mut PgConnection, batch: &Batch) -> Answer {
    let mut shape = Shape::of(batch, Rivals::Unlikely);
    let mut answered = execute(connection, shape, batch).await;
    // In each of these the server says that it has rolled it back: the same batch may be tried at once.
    if says(&answered, UNDEFINED_TABLE) {
        // A day that is gone: whether its keys were used is known all the same.
        shape = shape.about_all_days();
        answered = execute(connection, shape, batch).await;
    }
    if says(&answered, UNIQUE_VIOLATION) {
        COMMITS_CONTENDED.add(1);
        answered = execute(connection, shape.with_rivals(), batch).await;
    }
    match answered {
        Ok(committed) => Answer::Committed(committed),
        Err(error) => match aftermath(&error) {
            Aftermath::Transient => Answer::Transient(error),
            Aftermath::Definite => Answer::Definite(error),
            Aftermath::Unknown => Answer::Unknown(error),
        },
    }
}

const UNDEFINED_TABLE: &str = "42P01";
const UNIQUE_VIOLATION: &str = "23505";

fn says(answered: &Result<Committed, sqlx::Error>, code: &str) -> bool {
    answered.as_ref().is_err_and(|error| has_code(error, code))
}

async fn execute(
    connection: &mut PgConnection,
    shape: Shape,
    batch: &Batch,
) -> Result<Committed, sqlx::Error> {
    let Batch {
        nonce,
        starts,
        rows,
        changes,
        tasks,
        delivered,
    } = batch;
    let journalled: Vec<&[u8]> = rows.body.iter().map(Bytes::as_ref).collect();
    let bodies: Vec<&[u8]> = tasks.body.iter().map(Bytes::as_ref).collect();
    sqlx::query(AssertSqlSafe(shape.sql()))
        .bind(&starts.tenant)
        .bind(&starts.definition)
        .bind(&starts.key)
        .bind(&starts.saga)
        .bind(&starts.body_hash)
        .bind(&rows.saga)
        .bind(&rows.seq)
        .bind(journalled)
        .bind(&starts.definition_id)
        .bind(&starts.partition)
        .bind(&starts.status)
        .bind(&starts.business_key)
        .bind(&starts.attributes)
        .bind(&starts.started_at)
        .bind(&starts.ended_at)
        .bind(&starts.wake_at)
        .bind(&changes.saga)
        .bind(&changes.status)
        .bind(&changes.ended_at)
        .bind(&changes.wake_at)
        .bind(&tasks.saga)
        .bind(&tasks.pool)
        .bind(&tasks.partition)
        .bind(bodies)
        .bind(nonce)
        .bind(delivered)
        .bind(&changes.definition_id)
        .bind(&rows.partition)
        .fetch_all(connection)
        .await
        .and_then(|found| found.iter().try_fold(Committed::default(), fold_answer))
}

fn fold_answer(
    mut committed: Committed,
    row: &sqlx::postgres::PgRow,
) -> Result<Committed, sqlx::Error> {
    if let Some(saga) = row.try_get::<Option<Uuid>, _>(0)? {
        committed.won.push(SagaId(saga));
    }
    if let Some(id) = row.try_get::<Option<i64>, _>(1)? {
        let partition = u16::try_from(row.try_get::<i16, _>(3)?).unwrap_or_default();
        committed.outbox.push((id, row.try_get(2)?, partition));
    }
    Ok(committed)
}

/// After an unclear answer: which of the batch's rows are in the journal, byte for byte, and which outbox rows
/// carry its nonce. Asked on another connection, once the server answers again.
pub async fn written(pool: &PgPool, batch: &Batch) -> Result<Committed, Error> {
    let doing = "re-read a commit whose answer was lost";
    let bodies: Vec<&[u8]> = batch.rows.body.iter().map(Bytes::as_ref).collect();
    let won = sqlx::query_scalar::<_, Uuid>(
        "select j.saga_id from journal j
         join unnest($1::uuid[], $2::int[], $3::bytea[]) as b (saga_id, seq, body)
           on j.saga_id = b.saga_id and j.seq = b.seq and j.body = b.body",
    )
    .bind(&batch.rows.saga)
    .bind(&batch.rows.seq)
    .bind(bodies)
    .fetch_all(pool)
    .await
    .map_err(Error::doing(doing))?;
    let outbox = sqlx::query_as::<_, (i64, String, i16)>(
        "select id, pool, partition from outbox where nonce = $1",
    )
    .bind(&batch.nonce)
    .fetch_all(pool)
    .await
    .map_err(Error::doing(doing))?;
    Ok(Committed {
        won: won.into_iter().map(SagaId).collect(),
        outbox: outbox
            .into_iter()
            .map(|(id, pool, part)| (id, pool, u16::try_from(part).unwrap_or_default()))
            .collect(),
    })
}
