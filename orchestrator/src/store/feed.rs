//! What commits have added and Kafka does not have yet.
//!
//! The rows are written by the commit ([`commit`](super::commit)) while the switch is on, and hold only which journal
//! rows they are about: what is told is read from the journal itself. Read on the primary only: whoever sees a saga's row
//! sees its earlier ones.

use std::collections::{BTreeSet, HashMap};

use impresario_workflows::SagaId;
use sqlx::PgPool;
use uuid::Uuid;

use super::Error;

/// Rows looked at in one turn at most. At low load each holds a single fact.
const ROWS_MAX: i64 = 1_000;

/// Facts told in one turn at most: a megabyte or two, and not more than is worth telling twice.
const FACTS_MAX: usize = 2_000;

/// Rows counted at most: for people, "many" is enough.
const COUNT_MAX: i64 = 100_000;

/// One row: what one commit has added to the sagas of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The row's number.
    pub id: i64,
    /// Journal rows by saga and number, at most one of a saga.
    pub numbers: Vec<(SagaId, i32)>,
}

/// A journal row, with what else is told of its saga. None of it ever changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The saga.
    pub saga: SagaId,
    /// The row.
    pub seq: i32,
    /// Its bytes.
    pub body: Vec<u8>,
    /// The saga's tenant.
    pub tenant: String,
    /// Name of its definition.
    pub definition: String,
}

/// From the next commit on, facts are written down to be told. True when they were not before.
pub async fn turn_on(pool: &PgPool) -> Result<bool, Error> {
    turn(pool, true).await
}

/// From the next commit on, they are not. What waits is still told.
pub async fn turn_off(pool: &PgPool) -> Result<bool, Error> {
    turn(pool, false).await
}

async fn turn(pool: &PgPool, on: bool) -> Result<bool, Error> {
    sqlx::query(
        "update feed_switch set is_on = $1, turned_at = clock_timestamp() where is_on <> $1",
    )
    .bind(on)
    .execute(pool)
    .await
    .map(|turned| turned.rows_affected() > 0)
    .map_err(Error::doing("turn the feed on or off"))
}

/// Whether facts are written down to be told.
pub async fn is_on(pool: &PgPool) -> Result<bool, Error> {
    sqlx::query_scalar("select is_on from feed_switch")
        .fetch_one(pool)
        .await
        .map_err(Error::doing("see whether the feed is on"))
}

/// The oldest rows of a partition.
pub async fn next(pool: &PgPool, partition: u16) -> Result<Vec<Row>, Error> {
    let doing = "read what is to be told";
    let found: Vec<(i64, Vec<Uuid>, Vec<i32>)> = sqlx::query_as(
        "select id, sagas, seqs from feed where partition = $1 order by id limit $2",
    )
    .bind(i16::try_from(partition).unwrap_or_default())
    .bind(ROWS_MAX)
    .fetch_all(pool)
    .await
    .map_err(Error::doing(doing))?;
    let mut facts = 0;
    let rows = found.into_iter().map(|(id, sagas, seqs)| Row {
        id,
        numbers: sagas.into_iter().map(SagaId).zip(seqs).collect(),
    });
    Ok(rows
        .take_while(|row| {
            let fits = facts < FACTS_MAX;
            facts += row.numbers.len();
            fits
        })
        .collect())
}

/// These journal rows, each with its saga, in this order. One that is not there is an error: retention waits for what has
/// not been told.
pub async fn facts(pool: &PgPool, sagas: &[Uuid], seqs: &[i32]) -> Result<Vec<Fact>, Error> {
    let doing = "find journal rows that are to be told";
    facts_that_exist(pool, sagas, seqs)
        .await?
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| Error::doing(doing)(sqlx::Error::RowNotFound))
}

