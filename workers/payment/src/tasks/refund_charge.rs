//! `refund-charge`, `stop-refund`, `reconcile-refund`: money given back as an effect of its own, all of a charge or a
//! part of it.
//!
//! Money that was given back by somebody else already is no failure: it is where it should be. Only what this task
//! moved goes into the books.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use impresario_protocol::Problem;
use impresario_worker_sdk::{
    Closing, External, HandlerError, Happened, TaskContext, Undo, Verdict,
};
use serde::Deserialize;
use sqlx::PgConnection;

use super::{forward_key, made, purpose};
use crate::ledger::{self, Money, Movement, Transfer};
use crate::provider::{Provider, Refund};

/// The handler.
pub(crate) struct RefundCharge {
    pub(crate) provider: Arc<dyn Provider>,
}

/// What the task asks.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    charge_id: String,
    amount: Money,
}

#[async_trait]
impl External for RefundCharge {
    type Input = Input;
    type Output = Refund;

    fn key_life(&self) -> Duration {
        self.provider.key_life()
    }

    async fn act(&self, task: &TaskContext, input: &Input) -> Verdict<Refund> {
        let key = forward_key(task);
        self.provider
            .refund_part(&key, &input.charge_id, &input.amount, task.time_left())
            .await
    }

    async fn record(
        &self,
        tx: &mut PgConnection,
        effects: &[Happened<Input, Refund>],
    ) -> Result<(), HandlerError> {
        let transfers: Vec<Transfer> = effects
            .iter()
            .filter(|effect| !effect.output.already)
            .map(|effect| made(&effect.task, Movement::Refund, &effect.output.money))
            .collect();
        Ok(ledger::record(tx, &transfers).await?)
    }

    async fn close(&self, task: &TaskContext, input: &Input) -> Closing<Refund> {
        let (key, charge) = (forward_key(task), &input.charge_id);
        self.provider
            .close_refund(&key, charge, &input.amount, purpose(task), task.time_left())
            .await
    }

    async fn find(&self, task: &TaskContext, input: &Input) -> Closing<Refund> {
        self.provider
            .find_refund(&forward_key(task), &input.charge_id, task.time_left())
            .await
    }

    /// A refund that has not happened is stopped by closing its key. One that has cannot be taken back.
    async fn undo(&self, _task: &TaskContext, _input: &Input, output: &Refund) -> Undo {
        let sentence = format!("the money of {} is with the customer", output.charge_id);
        Undo::Failed(Problem::new("refund_is_final", sentence))
    }

    async fn record_undo(
        &self,
        _tx: &mut PgConnection,
        _effects: &[Happened<Input, Refund>],
    ) -> Result<(), HandlerError> {
        Ok(())
    }
}
