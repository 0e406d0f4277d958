//! `release-seats`: undoes a hold, pinned or not. The hold is found by the effect key, never by the input.
//!
//! An expired hold may have lost seats to another saga; only those that still point to this hold are freed.

use async_trait::async_trait;
use impresario_metrics::table::SEATS_CHANGED;
use impresario_protocol::Problem;
use impresario_worker_sdk::{Compensation, ForwardEffect, HandlerError, TaskContext, Undo};
use serde::Deserialize;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::rows;
use crate::model::HoldState;

/// The handler.
pub(crate) struct ReleaseSeats;

#[derive(Deserialize)]
struct Held {
    hold_id: Uuid,
}

#[async_trait]
impl Compensation for ReleaseSeats {
    async fn undo(
        &self,
        tx: &mut PgConnection,
        _task: &TaskContext,
        forward: ForwardEffect,
    ) -> Result<Undo, HandlerError> {
        let held: Held = forward.output()?;
        let holds = rows::holds_lock(tx, &[held.hold_id]).await?;
        let Some(hold) = holds.into_iter().next() else {
            return Err(HandlerError::Broken(format!(
                "hold {} is missing",
                held.hold_id
            )));
        };
        match hold.state {
            HoldState::Held | HoldState::Pinned | HoldState::Expired => {
                let freed = rows::seats_free(tx, std::slice::from_ref(&hold)).await?;
                SEATS_CHANGED.with(["released"]).increment(freed);
                rows::holds_set_state(tx, &[hold.hold_id], HoldState::Released).await?;
                Ok(Undo::Undone(json!({ "released": freed })))
            }
            HoldState::Released => Ok(Undo::Undone(json!({ "released": 0 }))),
            // The sale is an effect of its own; taking sold seats away needs a person.
            HoldState::Sold => Ok(Undo::Failed(Problem::new(
                "seats_sold",
                "the seats of this hold are sold and cannot be released",
            ))),
        }
    }
}
