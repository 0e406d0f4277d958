//! The adapter for the sandbox provider (`docs/sandbox-provider.md`), which can cancel a key.
//!
//! Cancelling is atomic over there: the answer is either "cancelled, and never" or "already acted, with this".
//! That is the simplest way to close a key, so reconcile and compensation both use it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use impresario_protocol::Problem;
use impresario_worker_sdk::{Closing, Undo, Verdict, traceparent};
use reqwest::{Client, Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::requests::PaymentRequests;
use super::{
    Authorization, AuthorizeRequest, Charge, Provider, Purpose, Refund, Unanswered, client,
    path_segment,
};
use crate::ledger::Money;
use crate::restored::Entry;

/// What the server says when nothing of a charge is left to be given back.
const ALREADY_REFUNDED: &str = "already_refunded";

/// Entries of the log asked for at once: the server gives no more.
const LOG_PAGE: usize = 10_000;

/// A client of one sandbox server.
#[derive(Clone, Debug)]
pub struct SandboxProvider {
    client: Client,
    url: String,
    key_life: Duration,
}

/// What the server says about a key.
#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
enum KeyAnswer {
    Cancelled,
    Open,
    Acted { object: Value },
    Refused { problem: Problem },
}

impl SandboxProvider {
    /// A client of the server at `url`, whose keys live for `key_life`.
    pub fn new(url: impl Into<String>, key_life: Duration) -> Result<Self, reqwest::Error> {
        let url = url.into().trim_end_matches('/').to_owned();
        Ok(SandboxProvider {
            client: client()?,
            url,
            key_life,
        })
    }

    /// What moved after an entry of the log, in order, a page of it; 0 for everything.
    pub async fn log_after(&self, id: i64, within: Duration) -> Result<Vec<Entry>, Problem> {
        #[derive(Deserialize)]
        struct Log {
            entries: Vec<Entry>,
        }
        let path = format!("/v1/log?after={id}&limit={LOG_PAGE}");
        let (status, body) = self
            .send(Method::GET, &path, None, None::<&Value>, within)
            .await
            .map_err(Unanswered::problem)?;
        if !status.is_success() {
            return Err(problem(&body));
        }
        let log = Log::deserialize(body).map_err(|error| unreadable(&error))?;
        Ok(log.entries)
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&impl Serialize>,
        within: Duration,
    ) -> Result<(StatusCode, Value), Unanswered> {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .timeout(within);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(traceparent) = traceparent() {
            request = request.header("traceparent", traceparent);
        }
        let answer = request.send().await.map_err(Unanswered::of)?;
        let status = answer.status();
        let body = answer.json().await.map_err(Unanswered::of)?;
        Ok((status, body))
    }

    pub(super) async fn act<T: DeserializeOwned>(
        &self,
        path: &str,
        key: &str,
        body: &impl Serialize,
        within: Duration,
    ) -> Verdict<T> {
        let answered = self
            .send(Method::POST, path, Some(key), Some(body), within)
            .await;
        let (status, body) = match answered {
            Ok(answered) => answered,
            Err(unanswered) => return unanswered.verdict(),
        };
        if status.is_success() {
            return match T::deserialize(body) {
                Ok(object) => Verdict::Done(object),
                Err(error) => Verdict::Unknown(unreadable(&error)),
            };
        }
        let problem = problem(&body);
        match status {
            // Our own mistake, and loud: two requests under one key. Says nothing about the first one.
            StatusCode::CONFLICT if problem.code == "key_conflict" => Verdict::Unknown(problem),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                Verdict::Failed(problem)
            }
            status if status.is_client_error() => Verdict::Rejected(problem),
            _ => Verdict::Unknown(problem),
        }
    }

    async fn undo(&self, path: &str, key: &str, within: Duration) -> Undo {
        match self.act::<Value>(path, key, &json!({}), within).await {
            Verdict::Done(_) => Undo::done(),
            // Given back before, under a key that was forgotten or by somebody else: it is what was asked for.
            Verdict::Rejected(problem) if problem.code == ALREADY_REFUNDED => Undo::done(),
            // There is no business no to undoing; whatever it is, a person sees its code.
            Verdict::Rejected(problem) | Verdict::Failed(problem) => Undo::Failed(problem),
            Verdict::Unknown(problem) => Undo::Unknown(problem),
        }
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        within: Duration,
    ) -> Closing<T> {
        let answered = self.send(method, path, None, None::<&Value>, within).await;
        let (status, body) = match answered {
            Ok(answered) => answered,
            Err(unanswered) => return unanswered.closing(),
        };
        if status == StatusCode::NOT_FOUND {
            let sentence = "the provider knows nothing under this key";
            return Closing::Unknown(Problem::new("key_not_found", sentence));
        }
        if !status.is_success() {
            return Closing::StillOpen(problem(&body));
        }
        match KeyAnswer::deserialize(body) {
            Ok(KeyAnswer::Cancelled) => {
                let sentence = "the provider cancelled the key before it acted";
                Closing::Closed(Problem::new("key_cancelled", sentence))
            }
            Ok(KeyAnswer::Refused { problem }) => Closing::Closed(problem),
            Ok(KeyAnswer::Open) => {
                Closing::StillOpen(Problem::new("key_open", "the provider has not decided yet"))
            }
            Ok(KeyAnswer::Acted { object }) => match T::deserialize(object) {
                Ok(object) => Closing::Applied(object),
                Err(error) => Closing::Unknown(unreadable(&error)),
            },
            Err(error) => Closing::Unknown(unreadable(&error)),
        }
    }

    pub(super) async fn cancel_key<T: DeserializeOwned>(
        &self,
        key: &str,
        within: Duration,
    ) -> Closing<T> {
        self.ask(
            Method::POST,
            &format!("/v1/keys/{}/cancel", path_segment(key)),
            within,
        )
        .await
    }

    pub(super) async fn find<T: DeserializeOwned>(
        &self,
        key: &str,
        within: Duration,
    ) -> Closing<T> {
        self.ask(
            Method::GET,
            &format!("/v1/keys/{}", path_segment(key)),
            within,
        )
        .await
    }
}

