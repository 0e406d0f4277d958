//! A journal row as an event: `impresario.saga.moved.v1`, with the saga as its key and the row's number as its sequence.
//!
//! One event a row and not one a fact: the journal's numbers are dense as they are, a reader sees at once what became
//! true at once, and a booking costs a dozen events instead of forty.

use chrono::{DateTime, Utc};
use impresario_feed::{Event, Key, MAX_BYTES, Sealed};
use impresario_workflows::saga::Event as Journalled;
use impresario_workflows::{Millis, SagaId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::Fact;

/// The event's type.
pub const KIND: &str = "impresario.saga.moved.v1";

/// A journal row, and of which saga.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The saga.
    pub saga: SagaId,
    /// The row's number.
    pub seq: i32,
    /// The row's bytes.
    pub body: &'a [u8],
    /// The saga's tenant.
    pub tenant: &'a str,
    /// Name of its definition.
    pub definition: &'a str,
}

/// What one commit added to a saga.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "impresario.saga.moved.v1")]
struct Moved<'a> {
    /// The saga's id.
    saga: &'a str,
    /// The saga's tenant.
    tenant: &'a str,
    /// The saga's definition.
    definition: &'a str,
    /// When it was decided, in Unix milliseconds.
    at: Millis,
    /// Which commit: replica and number. The same sequence from two commits means that a database has lost its tail.
    commit: &'a str,
    /// What became true, in order.
    facts: Vec<Fact<'a>>,
    /// The whole journal row, sealed; not there without a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Secret>")]
    sealed: Option<Sealed>,
    /// Too large to be told: the journal has the rest.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(default)]
    shortened: bool,
}

/// What only those can read who have the key.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "the shape of what the feed seals, for its schema")]
struct Secret {
    /// The key's name.
    key: String,
    /// AES-256-GCM-SIV in base64. Its nonce is the first 12 bytes of the SHA-256 of the event's id, and the id is
    /// authenticated with it.
    value: String,
}

/// What is read of a journal row.
#[derive(Debug, Deserialize)]
struct Body {
    #[serde(rename = "c")]
    commit: String,
    at: Millis,
    #[serde(rename = "ev")]
    events: Vec<Journalled>,
}

/// A journal row of which the facts are in hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decided<'a> {
    /// The row.
    pub(crate) row: Row<'a>,
    /// Which commit.
    pub(crate) commit: &'a str,
    /// When it was decided.
    pub(crate) at: Millis,
    /// What became true.
    pub(crate) events: &'a [Journalled],
}

/// The event that tells of a journal row: the same bytes whenever and wherever it is made.
pub fn event(row: Row<'_>, key: Option<&Key>) -> Result<Event, Untellable> {
    let body: Body =
        serde_json::from_slice(row.body).map_err(|error| untellable(&row, error.to_string()))?;
    let decided = Decided {
        row,
        commit: &body.commit,
        at: body.at,
        events: &body.events,
    };
    tell(decided, key)
}

/// The same, without reading what was just written.
pub(crate) fn tell(decided: Decided<'_>, key: Option<&Key>) -> Result<Event, Untellable> {
    let Decided {
        row,
        commit,
        at,
        events,
    } = decided;
    let failed = |why: String| untellable(&row, why);
    let mut event = Event {
        kind: KIND.to_owned(),
        key: row.saga.to_string(),
        sequence: i64::from(row.seq),
        at: instant(at),
        data: Vec::new(),
    };
    let sealed = key.map(|key| key.seal(&event.id(), row.body)).transpose();
    let mut moved = Moved {
        saga: &event.key,
        tenant: row.tenant,
        definition: row.definition,
        at,
        commit,
        facts: events.iter().map(Fact::of).collect(),
        sealed: sealed.map_err(|error| failed(error.to_string()))?,
        shortened: false,
    };
    let mut data = encoded(&moved).map_err(failed)?;
    // First goes what few can read, then what can be looked up: a reader must still be able to count.
    if data.len() > MAX_BYTES {
        moved.shortened = true;
        moved.sealed = None;
        data = encoded(&moved).map_err(failed)?;
    }
    if data.len() > MAX_BYTES {
        moved.facts.clear();
        data = encoded(&moved).map_err(failed)?;
    }
    event.data = data;
    Ok(event)
}

fn untellable(row: &Row<'_>, why: String) -> Untellable {
    Untellable {
        saga: row.saga,
        seq: row.seq,
        why,
    }
}

fn encoded(moved: &Moved<'_>) -> Result<Vec<u8>, String> {
    serde_json::to_vec(moved).map_err(|error| error.to_string())
}

