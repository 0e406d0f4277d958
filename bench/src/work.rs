//! The sagas of a variant: what each one posts, and what its answer must say.
//!
//! Every saga is new: a key of its own, and for bookings seats of its own, so that nothing is refused because of
//! another. The counters are what the conservation check compares with Postgres.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::Outcome;
use crate::http::{Api, Connection};
use crate::options::{Options, Variant};
use crate::platform::Platform;
use crate::seats;

/// The supply of sagas, and the account of their answers.
#[derive(Debug)]
pub(crate) struct Work {
    variant: Variant,
    /// Makes the keys of this run differ from those of any other.
    run: u128,
    next: AtomicUsize,
    seats: Vec<String>,
    /// Answered with `completed`.
    pub(crate) acknowledged: AtomicU64,
    /// Sent, but answered with something else or not at all: these may have completed or not.
    pub(crate) unsure: AtomicU64,
}

/// One saga to be started.
#[derive(Debug)]
pub(crate) struct Saga {
    pub(crate) key: String,
    pub(crate) body: Vec<u8>,
}

impl Work {
    pub(crate) fn prepare(options: &Options, platform: &Platform) -> Outcome<Self> {
        let seats = match options.variant {
            Variant::Trivial => Vec::new(),
            Variant::Booking => seats::build(platform, options.seats)?,
        };
        let run = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos());
        Ok(Self {
            variant: options.variant,
            run,
            next: AtomicUsize::new(0),
            seats,
            acknowledged: AtomicU64::new(0),
            unsure: AtomicU64::new(0),
        })
    }

    pub(crate) fn path(&self) -> &'static str {
        match self.variant {
            Variant::Trivial => "/v1/trivials",
            Variant::Booking => "/v1/bookings",
        }
    }

    /// The next saga; none when all seats are gone.
    pub(crate) fn next(&self) -> Option<Saga> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let key = format!("bench-{:x}-{number}", self.run);
        let body = match self.variant {
            Variant::Trivial => json!({ "id": key }),
            Variant::Booking => json!({
                "event_id": seats::EVENT,
                "seats": [self.seats.get(number)?],
                "customer_email": "bench@example.test",
                "payment_token": "tok_ok",
            }),
        };
        Some(Saga {
            key,
            body: body.to_string().into_bytes(),
        })
    }

    /// Accounts for an answer; an error says what it was instead of a completed saga.
    pub(crate) fn judge(&self, answer: Outcome<(StatusCode, Bytes)>) -> Outcome {
        let problem = match answer {
            Ok((status, body)) if status.is_success() && says_completed(&body) => {
                self.acknowledged.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
            Ok((status, body)) => format!("{status}: {}", String::from_utf8_lossy(&body).trim()),
            Err(problem) => problem,
        };
        self.unsure.fetch_add(1, Ordering::Relaxed);
        Err(problem)
    }
}

/// The customer's word for a completed saga is `confirmed`.
fn says_completed(body: &[u8]) -> bool {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else {
        return false;
    };
    answer.get("status").and_then(Value::as_str) == Some("confirmed")
}

/// One saga before anything is measured: it proves that the workers are up and the whole path works.
pub(crate) async fn probe(work: &Work, api: Api) -> Outcome {
    let saga = work
        .next()
        .ok_or("there is nothing to run: the event has no seats")?;
    let mut connection = Connection::open(api).await?;
    work.judge(connection.post(work.path(), &saga.key, saga.body).await)
        .map_err(|problem| format!("the first saga did not complete: {problem}"))
}
