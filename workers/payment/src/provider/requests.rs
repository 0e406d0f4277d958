//! The port for money that the customer transfers later. Not every provider has it ([`super::Provider::requests`]).
//!
//! A provider decides alone, and once, what was first: the money or the cancelling. Money that comes after it is late:
//! nobody can stop a transfer, so it is taken and has to be given back ([`PaymentRequests::late_charges`]).

use std::time::Duration;

use async_trait::async_trait;
use impresario_protocol::Problem;
use impresario_worker_sdk::{Closing, Verdict};
use serde::{Deserialize, Serialize};

use super::{Charge, Purpose};
use crate::ledger::Money;

/// What is asked of the customer.
#[derive(Clone, Debug, Serialize)]
pub struct PaymentOrder {
    /// How much.
    #[serde(flatten)]
    pub money: Money,
    /// Stands for the customer's account.
    pub token: String,
    /// Shown on statements, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Given back with every event about it: the saga's id, so that its signal finds the way.
    pub metadata: serde_json::Map<String, serde_json::Value>,
}

/// A request that waits for money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRequest {
    /// The provider's id of it.
    pub request_id: String,
}

/// How a request that was cancelled has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestEnd {
    /// Without money.
    Cancelled,
    /// The money was faster.
    Settled(Charge),
}

/// Money that came for a cancelled request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LateCharge {
    /// What it is and how much.
    #[serde(flatten)]
    pub charge: Charge,
    /// The key that the request was made under.
    pub key: String,
    /// What the request was given.
    pub metadata: serde_json::Map<String, serde_json::Value>,
}

/// A provider that customers transfer money to.
#[async_trait]
pub trait PaymentRequests: Send + Sync + 'static {
    /// Asks the customer for money.
    async fn request(
        &self,
        key: &str,
        order: &PaymentOrder,
        within: Duration,
    ) -> Verdict<PaymentRequest>;

    /// Cancels a request, unless the money was faster.
    async fn cancel(&self, key: &str, request_id: &str, within: Duration) -> Verdict<RequestEnd>;

    /// Tells the money that has come, or closes the request without it and rejects.
    async fn collect(&self, key: &str, request_id: &str, within: Duration) -> Verdict<Charge>;

    /// Finds the request made under `key`, or makes sure that there never will be one.
    async fn close_request(&self, key: &str, within: Duration) -> Closing<PaymentRequest>;

    /// Searches, and changes nothing.
    async fn find_request(&self, key: &str, within: Duration) -> Closing<PaymentRequest>;

    /// Finds what was collected under `key`, or makes sure that nothing ever will be.
    async fn close_collect(
        &self,
        key: &str,
        request_id: &str,
        purpose: Purpose,
        within: Duration,
    ) -> Closing<Charge>;

    /// Searches, and changes nothing: a request is settled at most once, so its state is the answer.
    async fn find_collect(&self, request_id: &str, within: Duration) -> Closing<Charge>;

    /// Money that came too late and was not given back yet, the oldest first; some of it, when there is much.
    async fn late_charges(&self, within: Duration) -> Result<Vec<LateCharge>, Problem>;
}
