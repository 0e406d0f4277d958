//! What customers did and what they were told: the only witness that the engine did not write itself.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Instant;

use serde_json::Value;

/// How a request to start a booking ended for the one who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Sent, and nothing heard so far.
    Invoked,
    /// Answered with 2xx: it is durable.
    Acknowledged,
    /// Given up without an answer: it may exist or not.
    Info,
}

/// How support staff's wish to cancel it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cancelled {
    /// 202, or 200 for one that had ended.
    Taken(u16),
    /// 409: past the pivot.
    Refused(String),
    /// No answer that tells.
    Info,
}

/// One booking, from the customer's side.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) key: String,
    pub(crate) event: String,
    pub(crate) seats: Vec<String>,
    pub(crate) token: &'static str,
    pub(crate) told: Told,
    /// Every saga id that any answer named: one, or something is wrong.
    pub(crate) sagas: Vec<String>,
    /// The settled words that were read, in order: one, or something is wrong.
    pub(crate) settled: Vec<String>,
    /// The booking reference that a confirmed customer was told.
    pub(crate) booking_ref: Option<String>,
    pub(crate) cancelled: Option<Cancelled>,
    /// Seconds since the start, and what happened.
    pub(crate) trail: Vec<(f64, String)>,
}

/// Everything that all customers did.
#[derive(Debug)]
pub(crate) struct History {
    began: Instant,
    operations: Mutex<Vec<Operation>>,
    /// Answers that no customer should ever get.
    odd: Mutex<Vec<String>>,
}

/// Settled words of the customer's view that never change again.
const FINAL: [&str; 3] = ["confirmed", "declined", "cancelled"];

impl Operation {
    pub(crate) fn new(
        key: String,
        event: String,
        seats: Vec<String>,
        token: &'static str,
    ) -> Operation {
        Operation {
            key,
            event,
            seats,
            token,
            told: Told::Invoked,
            sagas: Vec::new(),
            settled: Vec::new(),
            booking_ref: None,
            cancelled: None,
            trail: Vec::new(),
        }
    }

    pub(crate) fn note(&mut self, history: &History, what: impl Into<String>) {
        let at = history.began.elapsed().as_secs_f64();
        self.trail.push((at, what.into()));
    }

    /// Takes down the customer's view; whether it is settled.
    pub(crate) fn saw(&mut self, view: &Value) -> bool {
        if let Some(saga) = view["id"].as_str()
            && !self.sagas.iter().any(|known| known == saga)
        {
            self.sagas.push(saga.to_owned());
        }
        let status = view["status"].as_str().unwrap_or_default();
        if !FINAL.contains(&status) {
            return status == "needs_attention";
        }
        if self.settled.last().is_none_or(|last| last != status) {
            self.settled.push(status.to_owned());
        }
        if let Some(reference) = view["facts"]["booking_ref"].as_str() {
            self.booking_ref = Some(reference.to_owned());
        }
        true
    }

    pub(crate) fn tell(&self) -> String {
        let mut text = format!(
            "customer: key {} event …{} seats {:?} {} -> {:?} {:?} settled {:?} cancel {:?}",
            self.key,
            &self.event[self.event.len() - 2..],
            self.seats,
            self.token,
            self.told,
            self.sagas,
            self.settled,
            self.cancelled
        );
        for (at, what) in &self.trail {
            let _written = write!(text, "\n    {at:8.3} s {what}");
        }
        text
    }
}

impl History {
    pub(crate) fn new() -> History {
        History {
            began: Instant::now(),
            operations: Mutex::new(Vec::new()),
            odd: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn keep(&self, operation: Operation) {
        self.operations.lock().unwrap().push(operation);
    }

    pub(crate) fn odd(&self, what: String) {
        self.odd.lock().unwrap().push(what);
    }

    pub(crate) fn len(&self) -> usize {
        self.operations.lock().unwrap().len()
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// All of it, once the customers have gone home.
    pub(crate) fn close(&self) -> (Vec<Operation>, Vec<String>) {
        let operations = std::mem::take(&mut *self.operations.lock().unwrap());
        (operations, std::mem::take(&mut *self.odd.lock().unwrap()))
    }
}
