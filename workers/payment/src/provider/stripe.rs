//! An adapter to Stripe's PaymentIntents, with manual capture.
//!
//! Stripe has no way to cancel a key, so a key is closed by what can be done to its intent: repeat the request
//! under the same key while Stripe remembers it (24 hours; a definite answer comes back and stays), or cancel
//! the intent, after which a late capture fails for ever. Each intent carries its effect key as metadata, by
//! which it is found when the key is forgotten; that search lags, so "not found" is never "never".
//!
//! Money in minor units is what Stripe calls the smallest currency unit. Card data never comes here: the
//! token is a PaymentMethod id.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use impresario_protocol::Problem;
use impresario_worker_sdk::{Closing, Undo, Verdict};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;

use super::requests::PaymentRequests;
use super::{
    Authorization, AuthorizeRequest, Charge, Provider, Purpose, Refund, Unanswered, client,
    path_segment, stripe_refund,
};
use crate::ledger::Money;

/// The version of the API that this adapter was written to.
const API_VERSION: &str = "2024-06-20";
/// Stripe removes keys after at least this long.
const KEY_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// A client of one Stripe account.
#[derive(Clone)]
pub struct StripeProvider {
    client: Client,
    url: String,
    secret_key: String,
}

impl std::fmt::Debug for StripeProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StripeProvider")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Deserialize)]
struct Intent {
    id: String,
    amount: i64,
    currency: String,
    status: String,
    latest_charge: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Found {
    data: Vec<Intent>,
}

#[derive(Debug, Deserialize)]
struct ErrorBody {
    error: StripeError,
}

#[derive(Debug, Deserialize)]
pub(super) struct StripeError {
    #[serde(rename = "type")]
    kind: String,
    pub(super) code: Option<String>,
    message: Option<String>,
    /// The intent as it is, when that is why the request was refused.
    payment_intent: Option<Intent>,
}

impl StripeError {
    pub(super) fn problem(&self) -> Problem {
        let code = self.code.as_deref().unwrap_or(&self.kind);
        Problem::new(
            code,
            self.message.as_deref().unwrap_or("Stripe gave no reason"),
        )
    }
}

/// What a request came to.
pub(super) enum Answer<T> {
    Done(T),
    /// Final for its key: a card error, or an intent in the wrong state.
    Refused(StripeError),
    /// Not final: rate limit, key in use, Stripe's own trouble that did nothing.
    TryAgain(Problem),
    /// May have acted.
    Unclear(Problem),
}

impl StripeProvider {
    /// A client with an account's secret key; `url` is `https://api.stripe.com`.
    pub fn new(
        url: impl Into<String>,
        secret_key: impl Into<String>,
    ) -> Result<Self, reqwest::Error> {
        let url = url.into().trim_end_matches('/').to_owned();
        Ok(StripeProvider {
            client: client()?,
            url,
            secret_key: secret_key.into(),
        })
    }

    pub(super) fn post(&self, path: &str, key: &str) -> RequestBuilder {
        self.client
            .post(format!("{}{path}", self.url))
            .header("Idempotency-Key", key)
    }

    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }

    pub(super) async fn send<T: serde::de::DeserializeOwned>(
        &self,
        request: RequestBuilder,
        within: Duration,
    ) -> Result<Answer<T>, Unanswered> {
        let answer = request
            .bearer_auth(&self.secret_key)
            .header("Stripe-Version", API_VERSION)
            .timeout(within)
            .send()
            .await
            .map_err(Unanswered::of)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(match answer.json().await {
                Ok(body) => Answer::Done(body),
                Err(error) => Answer::Unclear(unreadable(error)),
            });
        }
        let error = match answer.json::<ErrorBody>().await {
            Ok(body) => body.error,
            Err(error) => return Ok(Answer::Unclear(unreadable(error))),
        };
        Ok(match status {
            // 409: another request under this key is at work. 429: not looked at.
            StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => {
                Answer::TryAgain(error.problem())
            }
            // Our configuration, not the customer's card: must never look like a business no.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Answer::TryAgain(error.problem()),
            // The same key with other parameters: says nothing about the first request.
            _ if error.kind == "idempotency_error" => Answer::Unclear(error.problem()),
            status if status.is_client_error() => Answer::Refused(error),
            _ => Answer::Unclear(error.problem()),
        })
    }

    async fn request_authorization(
        &self,
        key: &str,
        request: &AuthorizeRequest,
        within: Duration,
    ) -> Result<Answer<Intent>, Unanswered> {
        let mut form = vec![
            ("amount", request.money.amount.to_string()),
            ("currency", request.money.currency.to_lowercase()),
            ("payment_method", request.token.clone()),
            ("capture_method", "manual".into()),
            ("confirm", "true".into()),
            // No customer is there to be redirected.
            ("off_session", "true".into()),
            ("metadata[effect_key]", key.to_owned()),
        ];
        if let Some(reference) = &request.reference {
            form.push(("description", reference.clone()));
        }
        self.send(self.post("/v1/payment_intents", key).form(&form), within)
            .await
    }

    async fn request_capture(
        &self,
        key: &str,
        authorization_id: &str,
        within: Duration,
    ) -> Result<Answer<Intent>, Unanswered> {
        let path = format!(
            "/v1/payment_intents/{}/capture",
            path_segment(authorization_id)
        );
        let form = [("metadata[capture_key]", key)];
        self.send(self.post(&path, key).form(&form), within).await
    }

    async fn request_cancel(
        &self,
        key: &str,
        authorization_id: &str,
        within: Duration,
    ) -> Result<Answer<Intent>, Unanswered> {
        let path = format!(
            "/v1/payment_intents/{}/cancel",
            path_segment(authorization_id)
        );
        self.send(self.post(&path, key), within).await
    }
}

