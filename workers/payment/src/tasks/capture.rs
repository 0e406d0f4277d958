//! `capture`, `refund`, `reconcile-capture`: money taken, and given back.
//!
//! All of the authorized money is taken: how much that is was decided when it was authorized.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use impresario_worker_sdk::{
    Closing, External, HandlerError, Happened, TaskContext, Undo, Verdict,
};
use serde::Deserialize;
use sqlx::PgConnection;

use super::{forward_key, made, purpose, undone};
use crate::ledger::{self, Movement, Transfer};
use crate::provider::{Charge, Provider};

/// The handler.
pub(crate) struct Capture {
    pub(crate) provider: Arc<dyn Provider>,
}

/// What the task asks.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    authorization_id: String,
}

#[async_trait]
impl External for Capture {
    type Input = Input;
    type Output = Charge;

    fn key_life(&self) -> Duration {
        self.provider.key_life()
    }

    async fn act(&self, task: &TaskContext, input: &Input) -> Verdict<Charge> {
        let key = forward_key(task);
        self.provider
            .capture(&key, &input.authorization_id, task.time_left())
            .await
    }

    async fn record(
        &self,
        tx: &mut PgConnection,
        effects: &[Happened<Input, Charge>],
    ) -> Result<(), HandlerError> {
        let transfers: Vec<Transfer> = effects
            .iter()
            .map(|effect| made(&effect.task, Movement::Capture, &effect.output.money))
            .collect();
        Ok(ledger::record(tx, &transfers).await?)
    }

    async fn close(&self, task: &TaskContext, input: &Input) -> Closing<Charge> {
        let (key, authorization) = (forward_key(task), &input.authorization_id);
        self.provider
            .close_capture(&key, authorization, purpose(task), task.time_left())
            .await
    }

    async fn find(&self, task: &TaskContext, input: &Input) -> Closing<Charge> {
        let (key, authorization) = (forward_key(task), &input.authorization_id);
        self.provider
            .find_capture(&key, authorization, task.time_left())
            .await
    }

    async fn undo(&self, task: &TaskContext, _input: &Input, output: &Charge) -> Undo {
        let key = task.effect().to_string();
        self.provider
            .refund(&key, &output.charge_id, task.time_left())
            .await
    }

    async fn record_undo(
        &self,
        tx: &mut PgConnection,
        effects: &[Happened<Input, Charge>],
    ) -> Result<(), HandlerError> {
        let transfers: Vec<Transfer> = effects
            .iter()
            .map(|effect| undone(&effect.task, Movement::Refund, &effect.output.money))
            .collect();
        Ok(ledger::record(tx, &transfers).await?)
    }
}
