//! The barrier's SQL: claim, read under lock, settle. Callers hold the transaction.
//!
//! Order matters for locks: rows are inserted sorted by key, so two sets that share keys wait for each other
//! instead of deadlocking. Whoever claims or locks a barrier row does so before the pool's own rows; a set inserts its
//! rows last, and whoever it may wait for there wants nothing of the pool any more.

use impresario_protocol::{EffectKey, Problem};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use std::collections::HashMap;

use super::EffectState;
use super::hash::input_hash;
use crate::{HandlerError, TaskContext};

/// What a task wants to write under its forward key.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) effect: String,
    pub(crate) saga: String,
    pub(crate) saga_started_at: i64,
    pub(crate) task: String,
    pub(crate) definition: String,
    pub(crate) version: Option<String>,
    pub(crate) parent: Option<String>,
    pub(crate) input_hash: Vec<u8>,
    pub(crate) input: String,
}

impl Claim {
    /// The claim of a forward task.
    pub(crate) fn of(task: &TaskContext) -> Self {
        let message = task.task();
        Claim {
            effect: message.effect.to_string(),
            saga: message.saga.clone(),
            saga_started_at: i64::try_from(message.saga_started_at).unwrap_or(i64::MAX),
            task: message.task.clone(),
            definition: message.definition.clone(),
            version: message.version.clone(),
            parent: message.parent.clone(),
            input_hash: input_hash(&message.input),
            input: message.input.to_string(),
        }
    }
}

/// One row, as found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) state: EffectState,
    pub(crate) task: String,
    pub(crate) input_hash: Option<Vec<u8>>,
    input: Option<String>,
    outcome: Option<String>,
    undo: Option<String>,
    /// How long ago the row was inserted: the age of an intent.
    pub(crate) age_ms: i64,
}

impl Found {
    pub(crate) fn input(&self) -> Result<Value, HandlerError> {
        stored("input", self.input.as_deref())
    }

    pub(crate) fn output(&self) -> Result<Value, HandlerError> {
        stored("outcome", self.outcome.as_deref())
    }

    pub(crate) fn problem(&self) -> Result<Problem, HandlerError> {
        stored("outcome", self.outcome.as_deref())
    }

    pub(crate) fn undo(&self) -> Result<Value, HandlerError> {
        stored("undo", self.undo.as_deref())
    }
}

fn stored<T: DeserializeOwned>(column: &str, text: Option<&str>) -> Result<T, HandlerError> {
    serde_json::from_str(text.unwrap_or("null"))
        .map_err(|error| HandlerError::Broken(format!("barrier.{column}: {error}")))
}

pub(crate) fn json_text(value: &impl Serialize) -> Result<String, HandlerError> {
    serde_json::to_string(value).map_err(|error| HandlerError::Broken(error.to_string()))
}

/// Inserts the claims that are not there yet and returns their keys. For a key that another transaction is
/// inserting, waits for its end.
pub(crate) async fn claim(
    tx: &mut PgConnection,
    claims: &[&Claim],
) -> Result<Vec<String>, sqlx::Error> {
    let claimed = claim_seeing_horizon(tx, claims).await?;
    Ok(claimed.effects)
}

/// The keys that were claimed, and since when the barrier is complete.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) effects: Vec<String>,
    pub(crate) horizon: i64,
}

