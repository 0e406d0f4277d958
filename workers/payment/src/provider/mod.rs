//! The port to a payment provider: what this pool needs of one, in its own words.
//!
//! Every request carries an effect key as its idempotency key. `within` bounds the wait; what is not answered
//! by then is unknown, not failed. Only an answer of the provider itself may become a rejection.

pub mod requests;
pub mod sandbox;
mod sandbox_requests;
pub mod stripe;
mod stripe_refund;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use impresario_protocol::Problem;
use impresario_worker_sdk::{Closing, Undo, Verdict};
use serde::{Deserialize, Serialize};

use crate::ledger::Money;

/// A request for an authorization.
#[derive(Clone, Debug, Serialize)]
pub struct AuthorizeRequest {
    /// How much.
    #[serde(flatten)]
    pub money: Money,
    /// Stands for the card.
    pub token: String,
    /// Shown on statements, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// Money promised by the customer's bank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// The provider's id of it.
    pub authorization_id: String,
}

/// Money taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The provider's id of it.
    pub charge_id: String,
    /// How much.
    #[serde(flatten)]
    pub money: Money,
}

/// Money given back, all of a charge or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// The charge that it was taken with.
    pub charge_id: String,
    /// How much.
    #[serde(flatten)]
    pub money: Money,
    /// Somebody else had given it back before: the money is where it should be, and the books of whoever did it say so.
    #[serde(default)]
    pub already: bool,
}

/// Why a key is looked at: it decides how it may be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The saga still wants the effect: making it happen by a repetition is welcome.
    Reconcile,
    /// The saga wants it gone.
    Compensate,
}

/// A payment provider.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// How long it remembers an idempotency key.
    fn key_life(&self) -> Duration;

    /// Has the money promised.
    async fn authorize(
        &self,
        key: &str,
        request: &AuthorizeRequest,
        within: Duration,
    ) -> Verdict<Authorization>;

    /// Takes all of the promised money.
    async fn capture(&self, key: &str, authorization_id: &str, within: Duration)
    -> Verdict<Charge>;

    /// Gives a promise back.
    async fn void(&self, key: &str, authorization_id: &str, within: Duration) -> Undo;

    /// Gives all of a charge back, as the undoing of its capture.
    async fn refund(&self, key: &str, charge_id: &str, within: Duration) -> Undo;

    /// Gives this much of a charge back, as an effect of its own.
    async fn refund_part(
        &self,
        key: &str,
        charge_id: &str,
        money: &Money,
        within: Duration,
    ) -> Verdict<Refund>;

    /// Finds the refund made under `key`, or makes sure that there never will be one.
    async fn close_refund(
        &self,
        key: &str,
        charge_id: &str,
        money: &Money,
        purpose: Purpose,
        within: Duration,
    ) -> Closing<Refund>;

    /// Searches, and changes nothing.
    async fn find_refund(&self, key: &str, charge_id: &str, within: Duration) -> Closing<Refund>;

    /// Its way to ask for transfers, when it has one.
    fn requests(self: Arc<Self>) -> Option<Arc<dyn requests::PaymentRequests>>;

    /// Finds the authorization made under `key`, or makes sure that there never will be one.
    async fn close_authorization(
        &self,
        key: &str,
        request: &AuthorizeRequest,
        purpose: Purpose,
        within: Duration,
    ) -> Closing<Authorization>;

    /// Finds the charge made under `key`, or makes sure that there never will be one.
    async fn close_capture(
        &self,
        key: &str,
        authorization_id: &str,
        purpose: Purpose,
        within: Duration,
    ) -> Closing<Charge>;

    /// Searches, and changes nothing.
    async fn find_authorization(&self, key: &str, within: Duration) -> Closing<Authorization>;

    /// Searches, and changes nothing.
    async fn find_capture(
        &self,
        key: &str,
        authorization_id: &str,
        within: Duration,
    ) -> Closing<Charge>;
}

/// What is known after a request that was not answered.
pub(crate) enum Unanswered {
    /// It never left: the connection could not be made.
    NotSent(Problem),
    /// It may have arrived.
    MaybeSent(Problem),
}

impl Unanswered {
    pub(crate) fn of(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_connect() {
            Unanswered::NotSent(Problem::new("provider_unreachable", error.to_string()))
        } else if error.is_timeout() {
            let sentence = "the provider did not answer in time";
            Unanswered::MaybeSent(Problem::new("provider_timeout", sentence))
        } else {
            Unanswered::MaybeSent(Problem::new("provider_connection", error.to_string()))
        }
    }

    pub(crate) fn verdict<T>(self) -> Verdict<T> {
        match self {
            Unanswered::NotSent(problem) => Verdict::Failed(problem),
            Unanswered::MaybeSent(problem) => Verdict::Unknown(problem),
        }
    }

    pub(crate) fn undo(self) -> Undo {
        match self {
            Unanswered::NotSent(problem) => Undo::Failed(problem),
            Unanswered::MaybeSent(problem) => Undo::Unknown(problem),
        }
    }

    pub(crate) fn problem(self) -> Problem {
        match self {
            Unanswered::NotSent(problem) | Unanswered::MaybeSent(problem) => problem,
        }
    }

    /// Closing and searching can be asked again either way.
    pub(crate) fn closing<T>(self) -> Closing<T> {
        match self {
            Unanswered::NotSent(problem) | Unanswered::MaybeSent(problem) => {
                Closing::StillOpen(problem)
            }
        }
    }
}

/// Connections kept open to a provider while they are idle: one for each call that a worker makes side by side at most,
/// which its slots bound. A connection anew for each call would cost more than the call.
const CONNECTIONS_IDLE_MAX: usize = 256;

pub(crate) fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .pool_max_idle_per_host(CONNECTIONS_IDLE_MAX)
        .build()
}

/// An effect key inside a path: it contains slashes.
pub(crate) fn path_segment(key: &str) -> String {
    let mut segment = String::with_capacity(key.len() + 12);
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            segment.push(char::from(byte));
        } else {
            segment.push_str(&format!("%{byte:02X}"));
        }
    }
    segment
}
