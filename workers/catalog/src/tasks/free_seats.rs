//! `free-seats`: the seats of a sale that was given back are for sale again.
//!
//! Only seats that still belong to this hold, and only of a sold one: a hold that is not sold belongs to a saga that
//! is still deciding about it, and is that saga's to release.

use async_trait::async_trait;
use impresario_worker_sdk::{HandlerError, TaskContext, Transactional, Verdict};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::rows;
use crate::model::HoldState;

/// The handler.
pub(crate) struct FreeSeats;

/// What the task asks.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    hold_id: Uuid,
}

/// What it did.
#[derive(Debug, Serialize)]
pub(crate) struct Output {
    event_id: Uuid,
    seats: Vec<String>,
    freed: u64,
}

#[async_trait]
impl Transactional for FreeSeats {
    type Input = Input;
    type Output = Output;

    async fn run(
        &self,
        tx: &mut PgConnection,
        _task: &TaskContext,
        input: Input,
    ) -> Result<Verdict<Output>, HandlerError> {
        let holds = rows::holds_lock(tx, &[input.hold_id]).await?;
        let Some(hold) = holds.into_iter().next() else {
            return Ok(Verdict::rejected("unknown_hold", "there is no such hold"));
        };
        let freed = match hold.state {
            HoldState::Sold => {
                let freed = rows::seats_unsell(tx, &hold).await?;
                rows::holds_set_state(tx, &[hold.hold_id], HoldState::Released).await?;
                freed
            }
            HoldState::Released => 0,
            HoldState::Held | HoldState::Pinned | HoldState::Expired => {
                let sentence = format!("the hold is {}, not sold", hold.state.as_str());
                return Ok(Verdict::rejected("hold_not_sold", sentence));
            }
        };
        Ok(Verdict::Done(Output {
            event_id: hold.event_id,
            seats: hold.seats,
            freed,
        }))
    }
}