/// The same, and tells the horizon as it was then: outside a transaction this one statement is one.
pub(crate) async fn claim_seeing_horizon(
    connection: &mut PgConnection,
    claims: &[&Claim],
) -> Result<Claimed, sqlx::Error> {
    let column = |of: fn(&Claim) -> &str| claims.iter().map(|claim| of(claim)).collect::<Vec<_>>();
    let optional =
        |of: fn(&Claim) -> Option<&str>| claims.iter().map(|claim| of(claim)).collect::<Vec<_>>();
    let started: Vec<i64> = claims.iter().map(|claim| claim.saga_started_at).collect();
    let hashes: Vec<&[u8]> = claims
        .iter()
        .map(|claim| claim.input_hash.as_slice())
        .collect();
    let row = sqlx::query(
        "with made as (
             insert into barrier (effect, saga, saga_started_at, task, state, input_hash, input,
                                  definition, version, parent)
             select c.effect, c.saga, c.started, c.task, 'intent', c.hash, c.input::json,
                    c.definition, c.version, c.parent
               from unnest($1::text[], $2::text[], $3::int8[], $4::text[], $5::bytea[], $6::text[],
                           $7::text[], $8::text[], $9::text[])
                    as c(effect, saga, started, task, hash, input, definition, version, parent)
              order by c.effect collate \"C\"
             on conflict (effect) do nothing
             returning effect)
         select array(select effect from made) as effects,
                (select saga_started_at from barrier_horizon) as horizon",
    )
    .bind(column(|claim| &claim.effect))
    .bind(column(|claim| &claim.saga))
    .bind(started)
    .bind(column(|claim| &claim.task))
    .bind(hashes)
    .bind(column(|claim| &claim.input))
    .bind(column(|claim| &claim.definition))
    .bind(optional(|claim| claim.version.as_deref()))
    .bind(optional(|claim| claim.parent.as_deref()))
    .fetch_one(connection)
    .await?;
    Ok(Claimed {
        effects: row.try_get("effects")?,
        horizon: row.try_get("horizon")?,
    })
}

/// Inserts a tombstone if there is no row yet; whether it did.
pub(crate) async fn bury(tx: &mut PgConnection, task: &TaskContext) -> Result<bool, sqlx::Error> {
    let message = task.task();
    let inserted = sqlx::query(
        "insert into barrier (effect, saga, saga_started_at, task, state)
         values ($1, $2, $3, $4, 'tombstone')
         on conflict (effect) do nothing",
    )
    .bind(task.forward_effect().to_string())
    .bind(&message.saga)
    .bind(i64::try_from(message.saga_started_at).unwrap_or(i64::MAX))
    .bind(&message.task)
    .execute(tx)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// The row of a key, locked against everybody else who would change it. `None` when it was purged meanwhile.
pub(crate) async fn lock(
    tx: &mut PgConnection,
    effect: &EffectKey,
) -> Result<Option<Found>, HandlerError> {
    let row = sqlx::query(
        "select state, task, input_hash, input::text, outcome::text, undo::text,
                (extract(epoch from clock_timestamp() - claimed_at) * 1000)::int8 as age_ms
           from barrier
          where effect = $1
            for update",
    )
    .bind(effect.to_string())
    .fetch_optional(tx)
    .await?;
    row.as_ref().map(read).transpose()
}

/// The rows of those keys that have one, not locked: enough to answer from.
pub(crate) async fn look(
    tx: &mut PgConnection,
    claims: Vec<&Claim>,
) -> Result<HashMap<String, Found>, HandlerError> {
    if claims.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query(
        "select effect, state, task, input_hash, input::text, outcome::text, undo::text,
                (extract(epoch from clock_timestamp() - claimed_at) * 1000)::int8 as age_ms
           from barrier
          where effect = any($1)",
    )
    .bind(
        claims
            .iter()
            .map(|claim| claim.effect.as_str())
            .collect::<Vec<_>>(),
    )
    .fetch_all(tx)
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get("effect")?, read(row)?)))
        .collect()
}

fn read(row: &PgRow) -> Result<Found, HandlerError> {
    Ok(Found {
        state: EffectState::parse(row.try_get("state")?)?,
        task: row.try_get("task")?,
        input_hash: row.try_get("input_hash")?,
        input: row.try_get("input")?,
        outcome: row.try_get("outcome")?,
        undo: row.try_get("undo")?,
        age_ms: row.try_get("age_ms")?,
    })
}

/// How claims of a set ended.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    pub(crate) effects: Vec<String>,
    pub(crate) states: Vec<&'static str>,
    pub(crate) outcomes: Vec<String>,
}

/// Writes the answers of those effects whose intent is still open, locked in the order of their keys; which they were.
pub(crate) async fn settle_open(
    tx: &mut PgConnection,
    settled: &Settled,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "with open as (
             select b.effect, s.state, s.outcome
               from unnest($1::text[], $2::text[], $3::text[]) as s(effect, state, outcome)
               join barrier b on b.effect = s.effect
              where b.state = 'intent'
              order by b.effect
                for update of b)
         update barrier b
            set state = open.state, outcome = open.outcome::json, at = clock_timestamp()
           from open
          where b.effect = open.effect
         returning b.effect",
    )
    .bind(&settled.effects)
    .bind(&settled.states)
    .bind(&settled.outcomes)
    .fetch_all(tx)
    .await
}

