//! `sold-holds`: the sold holds of a closed event, once no sale is under way any more. Changes nothing.
//!
//! A hold that was pinned before the event was closed has its money taken or about to be, and will be sold; so the
//! answer waits for it (it fails, and is asked again). A hold that is only held can never be pinned any more.
//!
//! Subtle: the holds are locked before they are judged. A pin locks its hold before it looks at the event, so either
//! it comes first and is seen here, or it finds the event closed.

use async_trait::async_trait;
use impresario_worker_sdk::{HandlerError, TaskContext, Transactional, Verdict};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

/// Holds in one answer at most; a saga fans out over no more either.
const HOLDS_MAX: usize = 1_000;

/// The handler.
pub(crate) struct SoldHolds;

/// What the task asks.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    event_id: Uuid,
}

/// What it gets.
#[derive(Debug, Serialize)]
pub(crate) struct Output {
    holds: Vec<Uuid>,
}

#[async_trait]
impl Transactional for SoldHolds {
    type Input = Input;
    type Output = Output;

    async fn run(
        &self,
        tx: &mut PgConnection,
        _task: &TaskContext,
        input: Input,
    ) -> Result<Verdict<Output>, HandlerError> {
        let on_sale: Option<bool> =
            sqlx::query_scalar("select state = 'on_sale' from event where event_id = $1")
                .bind(input.event_id)
                .fetch_optional(&mut *tx)
                .await?;
        match on_sale {
            None => {
                return Ok(Verdict::rejected("unknown_event", "there is no such event"));
            }
            Some(true) => {
                let sentence = "the event is on sale, so its sales never end";
                return Ok(Verdict::rejected("event_on_sale", sentence));
            }
            Some(false) => {}
        }
        let holds: Vec<(Uuid, String)> = sqlx::query_as(
            "select hold_id, state
               from hold
              where event_id = $1 and state in ('held', 'pinned', 'sold')
              order by hold_id
                for update",
        )
        .bind(input.event_id)
        .fetch_all(tx)
        .await?;
        let pinned = holds.iter().filter(|hold| hold.1 == "pinned").count();
        if pinned > 0 {
            let sentence = format!("{pinned} sales of this event are not finished yet");
            return Ok(Verdict::failed("sales_under_way", sentence));
        }
        let holds: Vec<Uuid> = holds
            .into_iter()
            .filter(|hold| hold.1 == "sold")
            .map(|hold| hold.0)
            .collect();
        if holds.len() > HOLDS_MAX {
            let sentence = format!("{} sold holds; at most {HOLDS_MAX} at once", holds.len());
            return Ok(Verdict::rejected("too_many_holds", sentence));
        }
        Ok(Verdict::Done(Output { holds }))
    }
}