fn unreadable(error: reqwest::Error) -> Problem {
    let sentence = format!("Stripe's answer cannot be read: {}", error.without_url());
    Problem::new("provider_answer", sentence)
}

fn authorized(intent: &Intent) -> Result<Authorization, Problem> {
    match intent.status.as_str() {
        "requires_capture" | "succeeded" => Ok(Authorization {
            authorization_id: intent.id.clone(),
        }),
        "requires_action" | "requires_source_action" => Err(Problem::new(
            "authentication_required",
            "the bank wants the customer to confirm this payment",
        )),
        other => Err(Problem::new(
            "not_authorized",
            format!("the payment is `{other}`"),
        )),
    }
}

fn charged(intent: Intent) -> Result<Charge, Problem> {
    match (intent.status.as_str(), intent.latest_charge) {
        ("succeeded", Some(charge_id)) => Ok(Charge {
            charge_id,
            money: Money {
                amount: intent.amount,
                currency: intent.currency.to_uppercase(),
            },
        }),
        (status, _) => Err(Problem::new(
            "not_captured",
            format!("the payment is `{status}`"),
        )),
    }
}

fn undone(answer: Result<Answer<serde_json::Value>, Unanswered>) -> Undo {
    match answer {
        Ok(Answer::Done(_)) => Undo::done(),
        Ok(Answer::Refused(error)) => Undo::Failed(error.problem()),
        Ok(Answer::TryAgain(problem)) => Undo::Failed(problem),
        Ok(Answer::Unclear(problem)) => Undo::Unknown(problem),
        Err(unanswered) => unanswered.undo(),
    }
}

/// What the state of an intent says about its capture, when the intent may still be captured otherwise.
fn capture_in(intent: Intent) -> Closing<Charge> {
    match intent.status.as_str() {
        "succeeded" => match charged(intent) {
            Ok(charge) => Closing::Applied(charge),
            Err(problem) => Closing::Unknown(problem),
        },
        "canceled" => {
            let sentence = "the authorization was cancelled, so it can never be captured";
            Closing::Closed(Problem::new("authorization_voided", sentence))
        }
        other => {
            let sentence = format!("the payment is `{other}`");
            Closing::StillOpen(Problem::new("not_captured", sentence))
        }
    }
}

#[async_trait]
impl Provider for StripeProvider {
    fn key_life(&self) -> Duration {
        KEY_LIFE
    }

    async fn authorize(
        &self,
        key: &str,
        request: &AuthorizeRequest,
        within: Duration,
    ) -> Verdict<Authorization> {
        match self.request_authorization(key, request, within).await {
            Ok(Answer::Done(intent)) => match authorized(&intent) {
                Ok(authorization) => Verdict::Done(authorization),
                Err(problem) => Verdict::Rejected(problem),
            },
            Ok(Answer::Refused(error)) => Verdict::Rejected(error.problem()),
            Ok(Answer::TryAgain(problem)) => Verdict::Failed(problem),
            Ok(Answer::Unclear(problem)) => Verdict::Unknown(problem),
            Err(unanswered) => unanswered.verdict(),
        }
    }

    async fn capture(
        &self,
        key: &str,
        authorization_id: &str,
        within: Duration,
    ) -> Verdict<Charge> {
        match self.request_capture(key, authorization_id, within).await {
            Ok(Answer::Done(intent)) => match charged(intent) {
                Ok(charge) => Verdict::Done(charge),
                Err(problem) => Verdict::Unknown(problem),
            },
            Ok(Answer::Refused(error)) => Verdict::Rejected(error.problem()),
            Ok(Answer::TryAgain(problem)) => Verdict::Failed(problem),
            Ok(Answer::Unclear(problem)) => Verdict::Unknown(problem),
            Err(unanswered) => unanswered.verdict(),
        }
    }

