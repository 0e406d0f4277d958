//! One event as others see it: CloudEvents 1.0 in binary mode, its attributes as headers and its data as the value.
//!
//! Per key the sequence is dense: 1, 2, 3 and so on. Id, key and sequence are one statement said three ways, so a
//! consumer drops what it has by comparing numbers, and knows a gap when it sees one.

use chrono::{DateTime, SecondsFormat, Utc};
use rdkafka::message::{Header, OwnedHeaders};

/// So large may the data of an event be: a broker takes a megabyte, with the headers and whatever the batch adds.
pub const MAX_BYTES: usize = 900_000;

/// Where the schemas of the data are, by type.
const SCHEMAS: &str = "https://github.com/impresario/impresario/blob/main/docs/events";

/// A fact about something that has a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened, `impresario.booking.confirmed.v1`; the file name of its schema too.
    pub kind: String,
    /// What it happened to: a saga's id, or an entity's. Events with one key keep their order.
    pub key: String,
    /// Its place among the events with this key, from 1, without gaps.
    pub sequence: i64,
    /// When it became true.
    pub at: DateTime<Utc>,
    /// JSON.
    pub data: Vec<u8>,
}

impl Event {
    /// Tells it from every other of its source.
    pub fn id(&self) -> String {
        format!("{}.{}", self.key, self.sequence)
    }

    /// The attributes, with the names that the Kafka binding of CloudEvents gives them. `sequence` is an extension.
    pub(crate) fn headers(&self, origin: &str) -> OwnedHeaders {
        let (id, sequence) = (self.id(), self.sequence.to_string());
        let at = self.at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let schema = format!("{SCHEMAS}/{}.json", self.kind);
        [
            ("ce_specversion", "1.0"),
            ("ce_id", &id),
            ("ce_source", origin),
            ("ce_type", &self.kind),
            ("ce_subject", &self.key),
            ("ce_time", &at),
            ("ce_sequence", &sequence),
            ("ce_dataschema", &schema),
            ("content-type", "application/json"),
        ]
        .into_iter()
        .fold(
            OwnedHeaders::new_with_capacity(9),
            |headers, (key, value)| {
                let value = Some(value);
                headers.insert(Header { key, value })
            },
        )
    }
}