pub(super) fn unreadable(error: &serde_json::Error) -> Problem {
    Problem::new(
        "provider_answer",
        format!("the provider's answer cannot be read: {error}"),
    )
}

pub(super) fn problem(body: &Value) -> Problem {
    Problem::deserialize(body)
        .unwrap_or_else(|_| Problem::new("provider_error", "the provider gave no reason"))
}

#[async_trait]
impl Provider for SandboxProvider {
    fn key_life(&self) -> Duration {
        self.key_life
    }

    async fn authorize(
        &self,
        key: &str,
        request: &AuthorizeRequest,
        within: Duration,
    ) -> Verdict<Authorization> {
        self.act("/v1/authorizations", key, request, within).await
    }

    async fn capture(
        &self,
        key: &str,
        authorization_id: &str,
        within: Duration,
    ) -> Verdict<Charge> {
        let path = format!(
            "/v1/authorizations/{}/capture",
            path_segment(authorization_id)
        );
        self.act(&path, key, &json!({}), within).await
    }

    async fn void(&self, key: &str, authorization_id: &str, within: Duration) -> Undo {
        let path = format!("/v1/authorizations/{}/void", path_segment(authorization_id));
        self.undo(&path, key, within).await
    }

    async fn refund(&self, key: &str, charge_id: &str, within: Duration) -> Undo {
        let path = format!("/v1/charges/{}/refund", path_segment(charge_id));
        self.undo(&path, key, within).await
    }

    async fn refund_part(
        &self,
        key: &str,
        charge_id: &str,
        money: &Money,
        within: Duration,
    ) -> Verdict<Refund> {
        let path = format!("/v1/charges/{}/refund", path_segment(charge_id));
        let body = json!({ "amount": money.amount });
        match self.act(&path, key, &body, within).await {
            Verdict::Rejected(problem) if problem.code == ALREADY_REFUNDED => {
                Verdict::Done(Refund {
                    charge_id: charge_id.to_owned(),
                    money: money.clone(),
                    already: true,
                })
            }
            verdict => verdict,
        }
    }

    async fn close_refund(
        &self,
        key: &str,
        _charge_id: &str,
        _money: &Money,
        _purpose: Purpose,
        within: Duration,
    ) -> Closing<Refund> {
        self.cancel_key(key, within).await
    }

    async fn find_refund(&self, key: &str, _charge_id: &str, within: Duration) -> Closing<Refund> {
        self.find(key, within).await
    }

    fn requests(self: Arc<Self>) -> Option<Arc<dyn PaymentRequests>> {
        Some(self)
    }

    async fn close_authorization(
        &self,
        key: &str,
        _request: &AuthorizeRequest,
        _purpose: Purpose,
        within: Duration,
    ) -> Closing<Authorization> {
        self.cancel_key(key, within).await
    }

    async fn close_capture(
        &self,
        key: &str,
        _authorization_id: &str,
        _purpose: Purpose,
        within: Duration,
    ) -> Closing<Charge> {
        self.cancel_key(key, within).await
    }

    async fn find_authorization(&self, key: &str, within: Duration) -> Closing<Authorization> {
        self.find(key, within).await
    }

    async fn find_capture(
        &self,
        key: &str,
        _authorization_id: &str,
        within: Duration,
    ) -> Closing<Charge> {
        self.find(key, within).await
    }
}
