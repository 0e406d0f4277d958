//! The server's rows. A key's row is locked for as long as its request is being decided, so two requests
//! under one key, or a request and a cancel, come one after the other.

use impresario_worker_sdk::HandlerError;
use serde_json::Value;
use sqlx::{PgConnection, Row};
use std::collections::HashMap;
use std::time::Duration;

use super::answer::Answer;
use super::token::Operation;

/// A key, locked.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) operation: Option<String>,
    pub(super) body_hash: Option<Vec<u8>>,
    pub(super) state: KeyState,
    pub(super) attempts: i32,
}

/// What a key has come to.
#[derive(Debug)]
pub(super) enum KeyState {
    Open,
    Acted(Answer),
    Refused(Answer),
    Cancelled,
}

fn stored_answer(row: &sqlx::postgres::PgRow) -> Result<Answer, sqlx::Error> {
    let status: Option<i32> = row.try_get("status")?;
    let answer: Option<sqlx::types::Json<Value>> = row.try_get("answer")?;
    Ok(Answer {
        status: u16::try_from(status.unwrap_or(500)).unwrap_or(500),
        body: answer.map(|answer| answer.0).unwrap_or_default(),
    })
}

fn state(row: &sqlx::postgres::PgRow) -> Result<KeyState, sqlx::Error> {
    let word: String = row.try_get("state")?;
    match word.as_str() {
        "open" => Ok(KeyState::Open),
        "acted" => Ok(KeyState::Acted(stored_answer(row)?)),
        "refused" => Ok(KeyState::Refused(stored_answer(row)?)),
        "cancelled" => Ok(KeyState::Cancelled),
        other => {
            let error = HandlerError::Broken(format!("key state `{other}`"));
            Err(sqlx::Error::Decode(Box::new(error)))
        }
    }
}

/// Locks the key, after making it (as asked by `operation`, or by a cancel) if it is new or forgotten.
pub(super) async fn key_lock(
    tx: &mut PgConnection,
    key: &str,
    asked: Option<(Operation, &[u8])>,
    life: Duration,
) -> Result<Key, sqlx::Error> {
    sqlx::query(
        "delete from key
          where key = $1 and created_at + make_interval(secs => $2) <= clock_timestamp()",
    )
    .bind(key)
    .bind(life.as_secs_f64())
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "insert into key (key, operation, body_hash, state)
         values ($1, $2, $3, 'open')
         on conflict (key) do nothing",
    )
    .bind(key)
    .bind(asked.map(|asked| asked.0.as_str()))
    .bind(asked.map(|asked| asked.1))
    .execute(&mut *tx)
    .await?;
    let row = sqlx::query(
        "select operation, body_hash, state, status, answer, attempts
           from key
          where key = $1
            for update",
    )
    .bind(key)
    .fetch_one(tx)
    .await?;
    Ok(Key {
        operation: row.try_get("operation")?,
        body_hash: row.try_get("body_hash")?,
        state: state(&row)?,
        attempts: row.try_get("attempts")?,
    })
}

/// A key that is still remembered.
pub(super) async fn key_find(
    connection: &mut PgConnection,
    key: &str,
    life: Duration,
) -> Result<Option<KeyState>, sqlx::Error> {
    let row = sqlx::query(
        "select state, status, answer
           from key
          where key = $1 and created_at + make_interval(secs => $2) > clock_timestamp()",
    )
    .bind(key)
    .bind(life.as_secs_f64())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(state).transpose()
}

/// Counts a request that found the key open.
pub(super) async fn key_attempt(tx: &mut PgConnection, key: &str) -> Result<(), sqlx::Error> {
    sqlx::query("update key set attempts = attempts + 1 where key = $1")
        .bind(key)
        .execute(tx)
        .await?;
    Ok(())
}

/// Stores the final answer.
pub(super) async fn key_answer(
    tx: &mut PgConnection,
    key: &str,
    answer: &Answer,
) -> Result<(), sqlx::Error> {
    sqlx::query("update key set state = $2, status = $3, answer = $4::json where key = $1")
        .bind(key)
        .bind(answer.key_state())
        .bind(i32::from(answer.status))
        .bind(answer.body.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Makes "never" permanent.
pub(super) async fn key_cancel(tx: &mut PgConnection, key: &str) -> Result<(), sqlx::Error> {
    sqlx::query("update key set state = 'cancelled' where key = $1")
        .bind(key)
        .execute(tx)
        .await?;
    Ok(())
}

/// An authorization, locked.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Authorization {
    pub(super) authorization_id: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) token: String,
    pub(super) state: String,
    /// Made before the sandbox was healed last.
    pub(super) healed: bool,
}

pub(super) async fn authorization_lock(
    tx: &mut PgConnection,
    id: &str,
) -> Result<Option<Authorization>, sqlx::Error> {
    sqlx::query_as(
        "select authorization_id, amount, currency, token, state,
                coalesce(at <= (select h.at from healed h), false) as healed
           from authorization_
          where authorization_id = $1
            for update",
    )
    .bind(id)
    .fetch_optional(tx)
    .await
}

/// Those authorizations of which money can be taken now. Not locked: whoever takes it looks again.
pub(super) async fn authorizations_live(
    connection: &mut PgConnection,
    ids: &[&str],
) -> Result<HashMap<String, Authorization>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<Authorization> = sqlx::query_as(
        "select authorization_id, amount, currency, token, state, false as healed
           from authorization_
          where authorization_id = any($1) and state = 'authorized'",
    )
    .bind(ids)
    .fetch_all(connection)
    .await?;
    let by_id = found
        .into_iter()
        .map(|one| (one.authorization_id.clone(), one));
    Ok(by_id.collect())
}

/// A charge, locked.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Charge {
    pub(super) charge_id: String,
    pub(super) authorization_id: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) amount: i64,
    pub(super) currency: String,
    /// How much of it was given back.
    pub(super) refunded: i64,
}

pub(super) async fn charge_lock(
    tx: &mut PgConnection,
    id: &str,
) -> Result<Option<Charge>, sqlx::Error> {
    sqlx::query_as(
        "select charge_id, authorization_id, request_id, amount, currency, refunded
           from charge where charge_id = $1 for update",
    )
    .bind(id)
    .fetch_optional(tx)
    .await
}

/// The answer's object of whatever was made under a key, also when the key is forgotten.
pub(super) async fn object_by_key(
    connection: &mut PgConnection,
    key: &str,
) -> Result<Option<Value>, sqlx::Error> {
    // A refund leaves no object of its own: what it did is in the log.
    let object: Option<sqlx::types::Json<Value>> = sqlx::query_scalar(
        "select json_build_object('request_id', request_id, 'amount', amount, 'currency', currency)
           from payment_request where key = $1
         union all
         select json_build_object('charge_id', charge_id, 'amount', amount, 'currency', currency)
           from charge where key = $1
         union all
         select json_build_object('authorization_id', authorization_id, 'amount', amount,
                                  'currency', currency)
           from authorization_ where key = $1
         union all
         select json_build_object('charge_id', charge_id, 'amount', amount, 'currency', currency)
           from log where key = $1 and operation = 'refund'
          limit 1",
    )
    .bind(key)
    .fetch_optional(connection)
    .await?;
    Ok(object.map(|object| object.0))
}