fn instant(at: Millis) -> DateTime<Utc> {
    i64::try_from(at)
        .ok()
        .and_then(DateTime::from_timestamp_millis)
        .unwrap_or_default()
}

/// A journal row that this binary cannot tell: written by a newer one, or damaged. It is not passed over.
#[derive(Debug, thiserror::Error)]
#[error("cannot tell journal row {seq} of saga {saga}: {why}")]
pub struct Untellable {
    saga: SagaId,
    seq: i32,
    why: String,
}

/// The JSON Schema of the event's data; the committed copy is in `docs/events`.
pub fn schema() -> serde_json::Value {
    schemars::generate::SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<Moved<'static>>()
        .to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn key() -> Key {
        use base64::Engine;
        let bytes = base64::engine::general_purpose::STANDARD.encode([7; 32]);
        Key::parse(&format!("k:{bytes}")).unwrap()
    }

    fn row(body: &[u8]) -> Row<'_> {
        Row {
            saga: SagaId(uuid::Uuid::nil()),
            seq: 3,
            body,
            tenant: "main",
            definition: "booking",
        }
    }

    fn told(body: &Value, key: Option<&Key>) -> Result<Event, Untellable> {
        let body = serde_json::to_vec(body).unwrap();
        event(row(&body), key)
    }

    fn about_ada() -> Value {
        let ada = "ada@example.org";
        json!({ "c": "a.1", "at": 7, "by": ["start"], "ev": [
            { "event": "started", "at": 7, "input": { "customer_email": ada } },
            { "event": "closed", "step": "authorize",
              "problem": { "code": "card_declined", "message": format!("no, says {ada}") } },
            { "event": "decided", "step": "release", "approved": true, "stamp": ada, "by": ada, "reason": ada },
            { "event": "completed", "output": ada },
        ]})
    }

    #[test]
    fn what_a_person_typed_is_told_only_to_those_who_have_the_key() {
        let body = about_ada();
        for key in [None, Some(key())] {
            let event = told(&body, key.as_ref()).unwrap();
            let data = String::from_utf8(event.data.clone()).unwrap();
            assert!(!data.contains("ada@"), "{data}");
            assert!(data.contains("card_declined"), "{data}");
            let data: Value = serde_json::from_str(&data).unwrap();
            let Some(key) = key else {
                assert_eq!(data.get("sealed"), None);
                continue;
            };
            let sealed = serde_json::from_value(data["sealed"].clone()).unwrap();
            let opened = key.open(&event.id(), &sealed).unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&opened).unwrap(), body);
        }
    }

    #[test]
    fn the_committed_schema_is_that_of_the_types() {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../docs/events/impresario.saga.moved.v1.json"
        );
        let committed: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        assert_eq!(committed, schema(), "impresario feed schema > {file}");
        let validator = jsonschema::validator_for(&committed).unwrap();
        let event = told(&about_ada(), Some(&key())).unwrap();
        let data = serde_json::from_slice(&event.data).unwrap();
        assert!(validator.is_valid(&data), "{data:#}");
    }

    #[test]
    fn what_is_told_again_is_the_same_bytes() {
        let key = key();
        let once = told(&about_ada(), Some(&key)).unwrap();
        assert_eq!(told(&about_ada(), Some(&key)).unwrap(), once);
    }

    #[test]
    fn what_is_told_from_the_hand_is_what_is_told_from_the_journal() {
        let events = [Journalled::Undone {
            step: "hold".into(),
        }];
        let body =
            serde_json::to_vec(&json!({ "c": "a.1", "at": 7, "by": ["timer"], "ev": events }))
                .unwrap();
        let row = row(&body);
        let decided = Decided {
            row,
            commit: "a.1",
            at: 7,
            events: &events,
        };
        for key in [None, Some(key())] {
            assert_eq!(
                tell(decided, key.as_ref()).unwrap(),
                event(row, key.as_ref()).unwrap()
            );
        }
    }

    #[test]
    fn what_is_too_large_is_shortened_and_not_held_back() {
        let mut body = about_ada();
        body["by"] = json!(["x".repeat(MAX_BYTES)]);
        let event = told(&body, Some(&key())).unwrap();
        let data: Value = serde_json::from_slice(&event.data).unwrap();
        assert_eq!(data["shortened"], json!(true));
        assert_eq!(data["facts"].as_array().unwrap().len(), 4);
        assert!(event.data.len() < MAX_BYTES);
    }

    #[test]
    fn a_row_of_a_newer_binary_is_not_passed_over() {
        let body = json!({ "c": "a.1", "at": 7, "by": [], "ev": [{ "event": "tomorrow" }] });
        let said = told(&body, None).unwrap_err().to_string();
        assert!(said.contains("tomorrow"), "{said}");
    }
}
