//! Sagas: the support staff's side of the API.
//!
//! Words that may grow (status, events) stay text here: a client must show what a newer server tells.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Error, Server, seq_of};

/// One saga, with everything that the API tells about it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Saga {
    pub(crate) id: String,
    pub(crate) definition: Definition,
    pub(crate) status: String,
    pub(crate) seq: i32,
    pub(crate) explanation: String,
    pub(crate) business_key: Option<String>,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) ended_at: Option<DateTime<Utc>>,
    pub(crate) steps: Vec<Step>,
    pub(crate) journal: Vec<JournalEntry>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) version: u32,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Step {
    pub(crate) id: String,
    /// `pool/task`; what merely waits has none.
    #[serde(default)]
    pub(crate) task: String,
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) problem: Option<Problem>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Problem {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// A row of the journal.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct JournalEntry {
    pub(crate) seq: i32,
    pub(crate) at: DateTime<Utc>,
    pub(crate) events: Vec<Value>,
}

/// A saga in a list.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) definition: String,
    pub(crate) version: i32,
    pub(crate) status: String,
    pub(crate) business_key: Option<String>,
    pub(crate) attributes: Option<Map<String, Value>>,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) ended_at: Option<DateTime<Utc>>,
}

/// A page of a list.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Listed {
    pub(crate) data: Vec<Item>,
    pub(crate) next_cursor: Option<String>,
    pub(crate) has_more: bool,
}

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) pairs: Vec<(String, String)>,
}

/// What a person orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Retry {
        step: Option<String>,
    },
    Cancel,
    /// Yes or no to a step that waits for it.
    Decide {
        step: String,
        approved: bool,
    },
}

/// Who orders it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) roles: Vec<String>,
}

/// The answer to a command.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Commanded {
    pub(crate) status: String,
    pub(crate) seq: i32,
    pub(crate) changed: bool,
}

impl Saga {
    /// Whether it goes no further by itself.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(
            self.status.as_str(),
            "completed" | "compensated" | "stuck" | "paused"
        )
    }
}

impl Server {
    /// A saga, and the same as the server wrote it.
    pub(crate) async fn saga(&self, id: &str) -> Result<(Saga, Value), Error> {
        let document: Value = self.get(&format!("/v1/sagas/{}", one_segment(id))).await?;
        let saga = Saga::deserialize(&document).map_err(|source| Error::Unreadable { source })?;
        Ok((saga, document))
    }

    /// A page of sagas, newest first.
    pub(crate) async fn sagas(&self, filter: &Filter) -> Result<Listed, Error> {
        let request = self.request(Method::GET, "/v1/sagas").query(&filter.pairs);
        let answer = self.send(request).await?;
        self.read(answer).await
    }

    /// Gives a command to the saga as it was seen at `seq`, and to no other state of it.
    pub(crate) async fn command(
        &self,
        id: &str,
        seq: i32,
        command: &Command,
        by: &Person,
        reason: &str,
    ) -> Result<Commanded, Error> {
        let body = match command {
            Command::Retry { step: Some(step) } => {
                json!({ "type": "retry", "step": step, "reason": reason })
            }
            Command::Retry { step: None } => json!({ "type": "retry", "reason": reason }),
            Command::Cancel => json!({ "type": "cancel", "reason": reason }),
            Command::Decide { step, approved } => {
                let word = if *approved { "approve" } else { "deny" };
                json!({ "type": word, "step": step, "reason": reason })
            }
        };
        let request = self
            .request(
                Method::POST,
                &format!("/v1/sagas/{}/commands", one_segment(id)),
            )
            .header("if-match", format!("\"seq-{seq}\""))
            .header("idempotency-key", uuid::Uuid::new_v4().to_string())
            .header("x-impresario-operator", &by.name)
            .header("x-impresario-roles", by.roles.join(","))
            .json(&body);
        let answer = self.send(request).await?;
        let seq = seq_of(&answer);
        let mut commanded: Commanded = self.read(answer).await?;
        commanded.seq = seq.unwrap_or(commanded.seq);
        Ok(commanded)
    }
}

impl Server {
    /// Tells a saga that something happened outside; `key` names the event.
    pub(crate) async fn signal(&self, id: &str, key: &str, body: &Value) -> Result<Value, Error> {
        let path = format!("/v1/sagas/{}/signals", one_segment(id));
        let request = self
            .request(Method::POST, &path)
            .header("idempotency-key", key)
            .json(body);
        let answer = self.send(request).await?;
        self.read(answer).await
    }

    /// Uploads a definition.
    pub(crate) async fn upload(&self, body: &Value, by: &str) -> Result<Value, Error> {
        let request = self
            .request(Method::POST, "/v1/definitions")
            .header("x-impresario-operator", by)
            .json(body);
        let answer = self.send(request).await?;
        self.read(answer).await
    }
}

/// An id that a person typed, so that it stays one segment of the path: what is no id finds nothing.
pub(super) fn one_segment(id: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !id.is_empty() && id.chars().all(plain) {
        id.to_owned()
    } else {
        "-".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cannot_leave_their_place_in_the_path() {
        assert_eq!(one_segment("0190-ab_Z"), "0190-ab_Z");
        for bad in ["", "..", "a/b", "a?b", "ü", "a b"] {
            assert_eq!(one_segment(bad), "-", "{bad}");
        }
    }
}
