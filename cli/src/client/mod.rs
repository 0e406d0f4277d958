//! The client of a running Impresario: what the commands, `dev` and `demo` know of it, they know through its
//! public REST API.
//!
//! Errors are told apart by what they mean to the caller ([`error`]). Every wait is bounded.

mod booking;
mod error;
mod migrations;
mod orphans;
mod provider;
mod saga;

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;

pub(crate) use booking::{Booking, Made, Money, Order};
pub(crate) use error::Error;
pub(crate) use migrations::{Migrations, Place};
pub(crate) use orphans::{Orphan, Orphans};
pub(crate) use provider::{Entry as ProviderEntry, Provider};
pub(crate) use saga::{Command, Filter, Item, JournalEntry, Person, Saga, Step};

/// Longer than the server's own waits (30 s at most), so that its answer comes before we hang up.
const ANSWER_WAIT: Duration = Duration::from_secs(40);

/// A server that is there accepts at once.
const CONNECT_WAIT: Duration = Duration::from_secs(3);

/// A running server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    base: String,
    http: reqwest::Client,
}

impl Server {
    /// A server by its address, `http://host:port`.
    pub(crate) fn new(base: &str) -> Result<Server, Error> {
        let base = base.trim_end_matches('/').to_owned();
        let address = reqwest::Url::parse(&base).ok();
        if !address.is_some_and(|url| matches!(url.scheme(), "http" | "https")) {
            return Err(Error::Address { base });
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_WAIT)
            .timeout(ANSWER_WAIT)
            // A private server is not behind the proxy that the environment may name for the rest of the world.
            .no_proxy()
            .build()
            .map_err(|source| Error::Client { source })?;
        Ok(Server { base, http })
    }

    /// Whether it takes bookings.
    pub(crate) async fn is_ready(&self) -> bool {
        let asked = self
            .http
            .get(format!("{}/readyz", self.base))
            .timeout(CONNECT_WAIT);
        asked
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Sends a request; an answer that is no success is an error.
    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let answer = request.send().await.map_err(|source| self.failed(source))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(Error::of_answer(answer).await)
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let answer = self.send(self.request(Method::GET, path)).await?;
        self.read(answer).await
    }

    async fn read<T: DeserializeOwned>(&self, answer: Response) -> Result<T, Error> {
        let body = answer.bytes().await.map_err(|source| self.failed(source))?;
        serde_json::from_slice(&body).map_err(|source| Error::Unreadable { source })
    }

    fn failed(&self, source: reqwest::Error) -> Error {
        Error::Unreachable {
            base: self.base.clone(),
            source,
        }
    }
}

/// The number in an entity tag, `"seq-N"`.
fn seq_of(answer: &Response) -> Option<i32> {
    let tag = answer.headers().get(reqwest::header::ETAG)?.to_str().ok()?;
    tag.strip_prefix("\"seq-")?.strip_suffix('"')?.parse().ok()
}