/// The answer of a task whose key has no row yet.
#[derive(Debug)]
pub(crate) struct Answered<'a> {
    pub(crate) claim: &'a Claim,
    pub(crate) state: EffectState,
    pub(crate) outcome: String,
}

/// Inserts rows with their answers, each written once; false when there was a row for one of them already. For a key
/// that another transaction is inserting, waits for its end.
pub(crate) async fn insert_answered(
    tx: &mut PgConnection,
    answered: &[Answered<'_>],
) -> Result<bool, sqlx::Error> {
    if answered.is_empty() {
        return Ok(true);
    }
    let column = |of: fn(&Claim) -> &str| {
        let claims = answered.iter().map(|one| of(one.claim));
        claims.collect::<Vec<_>>()
    };
    let optional = |of: fn(&Claim) -> Option<&str>| {
        let claims = answered.iter().map(|one| of(one.claim));
        claims.collect::<Vec<_>>()
    };
    let inserted = sqlx::query(
        "insert into barrier
                (effect, saga, saga_started_at, task, state, input_hash, input, outcome,
                 definition, version, parent)
         select a.effect, a.saga, a.started, a.task, a.state, a.hash, a.input::json, a.outcome::json,
                a.definition, a.version, a.parent
           from unnest($1::text[], $2::text[], $3::int8[], $4::text[], $5::text[], $6::bytea[], $7::text[],
                       $8::text[], $9::text[], $10::text[], $11::text[])
                as a(effect, saga, started, task, state, hash, input, outcome, definition, version, parent)
          order by a.effect collate \"C\"
         on conflict (effect) do nothing",
    )
    .bind(column(|claim| &claim.effect))
    .bind(column(|claim| &claim.saga))
    .bind(
        answered
            .iter()
            .map(|one| one.claim.saga_started_at)
            .collect::<Vec<_>>(),
    )
    .bind(column(|claim| &claim.task))
    .bind(
        answered
            .iter()
            .map(|one| one.state.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        answered
            .iter()
            .map(|one| one.claim.input_hash.as_slice())
            .collect::<Vec<_>>(),
    )
    .bind(column(|claim| &claim.input))
    .bind(
        answered
            .iter()
            .map(|one| one.outcome.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(column(|claim| &claim.definition))
    .bind(optional(|claim| claim.version.as_deref()))
    .bind(optional(|claim| claim.parent.as_deref()))
    .execute(tx)
    .await?;
    Ok(inserted.rows_affected() == answered.len() as u64)
}

/// Inserts a stored rejection if there is no row yet; whether it did.
pub(crate) async fn insert_rejection(
    tx: &mut PgConnection,
    claim: &Claim,
    problem: &Problem,
) -> Result<bool, HandlerError> {
    let inserted = sqlx::query(
        "insert into barrier
                (effect, saga, saga_started_at, task, state, input_hash, input, outcome)
         values ($1, $2, $3, $4, 'rejected', $5, $6::json, $7::json)
         on conflict (effect) do nothing",
    )
    .bind(&claim.effect)
    .bind(&claim.saga)
    .bind(claim.saga_started_at)
    .bind(&claim.task)
    .bind(&claim.input_hash)
    .bind(&claim.input)
    .bind(json_text(problem)?)
    .execute(tx)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Moves a row that the caller has locked. `outcome` and `undo` are kept where `None`.
pub(crate) async fn advance(
    tx: &mut PgConnection,
    effect: &EffectKey,
    to: EffectState,
    outcome: Option<String>,
    undo: Option<String>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update barrier
            set state = $2, outcome = coalesce($3::json, outcome), undo = coalesce($4::json, undo),
                at = clock_timestamp()
          where effect = $1",
    )
    .bind(effect.to_string())
    .bind(to.as_str())
    .bind(outcome)
    .bind(undo)
    .execute(tx)
    .await?;
    Ok(())
}
