//! `record-refund`: the money of a booking is with the customer again. Only the saga that claimed it may say so.

use async_trait::async_trait;
use impresario_worker_sdk::{HandlerError, TaskContext, Transactional, Verdict};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

/// The handler.
pub(crate) struct RecordRefund;

/// What the task asks.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    booking_ref: String,
}

/// What it did.
#[derive(Debug, Serialize)]
pub(crate) struct Output {
    booking_ref: String,
}

#[async_trait]
impl Transactional for RecordRefund {
    type Input = Input;
    type Output = Output;

    async fn run(
        &self,
        tx: &mut PgConnection,
        task: &TaskContext,
        input: Input,
    ) -> Result<Verdict<Output>, HandlerError> {
        let recorded = sqlx::query(
            "update booking set state = 'refunded'
              where booking_ref = $1 and state = 'refunding' and refund_saga = $2",
        )
        .bind(&input.booking_ref)
        .bind(task.saga())
        .execute(tx)
        .await?;
        if recorded.rows_affected() == 0 {
            let sentence = "this booking is not being refunded by this saga";
            return Ok(Verdict::rejected("not_claimed", sentence));
        }
        Ok(Verdict::Done(Output {
            booking_ref: input.booking_ref,
        }))
    }
}
