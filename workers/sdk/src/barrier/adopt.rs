//! Effects that the barrier has forgotten, because its database went back to an earlier moment, and that somebody else
//! remembers: written back as what they are. The row says neither the input's hash nor the definition, because nobody
//! knows them any more: it answers every input of its task.
//!
//! A key that has a row is left alone: whoever wrote that one knows more.

use impresario_protocol::EffectKey;
use serde_json::Value;
use sqlx::PgConnection;

use super::EffectState;
use super::row::{self, json_text};
use crate::HandlerError;

/// An effect at somebody else's, as that one tells it.
#[derive(Clone, Debug)]
pub struct Adopted {
    /// Its key, forward.
    pub effect: EffectKey,
    /// Its saga's id.
    pub saga: String,
    /// When that saga was started, in milliseconds; or the earliest that it can have been.
    pub saga_started_at: u64,
    /// The forward task.
    pub task: &'static str,
    /// As much of its input as can be told; the task's undoing has to be able to read it.
    pub input: Value,
    /// What it gave.
    pub output: Value,
}

/// How far an adopted effect has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdoptedAs {
    /// It stands.
    Standing,
    /// Whoever adopts it is about to undo it at the other's.
    Undoing,
    /// It was undone.
    Undone,
}

/// Writes the row, unless the key has one; whether it did. Takes the way that an effect takes, state by state, so that
/// whoever keeps a log of the table reads a life like any other.
pub async fn adopt(
    tx: &mut PgConnection,
    adopted: &Adopted,
    come_to: AdoptedAs,
) -> Result<bool, HandlerError> {
    let inserted = sqlx::query(
        "insert into barrier (effect, saga, saga_started_at, task, state, input)
         values ($1, $2, $3, $4, 'intent', $5::json)
         on conflict (effect) do nothing",
    )
    .bind(adopted.effect.to_string())
    .bind(&adopted.saga)
    .bind(i64::try_from(adopted.saga_started_at).unwrap_or(i64::MAX))
    .bind(adopted.task)
    .bind(adopted.input.to_string())
    .execute(&mut *tx)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(false);
    }
    let outcome = Some(json_text(&adopted.output)?);
    row::advance(tx, &adopted.effect, EffectState::Succeeded, outcome, None).await?;
    match come_to {
        AdoptedAs::Standing => {}
        AdoptedAs::Undoing => begin_undoing(tx, &adopted.effect).await?,
        AdoptedAs::Undone => undone(tx, &adopted.effect).await?,
    }
    Ok(true)
}

/// A row that stands, locked by the caller, is about to be undone.
pub async fn begin_undoing(tx: &mut PgConnection, effect: &EffectKey) -> Result<(), HandlerError> {
    Ok(row::advance(tx, effect, EffectState::Undoing, None, None).await?)
}

/// A row, locked by the caller, was undone.
pub async fn undone(tx: &mut PgConnection, effect: &EffectKey) -> Result<(), HandlerError> {
    let undo = Some("{}".to_owned());
    Ok(row::advance(tx, effect, EffectState::Compensated, None, undo).await?)
}

/// What a key's row says, locked against everybody else who would change it.
pub async fn state(
    tx: &mut PgConnection,
    effect: &EffectKey,
) -> Result<Option<EffectState>, HandlerError> {
    Ok(row::lock(tx, effect).await?.map(|found| found.state))
}
