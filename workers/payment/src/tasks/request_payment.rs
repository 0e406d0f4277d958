//! `request-payment`, `cancel-request`, `reconcile-request`: money asked for, and no longer wanted.
//!
//! Undoing a request cancels it at the provider, which says whether the money was faster; such money is given back at
//! once. What comes even later is given back by [`crate::late`], which is why both do it in the same way.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use impresario_worker_sdk::{
    Closing, Database, External, HandlerError, Happened, TaskContext, Undo, Verdict,
};
use serde::Deserialize;
use serde_json::json;
use sqlx::PgConnection;

use super::forward_key;
use crate::late::{self, GivenBack};
use crate::ledger::Money;
use crate::provider::Provider;
use crate::provider::requests::{PaymentOrder, PaymentRequest, PaymentRequests, RequestEnd};

/// The handler.
pub(crate) struct RequestPayment {
    pub(crate) database: Database,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) requests: Arc<dyn PaymentRequests>,
}

/// What the task asks.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    amount: Money,
    #[serde(alias = "payment_token")]
    token: String,
    reference: Option<String>,
}

#[async_trait]
impl External for RequestPayment {
    type Input = Input;
    type Output = PaymentRequest;

    fn key_life(&self) -> Duration {
        self.provider.key_life()
    }

    async fn act(&self, task: &TaskContext, input: &Input) -> Verdict<PaymentRequest> {
        let order = PaymentOrder {
            money: input.amount.clone(),
            token: input.token.clone(),
            reference: input.reference.clone(),
            metadata: [("saga".to_owned(), json!(task.saga()))]
                .into_iter()
                .collect(),
        };
        self.requests
            .request(&forward_key(task), &order, task.time_left())
            .await
    }

    /// Nothing has moved yet.
    async fn record(
        &self,
        _tx: &mut PgConnection,
        _effects: &[Happened<Input, PaymentRequest>],
    ) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn close(&self, task: &TaskContext, _input: &Input) -> Closing<PaymentRequest> {
        self.requests
            .close_request(&forward_key(task), task.time_left())
            .await
    }

    async fn find(&self, task: &TaskContext, _input: &Input) -> Closing<PaymentRequest> {
        self.requests
            .find_request(&forward_key(task), task.time_left())
            .await
    }

    async fn undo(&self, task: &TaskContext, _input: &Input, output: &PaymentRequest) -> Undo {
        let key = task.effect().to_string();
        let ended = self
            .requests
            .cancel(&key, &output.request_id, task.time_left())
            .await;
        let charge = match ended {
            Verdict::Done(RequestEnd::Cancelled) => return Undo::done(),
            Verdict::Done(RequestEnd::Settled(charge)) => charge,
            Verdict::Rejected(problem) | Verdict::Failed(problem) => return Undo::Failed(problem),
            Verdict::Unknown(problem) => return Undo::Unknown(problem),
        };
        let unwanted = late::Unwanted {
            charge,
            saga: task.saga().to_owned(),
            key: forward_key(task),
        };
        match late::give_back(
            &self.database,
            self.provider.as_ref(),
            &unwanted,
            task.time_left(),
        )
        .await
        {
            Ok(GivenBack::Done) => Undo::Undone(json!({ "given_back": unwanted.charge })),
            Ok(GivenBack::NotYet(undo)) => undo,
            Err(error) => Undo::Failed(late::problem(&error)),
        }
    }

    /// What was given back is in the books already.
    async fn record_undo(
        &self,
        _tx: &mut PgConnection,
        _effects: &[Happened<Input, PaymentRequest>],
    ) -> Result<(), HandlerError> {
        Ok(())
    }
}
