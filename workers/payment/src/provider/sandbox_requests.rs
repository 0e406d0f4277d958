//! Payment requests of the sandbox provider. What it decided under a key it repeats; a key that was cancelled before
//! never acts.

use std::time::Duration;

use async_trait::async_trait;
use impresario_protocol::Problem;
use impresario_worker_sdk::{Closing, Verdict};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::requests::{LateCharge, PaymentOrder, PaymentRequest, PaymentRequests, RequestEnd};
use super::sandbox::{SandboxProvider, problem, unreadable};
use super::{Charge, Purpose, path_segment};

/// A request as the server describes it.
#[derive(Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Described {
    Open,
    Cancelled,
    Settled { charge: Charge },
}

#[derive(Deserialize)]
struct Late {
    charges: Vec<LateCharge>,
}

fn path(request_id: &str, verb: &str) -> String {
    format!("/v1/payment-requests/{}{verb}", path_segment(request_id))
}

#[async_trait]
impl PaymentRequests for SandboxProvider {
    async fn request(
        &self,
        key: &str,
        order: &PaymentOrder,
        within: Duration,
    ) -> Verdict<PaymentRequest> {
        self.act("/v1/payment-requests", key, order, within).await
    }

    async fn cancel(&self, key: &str, request_id: &str, within: Duration) -> Verdict<RequestEnd> {
        let path = path(request_id, "/cancel");
        match self.act(&path, key, &json!({}), within).await {
            Verdict::Done(Described::Settled { charge }) => {
                Verdict::Done(RequestEnd::Settled(charge))
            }
            Verdict::Done(Described::Cancelled) => Verdict::Done(RequestEnd::Cancelled),
            Verdict::Done(Described::Open) => {
                let sentence = "the provider says that a cancelled request is open";
                Verdict::Unknown(Problem::new("provider_answer", sentence))
            }
            Verdict::Rejected(problem) => Verdict::Rejected(problem),
            Verdict::Failed(problem) => Verdict::Failed(problem),
            Verdict::Unknown(problem) => Verdict::Unknown(problem),
        }
    }

    async fn collect(&self, key: &str, request_id: &str, within: Duration) -> Verdict<Charge> {
        let path = path(request_id, "/collect");
        self.act(&path, key, &json!({}), within).await
    }

    async fn close_request(&self, key: &str, within: Duration) -> Closing<PaymentRequest> {
        self.cancel_key(key, within).await
    }

    async fn find_request(&self, key: &str, within: Duration) -> Closing<PaymentRequest> {
        self.find(key, within).await
    }

    async fn close_collect(
        &self,
        key: &str,
        _request_id: &str,
        _purpose: Purpose,
        within: Duration,
    ) -> Closing<Charge> {
        self.cancel_key(key, within).await
    }

    async fn find_collect(&self, request_id: &str, within: Duration) -> Closing<Charge> {
        let path = path(request_id, "");
        let asked = self.send(Method::GET, &path, None, None::<&Value>, within);
        let (status, body) = match asked.await {
            Ok(answered) => answered,
            Err(unanswered) => return unanswered.closing(),
        };
        if status == StatusCode::NOT_FOUND {
            return Closing::Unknown(problem(&body));
        }
        if !status.is_success() {
            return Closing::StillOpen(problem(&body));
        }
        match Described::deserialize(body) {
            Ok(Described::Settled { charge }) => Closing::Applied(charge),
            Ok(Described::Cancelled) => {
                let sentence = "the request was cancelled before money came";
                Closing::Closed(Problem::new("request_cancelled", sentence))
            }
            Ok(Described::Open) => {
                let sentence = "no money has come yet";
                Closing::StillOpen(Problem::new("request_open", sentence))
            }
            Err(error) => Closing::Unknown(unreadable(&error)),
        }
    }

    async fn late_charges(&self, within: Duration) -> Result<Vec<LateCharge>, Problem> {
        let asked = self.send(
            Method::GET,
            "/v1/late-charges",
            None,
            None::<&Value>,
            within,
        );
        let (status, body) = asked.await.map_err(|unanswered| unanswered.problem())?;
        if !status.is_success() {
            return Err(problem(&body));
        }
        let late = Late::deserialize(body).map_err(|error| unreadable(&error))?;
        Ok(late.charges)
    }
}
