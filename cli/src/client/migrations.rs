//! Migrations: running sagas under another version of their definition.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::saga::one_segment;
use super::{Error, Server};

/// What became, or would become, of them: one page, or several put together.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Migrations {
    pub(crate) from: Value,
    pub(crate) to: Value,
    pub(crate) dry_run: bool,
    pub(crate) positions: Vec<Place>,
    pub(crate) migrated: u64,
    #[serde(skip_serializing)]
    pub(crate) next_cursor: Option<String>,
}

/// Sagas that stand alike.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Place {
    pub(crate) position: String,
    pub(crate) verdict: String,
    pub(crate) sagas: u64,
    pub(crate) migrated: u64,
    pub(crate) examples: Vec<String>,
    pub(crate) states: Option<u64>,
    #[serde(default)]
    pub(crate) items: Option<u64>,
    pub(crate) property: Option<String>,
    pub(crate) why: Option<String>,
    pub(crate) story: Option<Vec<Line>>,
}

/// A line of a counterexample.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Line {
    pub(crate) who: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<String>,
    pub(crate) text: String,
}

impl Migrations {
    /// This page and the next one.
    pub(crate) fn and(mut self, next: Migrations) -> Migrations {
        for place in next.positions {
            let known = self.positions.iter_mut().find(|known| {
                (&known.position, &known.verdict, &known.why)
                    == (&place.position, &place.verdict, &place.why)
            });
            match known {
                Some(known) => {
                    known.sagas += place.sagas;
                    known.migrated += place.migrated;
                }
                None => self.positions.push(place),
            }
        }
        self.migrated += next.migrated;
        self.next_cursor = next.next_cursor;
        self
    }
}

impl Server {
    /// One page of a migration.
    pub(crate) async fn migrate(
        &self,
        definition: &str,
        key: &str,
        by: &str,
        body: &Value,
    ) -> Result<Migrations, Error> {
        let path = format!("/v1/definitions/{}/migrations", one_segment(definition));
        let request = self
            .request(Method::POST, &path)
            .header("idempotency-key", key)
            .header("x-impresario-operator", by)
            .json(body);
        let answer = self.send(request).await?;
        self.read(answer).await
    }
}
