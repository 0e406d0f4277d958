//! Orphans: what became, or would become, of sagas that the database has lost.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Error, Server};

/// One page of them, or several put together.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Orphans {
    pub(crate) dry_run: bool,
    pub(crate) known: u64,
    pub(crate) orphans: Vec<Orphan>,
}

/// A lost saga.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Orphan {
    pub(crate) id: String,
    pub(crate) verdict: String,
    pub(crate) why: Option<String>,
    pub(crate) undoes: Vec<String>,
    pub(crate) made_anew: bool,
}

impl Orphans {
    /// Before the first page.
    pub(crate) fn nothing(dry_run: bool) -> Orphans {
        Orphans {
            dry_run,
            known: 0,
            orphans: Vec::new(),
        }
    }

    /// This page and the next one.
    pub(crate) fn and(mut self, next: Orphans) -> Orphans {
        self.known += next.known;
        self.orphans.extend(next.orphans);
        self
    }
}

impl Server {
    /// Asks about a page of remembered sagas.
    pub(crate) async fn orphans(&self, by: &str, body: &Value) -> Result<Orphans, Error> {
        let request = self
            .request(Method::POST, "/v1/orphans")
            .header("x-impresario-operator", by)
            .json(body);
        let answer = self.send(request).await?;
        self.read(answer).await
    }
}
