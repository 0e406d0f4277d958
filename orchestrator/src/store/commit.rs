//! The commit: one statement, one round trip, for everything a lane has decided since the last one.
//!
//! It inserts the journal rows that win (row n+1 with n at the head; a first row with its key new) and writes,
//! from what that insert returned, the saga rows that change and one outbox row per queue: a loser's commands
//! never ship. When the feed is on it also says which rows are to be told. It is sorted by key and by saga, so that two replicas lock in the same order.
//!
//! Subtle: an error may come after the server has committed. [`Answer::Unknown`] says so; the caller re-reads
//! ([`written`]) and never assumes.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use impresario_metrics::table::COMMITS_CONTENDED;
use impresario_workflows::SagaId;
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgPool};
use uuid::Uuid;

use super::Error;
use super::error::{Aftermath, aftermath};

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
    pub body: Vec<Vec<u8>>,
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

/// The statement, but for how a journal row and a key are won.
macro_rules! commit_statement {
    (keys: $keys:literal, journal: $journal:literal, conflict: $conflict:literal) => {
        concat!(
            r#"
with key_won as (
    insert into saga_key (tenant, definition, key, saga_id, body_hash)
    select s.tenant, s.definition, s.key, s.saga_id, s.body_hash
    from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::bytea[])
         as s (tenant, definition, key, saga_id, body_hash)
    "#,
            $keys,
            $conflict,
            r#"
    returning saga_id
),
won as (
    insert into journal (saga_id, seq, body)
    select j.saga_id, j.seq, j.body
    from unnest($6::uuid[], $7::int[], $8::bytea[]) as j (saga_id, seq, body)
    where case
        when j.seq = 1 then j.saga_id in (select saga_id from key_won)
        -- A scalar subquery, so that it is an index look-up whatever the planner believes of the table.
        else "#,
            $journal,
            r#"
    end
    "#,
            $conflict,
            r#"
    returning saga_id
),
new_saga as (
    insert into saga (id, tenant, definition_id, partition, status, business_key, attributes,
                      started_at, ended_at, wake_at)
    select n.id, n.tenant, n.definition_id, n.partition, n.status, n.business_key, n.attributes::jsonb,
           n.started_at, n.ended_at, n.wake_at
    from unnest($4::uuid[], $1::text[], $9::int[], $10::smallint[], $11::text[], $12::text[], $13::text[],
                $14::timestamptz[], $15::timestamptz[], $16::timestamptz[])
         as n (id, tenant, definition_id, partition, status, business_key, attributes,
               started_at, ended_at, wake_at)
    where n.id in (select saga_id from won)
),
changed as (
    update saga
    set status = c.status, ended_at = c.ended_at, wake_at = c.wake_at,
        definition_id = coalesce(c.definition_id, saga.definition_id)
    from unnest($17::uuid[], $18::text[], $19::timestamptz[], $20::timestamptz[], $27::int[])
         as c (id, status, ended_at, wake_at, definition_id)
    where saga.id = c.id and c.id in (select saga_id from won)
),
sent as (
    insert into outbox (pool, partition, tasks, nonce)
    select t.pool, t.part, array_agg(t.body order by t.place), $25
    from unnest($21::uuid[], $22::text[], $23::smallint[], $24::bytea[])
         with ordinality as t (saga_id, pool, part, body, place)
    where t.saga_id in (select saga_id from won)
    group by t.pool, t.part
    returning id, pool, partition
),
delivered as (
    delete from outbox where id = any($26::bigint[])
),
told as (
    insert into feed (partition, sagas, seqs)
    select f.part, array_agg(f.saga_id order by f.place), array_agg(f.seq order by f.place)
    from unnest($6::uuid[], $7::int[], $28::smallint[]) with ordinality as f (saga_id, seq, part, place)
    -- Asked once, before anything else: off, it costs nothing.
    where (select is_on from feed_switch where only_row) and f.saga_id in (select saga_id from won)
    group by f.part
)
select saga_id, null::bigint as outbox, null::text as pool, null::smallint as part from won
union all
select null, id, pool, partition from sent
"#
        )
    };
}

/// When nobody else writes the same rows at the same time, which is nearly always: whoever lost already is left out
/// by looking, and the unique keys stand behind it. A row that somebody inserts between our look and our insert
/// fails the whole statement; then [`CONTENDED`] decides the same batch. `on conflict` in the first place would cost
/// each row another descent of the index, a lock and a log record (`docs/decisions/0017-plain-inserts.md`).
const COMMIT: &str = commit_statement!(
    keys: "where (select k.saga_id from saga_key k
                  where k.tenant = s.tenant and k.definition = s.definition and k.key = s.key) is null",
    journal: "(select p.seq from journal p where p.saga_id = j.saga_id order by p.seq desc limit 1) = j.seq - 1",
    conflict: ""
);

/// When somebody does: the unique keys decide row by row.
const CONTENDED: &str = commit_statement!(
    keys: "",
    journal: "(select p.seq from journal p where p.saga_id = j.saga_id and p.seq = j.seq - 1) is not null",
    conflict: "on conflict do nothing"
);

/// Commits a batch.
pub async fn commit(connection: &mut PgConnection, batch: &Batch) -> Answer {
    let answered = match execute(connection, COMMIT, batch).await {
        // The server says that it has rolled it back: the same batch may be tried at once.
        Err(error) if is_contended(&error) => {
            COMMITS_CONTENDED.add(1);
            execute(connection, CONTENDED, batch).await
        }
        answered => answered,
    };
    match answered {
        Ok(committed) => Answer::Committed(committed),
        Err(error) => match aftermath(&error) {
            Aftermath::Transient => Answer::Transient(error),
            Aftermath::Definite => Answer::Definite(error),
            Aftermath::Unknown => Answer::Unknown(error),
        },
    }
}

fn is_contended(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.is_unique_violation())
}

async fn execute(
    connection: &mut PgConnection,
    statement: &'static str,
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
    let bodies: Vec<&[u8]> = tasks.body.iter().map(Bytes::as_ref).collect();
    sqlx::query(statement)
        .bind(&starts.tenant)
        .bind(&starts.definition)
        .bind(&starts.key)
        .bind(&starts.saga)
        .bind(&starts.body_hash)
        .bind(&rows.saga)
        .bind(&rows.seq)
        .bind(&rows.body)
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
    let won = sqlx::query_scalar::<_, Uuid>(
        "select j.saga_id from journal j
         join unnest($1::uuid[], $2::int[], $3::bytea[]) as b (saga_id, seq, body)
           on j.saga_id = b.saga_id and j.seq = b.seq and j.body = b.body",
    )
    .bind(&batch.rows.saga)
    .bind(&batch.rows.seq)
    .bind(&batch.rows.body)
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