    async fn void(&self, key: &str, authorization_id: &str, within: Duration) -> Undo {
        match self.request_cancel(key, authorization_id, within).await {
            Ok(Answer::Done(_)) => Undo::done(),
            Ok(Answer::Refused(error)) => match &error.payment_intent {
                // Cancelled before, under another key: it is what was asked for.
                Some(intent) if intent.status == "canceled" => Undo::done(),
                Some(_) | None => Undo::Failed(error.problem()),
            },
            Ok(Answer::TryAgain(problem)) => Undo::Failed(problem),
            Ok(Answer::Unclear(problem)) => Undo::Unknown(problem),
            Err(unanswered) => unanswered.undo(),
        }
    }

    async fn refund(&self, key: &str, charge_id: &str, within: Duration) -> Undo {
        let form = [("charge", charge_id), ("metadata[effect_key]", key)];
        undone(
            self.send(self.post("/v1/refunds", key).form(&form), within)
                .await,
        )
    }

    async fn refund_part(
        &self,
        key: &str,
        charge_id: &str,
        money: &Money,
        within: Duration,
    ) -> Verdict<Refund> {
        stripe_refund::make(self, key, charge_id, money, within).await
    }

    async fn close_refund(
        &self,
        key: &str,
        charge_id: &str,
        money: &Money,
        _purpose: Purpose,
        within: Duration,
    ) -> Closing<Refund> {
        stripe_refund::close(self, key, charge_id, money, within).await
    }

    async fn find_refund(&self, key: &str, charge_id: &str, within: Duration) -> Closing<Refund> {
        stripe_refund::find(self, key, charge_id, within).await
    }

    /// Transfers are another product of Stripe's, which this adapter does not speak.
    fn requests(self: Arc<Self>) -> Option<Arc<dyn PaymentRequests>> {
        None
    }

    async fn close_authorization(
        &self,
        key: &str,
        request: &AuthorizeRequest,
        _purpose: Purpose,
        within: Duration,
    ) -> Closing<Authorization> {
        // Repeating gives the first request's answer, or makes it now; whoever wants it gone undoes it then.
        match self.request_authorization(key, request, within).await {
            Ok(Answer::Done(intent)) => match authorized(&intent) {
                Ok(authorization) => Closing::Applied(authorization),
                Err(problem) => Closing::Closed(problem),
            },
            Ok(Answer::Refused(error)) => Closing::Closed(error.problem()),
            Ok(Answer::TryAgain(problem) | Answer::Unclear(problem)) => Closing::StillOpen(problem),
            Err(unanswered) => unanswered.closing(),
        }
    }

    async fn close_capture(
        &self,
        key: &str,
        authorization_id: &str,
        purpose: Purpose,
        within: Duration,
    ) -> Closing<Charge> {
        let asked = match purpose {
            Purpose::Reconcile => self.request_capture(key, authorization_id, within).await,
            // Cancelling the intent instead of capturing it only to refund it; under a key of its own.
            Purpose::Compensate => {
                let key = format!("{key}/close");
                self.request_cancel(&key, authorization_id, within).await
            }
        };
        match asked {
            Ok(Answer::Done(intent)) => capture_in(intent),
            Ok(Answer::Refused(error)) => match error.payment_intent {
                Some(intent) => capture_in(intent),
                None => Closing::Unknown(error.problem()),
            },
            Ok(Answer::TryAgain(problem) | Answer::Unclear(problem)) => Closing::StillOpen(problem),
            Err(unanswered) => unanswered.closing(),
        }
    }

    async fn find_authorization(&self, key: &str, within: Duration) -> Closing<Authorization> {
        let query = format!("metadata['effect_key']:'{key}'");
        let path = format!(
            "{}/v1/payment_intents/search?query={}",
            self.url,
            path_segment(&query)
        );
        match self.send::<Found>(self.client.get(path), within).await {
            Ok(Answer::Done(found)) => match found.data.first().map(authorized) {
                Some(Ok(authorization)) => Closing::Applied(authorization),
                Some(Err(problem)) => Closing::Closed(problem),
                None => {
                    let sentence = "no payment with this effect key was found";
                    Closing::Unknown(Problem::new("key_not_found", sentence))
                }
            },
            Ok(Answer::Refused(error)) => Closing::Unknown(error.problem()),
            Ok(Answer::TryAgain(problem) | Answer::Unclear(problem)) => Closing::StillOpen(problem),
            Err(unanswered) => unanswered.closing(),
        }
    }

    async fn find_capture(
        &self,
        _key: &str,
        authorization_id: &str,
        within: Duration,
    ) -> Closing<Charge> {
        // An intent is captured at most once, so its state is the answer, and it does not lag.
        let path = format!(
            "{}/v1/payment_intents/{}",
            self.url,
            path_segment(authorization_id)
        );
        match self.send::<Intent>(self.client.get(path), within).await {
            Ok(Answer::Done(intent)) => capture_in(intent),
            Ok(Answer::Refused(error)) => Closing::Unknown(error.problem()),
            Ok(Answer::TryAgain(problem) | Answer::Unclear(problem)) => Closing::StillOpen(problem),
            Err(unanswered) => unanswered.closing(),
        }
    }
}