/// These journal rows, each with its saga, in this order; nothing in the place of one that is not there. Asked for so that
/// each is an index look-up whatever the planner believes of the tables, and a saga is looked up once for all its rows.
pub async fn facts_that_exist(
    pool: &PgPool,
    sagas: &[Uuid],
    seqs: &[i32],
) -> Result<Vec<Option<Fact>>, Error> {
    if sagas.is_empty() {
        return Ok(Vec::new());
    }
    let bodies: Vec<Option<Vec<u8>>> = sqlx::query_scalar(
        "select (select j.body from journal j where j.saga_id = f.saga_id and j.seq = f.seq)
         from unnest($1::uuid[], $2::int[]) with ordinality as f (saga_id, seq, place)
         order by f.place",
    )
    .bind(sagas)
    .bind(seqs)
    .fetch_all(pool)
    .await
    .map_err(Error::doing("read the journal rows that are to be told"))?;
    let known = told_of(pool, sagas).await?;
    let facts = sagas.iter().zip(seqs).zip(bodies);
    Ok(facts
        .map(|((saga, seq), body)| {
            let (tenant, definition) = known.get(saga)?.clone();
            Some(Fact {
                saga: SagaId(*saga),
                seq: *seq,
                body: body?,
                tenant,
                definition,
            })
        })
        .collect())
}

/// Tenant and definition of each of these sagas.
async fn told_of(pool: &PgPool, sagas: &[Uuid]) -> Result<HashMap<Uuid, (String, String)>, Error> {
    let each: Vec<Uuid> = sagas
        .iter()
        .copied()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let rows: Vec<(Uuid, String, String)> = sqlx::query_as(
        "select f.id, s.tenant, s.definition
         from unnest($1::uuid[]) as f (id)
         cross join lateral (
             select s.tenant, (select d.name from definition d where d.id = s.definition_id) as definition
             from saga s where s.id = f.id offset 0
         ) s",
    )
    .bind(each)
    .fetch_all(pool)
    .await
    .map_err(Error::doing("read the sagas that are told of"))?;
    Ok(rows
        .into_iter()
        .map(|(saga, tenant, definition)| (saga, (tenant, definition)))
        .collect())
}

/// The last journal row of each of these sagas that waits no longer to be told.
pub async fn told_up_to(pool: &PgPool, sagas: &[Uuid]) -> Result<Vec<(SagaId, i32)>, Error> {
    let rows: Vec<(Uuid, i32)> = sqlx::query_as(
        "with waits as (
             select w.saga, min(w.seq) as seq from feed f
             cross join lateral unnest(f.sagas, f.seqs) as w (saga, seq)
             where w.saga = any($1) group by w.saga
         )
         select j.saga_id, max(j.seq) from journal j left join waits on waits.saga = j.saga_id
         where j.saga_id = any($1) and (waits.seq is null or j.seq < waits.seq)
         group by j.saga_id",
    )
    .bind(sagas)
    .fetch_all(pool)
    .await
    .map_err(Error::doing("see how far sagas have been told"))?;
    Ok(rows
        .into_iter()
        .map(|(saga, seq)| (SagaId(saga), seq))
        .collect())
}

/// Forgets rows that Kafka has. Says how many of them were still there: fewer than asked for when somebody else has told
/// them too.
pub async fn delivered(pool: &PgPool, partition: u16, rows: &[i64]) -> Result<u64, Error> {
    sqlx::query("delete from feed where partition = $1 and id = any($2)")
        .bind(i16::try_from(partition).unwrap_or_default())
        .bind(rows)
        .execute(pool)
        .await
        .map(|deleted| deleted.rows_affected())
        .map_err(Error::doing("forget what has been told"))
}

/// Rows that wait, and the age of the oldest in seconds.
pub async fn behind(pool: &PgPool) -> Result<(i64, f64), Error> {
    sqlx::query_as(
        "select (select count(*) from (select from feed limit $1) waiting),
                coalesce(extract(epoch from clock_timestamp() - (
                    select min(oldest.added_at) from (select distinct partition from lease) p
                    cross join lateral (
                        select f.added_at from feed f where f.partition = p.partition order by f.id limit 1
                    ) oldest
                )), 0)::float8",
    )
    .bind(COUNT_MAX)
    .fetch_one(pool)
    .await
    .map_err(Error::doing("see how old the feed is"))
}
