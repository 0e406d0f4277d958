//! What the lines of each file hold, read without any of the engine's or the participants' own readers.
//!
//! Instants are microseconds since the Unix epoch where the name ends with `_us`; only the bodies of journal rows
//! keep the engine's milliseconds, for they are copied byte by byte. Further fields of a line are ignored.

use std::collections::BTreeMap;

use impresario_workflows::saga::Event;
use serde::Deserialize;
use serde_json::Value;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct DefinitionRow {
    pub(crate) hash: String,
    pub(crate) canonical: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SagaRow {
    pub(crate) id: String,
    pub(crate) tenant: String,
    /// Hash of the definition that it is pinned to.
    pub(crate) definition: String,
    pub(crate) status: String,
    pub(crate) business_key: Option<String>,
    pub(crate) attributes: Option<Value>,
    pub(crate) started_at_us: i64,
    pub(crate) ended_at_us: Option<i64>,
    pub(crate) wake_at_us: Option<i64>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct JournalRow {
    pub(crate) saga_id: String,
    pub(crate) seq: i32,
    pub(crate) body: Body,
}

/// The body of a journal row.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Body {
    /// Which commit wrote it.
    #[serde(rename = "c")]
    pub(crate) nonce: String,
    /// When it was decided, in milliseconds.
    pub(crate) at: u64,
    /// The inputs, in words.
    pub(crate) by: Vec<String>,
    #[serde(rename = "ev")]
    pub(crate) events: Vec<Event>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct KeyRow {
    pub(crate) tenant: String,
    pub(crate) definition: String,
    pub(crate) key: String,
    pub(crate) saga_id: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct OutboxRow {
    pub(crate) pool: String,
    pub(crate) tries: i32,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct QueueRow {
    pub(crate) name: String,
    /// Waiting, and delivered without an acknowledgement where that can be told.
    pub(crate) messages: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct BarrierRow {
    pub(crate) pool: String,
    pub(crate) effect: String,
    pub(crate) saga: String,
    pub(crate) task: String,
    pub(crate) state: String,
    pub(crate) outcome: Option<Value>,
    /// Of its last change.
    pub(crate) at_us: i64,
}

/// A change of a barrier row, in the order of `id`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct EffectRow {
    pub(crate) id: i64,
    pub(crate) at_us: i64,
    /// The participant whose barrier it is.
    pub(crate) pool: String,
    pub(crate) effect: String,
    pub(crate) saga: String,
    /// None: there was no row.
    pub(crate) was: Option<String>,
    /// None: the row was taken back.
    pub(crate) now: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RedeliveryRow {
    pub(crate) at_us: i64,
    pub(crate) effect: String,
    pub(crate) operation: String,
    pub(crate) attempt: i64,
    pub(crate) starts: i32,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RepeatRow {
    /// The commit that wrote the row: replica and counter.
    pub(crate) nonce: String,
    /// The replica that repeated it, when its connection says so.
    pub(crate) by: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SeatRow {
    pub(crate) event_id: String,
    pub(crate) seat: String,
    pub(crate) price_amount: i64,
    pub(crate) hold_id: Option<String>,
    pub(crate) sold: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct HoldRow {
    pub(crate) hold_id: String,
    pub(crate) saga: String,
    pub(crate) amount: i64,
    pub(crate) state: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct TransferRow {
    pub(crate) transfer_id: String,
    pub(crate) saga: String,
    pub(crate) kind: String,
    pub(crate) at_us: i64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct EntryRow {
    pub(crate) transfer_id: String,
    pub(crate) account: String,
    pub(crate) currency: String,
    pub(crate) amount: i64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct BookingRow {
    pub(crate) booking_ref: String,
    pub(crate) saga: String,
    pub(crate) charge_id: String,
    pub(crate) amount: i64,
    pub(crate) state: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct TicketRow {
    pub(crate) booking_ref: String,
    pub(crate) event_id: String,
    pub(crate) seat: String,
    pub(crate) state: String,
}

/// An effect that was written back after a restore.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestoredRow {
    pub(crate) effect: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct DeliveryRow {
    pub(crate) saga: String,
}

/// A line of the provider's log, as the provider tells it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ProviderRow {
    pub(crate) at: chrono::DateTime<chrono::Utc>,
    pub(crate) key: String,
    pub(crate) operation: String,
    pub(crate) authorization_id: String,
    pub(crate) charge_id: Option<String>,
    pub(crate) amount: i64,
}

/// A fault that somebody made, in wall time.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct FaultRow {
    pub(crate) from_us: i64,
    /// When the platform was found to answer again.
    pub(crate) until_us: i64,
    pub(crate) what: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct CounterRow {
    pub(crate) name: String,
    pub(crate) value: u64,
}

/// What a client did, or was told.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct OpRow {
    pub(crate) time_us: i64,
    pub(crate) process: String,
    #[serde(rename = "type")]
    pub(crate) kind: OpKind,
    pub(crate) op: Op,
    /// Idempotency key of the start that it is about.
    pub(crate) key: String,
    /// Which node was asked.
    #[serde(default)]
    pub(crate) node: String,
    #[serde(default)]
    pub(crate) saga: Option<String>,
    #[serde(default)]
    pub(crate) status: Option<String>,
    /// The journal row that the answer shows.
    #[serde(default)]
    pub(crate) version: Option<i64>,
    #[serde(default)]
    pub(crate) facts: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) http: Option<u16>,
    #[serde(default)]
    pub(crate) why: Option<String>,
    /// Of a start: what was asked for.
    #[serde(default)]
    pub(crate) body: Option<Value>,
    /// Of a start: statuses and kinds of facts that the client knows it must never come to.
    #[serde(default)]
    pub(crate) never: Vec<String>,
}

/// Jepsen's four words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OpKind {
    Invoke,
    /// It was answered: it is so.
    Ok,
    /// It was answered: it is not so.
    Fail,
    /// Nothing is known: no answer, a broken one, or 5xx.
    Info,
}

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Op {
    Start,
    Look,
    Cancel,
}
