//! `close-event` and `reopen-event`: an event is taken off sale, and put back. And `cancel-event`, which is for good.
//!
//! Once it is closed nothing new is held or pinned. What was pinned before goes on and is sold; who needs to know when
//! that is over asks `sold-holds`.

use async_trait::async_trait;
use impresario_worker_sdk::{
    Compensation, ForwardEffect, HandlerError, TaskContext, Transactional, Undo, Verdict,
};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

/// The handler of `close-event`.
pub(crate) struct CloseEvent;
/// The handler of `reopen-event`.
pub(crate) struct ReopenEvent;
/// The handler of `cancel-event`.
pub(crate) struct CancelEvent;

/// What the tasks ask.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    event_id: Uuid,
}

/// What `close-event` did.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Closed {
    event_id: Uuid,
    title: String,
    /// It was on sale: undoing puts it back.
    was_on_sale: bool,
}

/// What `cancel-event` did.
#[derive(Debug, Serialize)]
pub(crate) struct Cancelled {
    event_id: Uuid,
}

struct Event {
    title: String,
    state: String,
}

async fn lock(tx: &mut PgConnection, event_id: Uuid) -> Result<Option<Event>, sqlx::Error> {
    let row = sqlx::query("select title, state from event where event_id = $1 for update")
        .bind(event_id)
        .fetch_optional(tx)
        .await?;
    row.map(|row| {
        Ok(Event {
            title: row.try_get("title")?,
            state: row.try_get("state")?,
        })
    })
    .transpose()
}

async fn set(tx: &mut PgConnection, event_id: Uuid, state: &str) -> Result<(), sqlx::Error> {
    sqlx::query("update event set state = $2 where event_id = $1")
        .bind(event_id)
        .bind(state)
        .execute(tx)
        .await?;
    Ok(())
}

fn unknown_event<O>() -> Verdict<O> {
    Verdict::rejected("unknown_event", "there is no such event")
}

#[async_trait]
impl Transactional for CloseEvent {
    type Input = Input;
    type Output = Closed;

    async fn run(
        &self,
        tx: &mut PgConnection,
        _task: &TaskContext,
        input: Input,
    ) -> Result<Verdict<Closed>, HandlerError> {
        let Some(event) = lock(tx, input.event_id).await? else {
            return Ok(unknown_event());
        };
        if event.state == "cancelled" {
            let sentence = "this event was cancelled already";
            return Ok(Verdict::rejected("event_cancelled", sentence));
        }
        set(tx, input.event_id, "closed").await?;
        Ok(Verdict::Done(Closed {
            event_id: input.event_id,
            title: event.title,
            was_on_sale: event.state == "on_sale",
        }))
    }
}

#[async_trait]
impl Compensation for ReopenEvent {
    async fn undo(
        &self,
        tx: &mut PgConnection,
        _task: &TaskContext,
        forward: ForwardEffect,
    ) -> Result<Undo, HandlerError> {
        let closed: Closed = forward.output()?;
        let event = lock(tx, closed.event_id).await?;
        // Somebody may have cancelled it meanwhile, and that is for good.
        if closed.was_on_sale && event.is_some_and(|event| event.state == "closed") {
            set(tx, closed.event_id, "on_sale").await?;
        }
        Ok(Undo::done())
    }
}

#[async_trait]
impl Transactional for CancelEvent {
    type Input = Input;
    type Output = Cancelled;

    async fn run(
        &self,
        tx: &mut PgConnection,
        _task: &TaskContext,
        input: Input,
    ) -> Result<Verdict<Cancelled>, HandlerError> {
        if lock(tx, input.event_id).await?.is_none() {
            return Ok(unknown_event());
        }
        set(tx, input.event_id, "cancelled").await?;
        Ok(Verdict::Done(Cancelled {
            event_id: input.event_id,
        }))
    }
}
