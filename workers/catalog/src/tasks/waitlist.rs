//! `waitlist-take`, `waitlist-return`, `waitlist-close`: the first of the waitlist gets an offer, gives it back, or
//! has booked.
//!
//! First is who had the fewest offers and of these who joined first, so somebody who does not answer delays nobody
//! twice. Two promotions at once never take the same entry: the second skips what the first has locked.

use async_trait::async_trait;
use impresario_worker_sdk::{
    Compensation, ForwardEffect, HandlerError, TaskContext, Transactional, Undo, Verdict,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

/// Offers that somebody may let pass; then the entry lapses.
const OFFERS_MAX: i32 = 3;

/// The handler of `waitlist-take`.
pub(crate) struct TakeFirst;
/// The handler of `waitlist-return`.
pub(crate) struct ReturnEntry;
/// The handler of `waitlist-close`.
pub(crate) struct CloseEntry;

/// What `waitlist-take` asks: who wants as many seats as these?
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    event_id: Uuid,
    seats: Vec<String>,
}

/// Whom it found.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Taken {
    entry_id: Uuid,
    customer_email: String,
}

/// What `waitlist-close` asks.
#[derive(Debug, Deserialize)]
pub(crate) struct Booked {
    entry_id: Uuid,
}

/// What it did.
#[derive(Debug, Serialize)]
pub(crate) struct Closed {
    entry_id: Uuid,
}

#[async_trait]
impl Transactional for TakeFirst {
    type Input = Wanted;
    type Output = Taken;

    async fn run(
        &self,
        tx: &mut PgConnection,
        task: &TaskContext,
        input: Wanted,
    ) -> Result<Verdict<Taken>, HandlerError> {
        let row = sqlx::query(
            "update waitlist
                set state = 'offered', saga = $3
              where entry_id = (
                    select entry_id
                      from waitlist
                     where event_id = $1 and seats = $2 and state = 'waiting'
                     order by offers, joined_at, entry_id
                     limit 1
                       for update skip locked)
             returning entry_id, customer_email",
        )
        .bind(input.event_id)
        .bind(i32::try_from(input.seats.len()).unwrap_or(i32::MAX))
        .bind(task.saga())
        .fetch_optional(tx)
        .await?;
        let Some(row) = row else {
            let sentence = "nobody waits for so many seats of this event";
            return Ok(Verdict::rejected("waitlist_empty", sentence));
        };
        Ok(Verdict::Done(Taken {
            entry_id: row.try_get("entry_id")?,
            customer_email: row.try_get("customer_email")?,
        }))
    }
}

#[async_trait]
impl Compensation for ReturnEntry {
    async fn undo(
        &self,
        tx: &mut PgConnection,
        task: &TaskContext,
        forward: ForwardEffect,
    ) -> Result<Undo, HandlerError> {
        let taken: Taken = forward.output()?;
        let state: Option<String> = sqlx::query_scalar(
            "update waitlist
                set offers = offers + 1, saga = null,
                    state = case when offers + 1 < $3 then 'waiting' else 'lapsed' end
              where entry_id = $1 and saga = $2 and state = 'offered'
             returning state",
        )
        .bind(taken.entry_id)
        .bind(task.saga())
        .bind(OFFERS_MAX)
        .fetch_optional(tx)
        .await?;
        Ok(Undo::Undone(json!({ "entry": state })))
    }
}

#[async_trait]
impl Transactional for CloseEntry {
    type Input = Booked;
    type Output = Closed;

    async fn run(
        &self,
        tx: &mut PgConnection,
        task: &TaskContext,
        input: Booked,
    ) -> Result<Verdict<Closed>, HandlerError> {
        let closed = sqlx::query(
            "update waitlist set state = 'booked'
              where entry_id = $1 and saga = $2 and state = 'offered'",
        )
        .bind(input.entry_id)
        .bind(task.saga())
        .execute(tx)
        .await?;
        if closed.rows_affected() == 0 {
            let sentence = "this entry has no offer of this saga";
            return Ok(Verdict::rejected("offer_lost", sentence));
        }
        Ok(Verdict::Done(Closed {
            entry_id: input.entry_id,
        }))
    }
}
