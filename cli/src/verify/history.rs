//! What clients did and what they were told: the only witness that the platform did not write itself.
//!
//! Lines are folded by idempotency key: one key, one wish. A wish is acknowledged when some answer to its start said
//! ok; otherwise it may exist or not. Reads are kept with the instants between which they were made, so that what was
//! true once can be held against what was read later, by anybody.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::rows::{Op, OpKind, OpRow};

/// Everything that all clients did.
#[derive(Default)]
pub(crate) struct History {
    /// By idempotency key.
    pub(crate) wishes: BTreeMap<String, Wish>,
}

/// One start, with everything that was told about what became of it.
#[derive(Default)]
pub(crate) struct Wish {
    pub(crate) key: String,
    /// What was asked for.
    pub(crate) body: Value,
    /// What the client knows it must never come to.
    pub(crate) never: Vec<String>,
    /// Whether some answer said that it is durable.
    pub(crate) acknowledged: bool,
    /// Every saga id that any answer named: one, or something is wrong.
    pub(crate) sagas: Vec<String>,
    /// Answers that showed a status, in the order in which they came.
    pub(crate) reads: Vec<Read>,
    pub(crate) cancelled: Option<Cancelled>,
    /// Answers that no right request should get.
    pub(crate) odd: Vec<String>,
    /// All of it, for the story.
    pub(crate) trail: Vec<OpRow>,
}

/// A status that somebody read.
pub(crate) struct Read {
    pub(crate) process: String,
    pub(crate) asked_us: i64,
    pub(crate) answered_us: i64,
    pub(crate) status: String,
    pub(crate) version: Option<i64>,
    pub(crate) booking_ref: Option<String>,
}

/// How the wish to cancel it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cancelled {
    /// Taken on, to be carried out.
    Accepted,
    /// It had ended already.
    NothingToDo,
    /// Past the pivot.
    Refused(String),
    /// No answer that tells.
    Info,
}

/// The customer's words that never change again.
const FINAL: [&str; 3] = ["confirmed", "declined", "cancelled"];

impl Read {
    pub(crate) fn is_final(&self) -> bool {
        FINAL.contains(&self.status.as_str())
    }
}

impl History {
    /// Folds the lines.
    pub(crate) fn of(rows: Vec<OpRow>) -> History {
        let mut history = History::default();
        // A process has one request out at a time: its answer follows its invocation.
        let mut asked: HashMap<String, i64> = HashMap::new();
        for row in rows {
            let wish = history.wishes.entry(row.key.clone()).or_default();
            wish.key.clone_from(&row.key);
            let since = match row.kind {
                OpKind::Invoke => {
                    asked.insert(row.process.clone(), row.time_us);
                    row.time_us
                }
                OpKind::Ok | OpKind::Fail | OpKind::Info => {
                    asked.remove(&row.process).unwrap_or(row.time_us)
                }
            };
            wish.take(&row, since);
            wish.trail.push(row);
        }
        history
    }
}

impl Wish {
    fn take(&mut self, row: &OpRow, since: i64) {
        match (row.op, row.kind) {
            (Op::Start, OpKind::Invoke) => {
                if let Some(body) = &row.body {
                    self.body = body.clone();
                }
                for word in &row.never {
                    if !self.never.contains(word) {
                        self.never.push(word.clone());
                    }
                }
            }
            (Op::Start, OpKind::Ok) => {
                self.acknowledged = true;
                self.read(row, since);
            }
            (Op::Look, OpKind::Ok) => self.read(row, since),
            (Op::Cancel, OpKind::Ok) if row.http == Some(200) => {
                self.cancelled = Some(Cancelled::NothingToDo);
            }
            (Op::Cancel, OpKind::Ok) => self.cancelled = Some(Cancelled::Accepted),
            // The saga moved on meanwhile: whoever cancels looks again.
            (Op::Cancel, OpKind::Fail) if row.http == Some(412) => {}
            (Op::Cancel, OpKind::Fail) if row.http == Some(409) => {
                self.cancelled = Some(Cancelled::Refused(row.why.clone().unwrap_or_default()));
            }
            (Op::Cancel, OpKind::Invoke) if self.cancelled.is_none() => {
                self.cancelled = Some(Cancelled::Info);
            }
            (Op::Start | Op::Look | Op::Cancel, OpKind::Fail) => {
                let (http, why) = (row.http.unwrap_or_default(), row.why.as_deref());
                let what = format!("{:?} at {}: {http} {why:?}", row.op, row.node);
                self.odd.push(what);
            }
            (Op::Start | Op::Look | Op::Cancel, OpKind::Info)
            | (Op::Look | Op::Cancel, OpKind::Invoke) => {}
        }
    }

    fn read(&mut self, row: &OpRow, since: i64) {
        if let Some(saga) = &row.saga
            && !self.sagas.contains(saga)
        {
            self.sagas.push(saga.clone());
        }
        let reference = row.facts.get("booking_ref").and_then(Value::as_str);
        self.reads.push(Read {
            process: row.process.clone(),
            asked_us: since,
            answered_us: row.time_us,
            status: row.status.clone().unwrap_or_default(),
            version: row.version,
            booking_ref: reference.map(str::to_owned),
        });
    }
}

/// What a booking is about, as its body says.
pub(crate) fn seats_of(body: &Value) -> Vec<&str> {
    let seats = body["seats"].as_array().map_or(&[][..], Vec::as_slice);
    seats.iter().filter_map(Value::as_str).collect()
}
