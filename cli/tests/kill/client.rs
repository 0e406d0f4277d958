//! HTTP as a real client does it: a time limit, and the other replica with the same key when one does not answer.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// A replica that is stopped accepts connections and never answers.
const PATIENCE: Duration = Duration::from_secs(6);

/// Both replicas, and the payment provider.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    replicas: [String; 2],
    provider: String,
}

/// An answer that came.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    pub(crate) body: Value,
}

/// Nothing is known: connection refused or broken, too late, or 503.
pub(crate) type Silence = String;

impl Client {
    pub(crate) fn new(replicas: [u16; 2], provider: u16) -> Client {
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .connect_timeout(Duration::from_secs(1))
            .build()
            .unwrap();
        Client {
            http,
            replicas: replicas.map(|port| format!("http://127.0.0.1:{port}")),
            provider: format!("http://127.0.0.1:{provider}"),
        }
    }

    /// The provider's address.
    pub(crate) fn provider(&self) -> &str {
        &self.provider
    }

    pub(crate) async fn book(
        &self,
        replica: usize,
        key: &str,
        body: &Value,
        wait: u8,
    ) -> Result<Answer, Silence> {
        let request = self
            .http
            .post(format!("{}/v1/bookings", self.replicas[replica]))
            .header("idempotency-key", key)
            .header("prefer", format!("wait={wait}"))
            .json(body);
        answer(request).await
    }

    /// What the customer may read.
    pub(crate) async fn look(&self, replica: usize, saga: &str) -> Result<Answer, Silence> {
        let url = format!("{}/v1/bookings/{saga}", self.replicas[replica]);
        answer(self.http.get(url)).await
    }

    /// What support staff may read.
    pub(crate) async fn saga(&self, replica: usize, saga: &str) -> Result<Answer, Silence> {
        let url = format!("{}/v1/sagas/{saga}", self.replicas[replica]);
        answer(self.http.get(url)).await
    }

    /// A command of support staff, on the saga as they saw it.
    pub(crate) async fn command(
        &self,
        replica: usize,
        saga: &str,
        seen: &str,
        command: &str,
        key: &str,
    ) -> Result<Answer, Silence> {
        let request = self
            .http
            .post(format!(
                "{}/v1/sagas/{saga}/commands",
                self.replicas[replica]
            ))
            .header("idempotency-key", key)
            .header("if-match", seen)
            .header("x-impresario-operator", "ana")
            .json(&json!({ "type": command, "reason": "asked for" }));
        answer(request).await
    }

    /// The metrics of a replica, as text.
    pub(crate) async fn metrics(&self, replica: usize) -> Result<String, reqwest::Error> {
        let url = format!("{}/metrics", self.replicas[replica]);
        self.http.get(url).send().await?.text().await
    }

    /// Lets `tok_refund_fails` work from now on.
    pub(crate) async fn heal(&self) -> Result<Answer, Silence> {
        answer(self.http.post(format!("{}/sandbox/heal", self.provider))).await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Answer, Silence> {
    let response = request.send().await.map_err(|error| why(&error))?;
    let status = response.status().as_u16();
    let etag = text(response.headers(), "etag");
    let body = response.bytes().await.map_err(|error| why(&error))?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    if status == 503 {
        return Err(format!("503 {}", body["code"].as_str().unwrap_or_default()));
    }
    Ok(Answer { status, etag, body })
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

fn why(error: &reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        deepest.to_string()
    }
}
