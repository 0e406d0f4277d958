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
use crate::http::{self, Api, Connection};
use crate::options::{Options, Variant};

/// The supply of sagas, and the account of their answers.
#[derive(Debug)]
pub(crate) struct Work {
    variant: Variant,
    /// Makes the keys of this run differ from those of any other.
    run: u128,
    next: AtomicUsize,
    event: String,
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
    pub(crate) async fn prepare(options: &Options, api: Api) -> Outcome<Self> {
        let (event, seats) = match options.variant {
            Variant::Trivial => (String::new(), Vec::new()),
            Variant::Booking => biggest_event(api).await?,
        };
        let run = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos());
        Ok(Self {
            variant: options.variant,
            run,
            next: AtomicUsize::new(0),
            event,
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

    /// The event whose seats are booked; empty when the variant books none.
    pub(crate) fn event(&self) -> &str {
        &self.event
    }

    /// The next saga; none when all seats are gone.
    pub(crate) fn next(&self) -> Option<Saga> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let key = format!("bench-{:x}-{number}", self.run);
        let body = match self.variant {
            Variant::Trivial => json!({ "id": key }),
            Variant::Booking => json!({
                "event_id": self.event,
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

/// `status` at the top, or below `data`.
fn says_completed(body: &[u8]) -> bool {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else {
        return false;
    };
    let status = answer
        .get("status")
        .or_else(|| answer.pointer("/data/status"));
    status.and_then(Value::as_str) == Some("completed")
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

/// The event with the most free seats, and their labels.
async fn biggest_event(api: Api) -> Outcome<(String, Vec<String>)> {
    let mut connection = Connection::open(api).await?;
    let mut best = (String::new(), Vec::new());
    for event in http::list(&mut connection, "/v1/events").await? {
        let Some(id) = event.get("id").and_then(Value::as_str) else {
            return Err(format!("an event has no id: {event}"));
        };
        let seats = http::list(&mut connection, &format!("/v1/events/{id}/seats")).await?;
        let free: Vec<String> = seats
            .iter()
            .filter(|seat| is_free(seat))
            .filter_map(label)
            .collect();
        if free.len() > best.1.len() {
            best = (id.to_owned(), free);
        }
    }
    if best.1.is_empty() {
        return Err("no event has free seats; is the catalog seeded?".to_owned());
    }
    Ok(best)
}

pub(crate) fn is_free(seat: &Value) -> bool {
    matches!(
        seat.get("status").and_then(Value::as_str),
        Some("available" | "free")
    )
}

fn label(seat: &Value) -> Option<String> {
    Some(seat.get("label")?.as_str()?.to_owned())
}
