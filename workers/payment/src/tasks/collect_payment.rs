//! `collect-payment`, `return-payment`, `reconcile-payment`: the money of a payment request, or the end of it.
//!
//! The provider is asked, whatever any event said: an event may be lost, late or forged, and the provider alone knows
//! what came first. A request whose money has not come is closed by the question, so a no is final.

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
use crate::provider::requests::PaymentRequests;
use crate::provider::{Charge, Provider};

/// The handler.
pub(crate) struct CollectPayment {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) requests: Arc<dyn PaymentRequests>,
}

/// What the task asks.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    request_id: String,
}

#[async_trait]
impl External for CollectPayment {
    type Input = Input;
    type Output = Charge;

    fn key_life(&self) -> Duration {
        self.provider.key_life()
    }

    async fn act(&self, task: &TaskContext, input: &Input) -> Verdict<Charge> {
        self.requests
            .collect(&forward_key(task), &input.request_id, task.time_left())
            .await
    }

    async fn record(
        &self,
        tx: &mut PgConnection,
        effects: &[Happened<Input, Charge>],
    ) -> Result<(), HandlerError> {
        let transfers: Vec<Transfer> = effects
            .iter()
            .map(|effect| made(&effect.task, Movement::Settle, &effect.output.money))
            .collect();
        Ok(ledger::record(tx, &transfers).await?)
    }

    async fn close(&self, task: &TaskContext, input: &Input) -> Closing<Charge> {
        let (key, request) = (forward_key(task), &input.request_id);
        self.requests
            .close_collect(&key, request, purpose(task), task.time_left())
            .await
    }

    async fn find(&self, task: &TaskContext, input: &Input) -> Closing<Charge> {
        self.requests
            .find_collect(&input.request_id, task.time_left())
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
