//! `authorize`, `void`, `reconcile-authorization`: money promised, and given back.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use impresario_worker_sdk::{
    Closing, External, HandlerError, Happened, TaskContext, Undo, Verdict,
};
use serde::Deserialize;
use sqlx::PgConnection;

use super::{forward_key, made, purpose, undone};
use crate::ledger::{self, Money, Movement, Transfer};
use crate::provider::{Authorization, AuthorizeRequest, Provider};

/// The handler.
pub(crate) struct Authorize {
    pub(crate) provider: Arc<dyn Provider>,
}

/// What the task asks.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    amount: Money,
    #[serde(alias = "payment_token")]
    token: String,
    reference: Option<String>,
}

impl Input {
    fn request(&self) -> AuthorizeRequest {
        AuthorizeRequest {
            money: self.amount.clone(),
            token: self.token.clone(),
            reference: self.reference.clone(),
        }
    }
}

#[async_trait]
impl External for Authorize {
    type Input = Input;
    type Output = Authorization;

    fn key_life(&self) -> Duration {
        self.provider.key_life()
    }

    async fn act(&self, task: &TaskContext, input: &Input) -> Verdict<Authorization> {
        self.provider
            .authorize(&forward_key(task), &input.request(), task.time_left())
            .await
    }

    async fn record(
        &self,
        tx: &mut PgConnection,
        effects: &[Happened<Input, Authorization>],
    ) -> Result<(), HandlerError> {
        let transfers: Vec<Transfer> = effects
            .iter()
            .map(|effect| made(&effect.task, Movement::Authorize, &effect.input.amount))
            .collect();
        Ok(ledger::record(tx, &transfers).await?)
    }

    async fn close(&self, task: &TaskContext, input: &Input) -> Closing<Authorization> {
        let (key, request) = (forward_key(task), input.request());
        self.provider
            .close_authorization(&key, &request, purpose(task), task.time_left())
            .await
    }

    async fn find(&self, task: &TaskContext, _input: &Input) -> Closing<Authorization> {
        self.provider
            .find_authorization(&forward_key(task), task.time_left())
            .await
    }

    async fn undo(&self, task: &TaskContext, _input: &Input, output: &Authorization) -> Undo {
        let key = task.effect().to_string();
        self.provider
            .void(&key, &output.authorization_id, task.time_left())
            .await
    }

    async fn record_undo(
        &self,
        tx: &mut PgConnection,
        effects: &[Happened<Input, Authorization>],
    ) -> Result<(), HandlerError> {
        let transfers: Vec<Transfer> = effects
            .iter()
            .map(|effect| undone(&effect.task, Movement::Void, &effect.input.amount))
            .collect();
        Ok(ledger::record(tx, &transfers).await?)
    }
}
