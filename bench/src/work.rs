//! The sagas of a load: what each one posts, and what its answer must say.
//!
//! Every saga is new: a key of its own, and for bookings a seat of its own unless buyers are to compete. The
//! counters are what the conservation check compares with Postgres.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::Outcome;
use crate::http::{Api, Connection};
use crate::seats::Event;

/// How a saga ends for whoever posted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Completed,
    Compensated,
}

impl End {
    pub(crate) const ALL: [Self; 2] = [Self::Completed, Self::Compensated];

    /// From the `status` of an answer: the word for customers, and the engine's word, which the peers say too.
    fn of(word: &str) -> Option<Self> {
        match word {
            "confirmed" | "completed" => Some(Self::Completed),
            "declined" | "compensated" => Some(Self::Compensated),
            _ => None,
        }
    }
}

/// What is posted.
#[derive(Debug)]
pub(crate) enum Body {
    /// Three steps that do nothing; the last one says no when it is told to.
    Echo { fail: bool },
    /// One of these seats for each buyer, until there are no more buyers.
    Seats { event: Event, wanted: Vec<String> },
}

/// The supply of sagas, and the account of their answers.
#[derive(Debug)]
pub(crate) struct Work {
    /// Where to post; `{id}` stands for the saga's key.
    path: &'static str,
    body: Body,
    expected: &'static [End],
    /// Makes the keys of this load differ from those of any other.
    run: u128,
    next: AtomicUsize,
    ends: [AtomicU64; End::ALL.len()],
    /// Sent, but answered with something else or not at all: these may have ended in any way.
    unsure: AtomicU64,
}

/// One saga to be started.
#[derive(Debug)]
pub(crate) struct Saga {
    pub(crate) path: String,
    pub(crate) key: String,
    pub(crate) body: Vec<u8>,
}

impl Work {
    pub(crate) fn new(path: &'static str, body: Body, expected: &'static [End]) -> Self {
        let run = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos());
        Self {
            path,
            body,
            expected,
            run,
            next: AtomicUsize::new(0),
            ends: Default::default(),
            unsure: AtomicU64::new(0),
        }
    }

    /// The trivial saga, on a system that has it at this path.
    pub(crate) fn trivial(path: &'static str) -> Self {
        Self::new(path, Body::Echo { fail: false }, &[End::Completed])
    }

    /// The trivial saga whose third step says no: two compensations.
    pub(crate) fn failing(path: &'static str) -> Self {
        Self::new(path, Body::Echo { fail: true }, &[End::Compensated])
    }

    /// The next saga; none when all are given out.
    pub(crate) fn next(&self) -> Option<Saga> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let key = format!("bench-{:x}-{number}", self.run);
        let body = match &self.body {
            Body::Echo { fail } => json!({ "id": key, "fail": fail }),
            Body::Seats { event, wanted } => json!({
                "event_id": event.0,
                "seats": [wanted.get(number)?],
                "customer_email": "bench@example.test",
                "payment_token": "tok_ok",
            }),
        };
        Some(Saga {
            path: self.path.replace("{id}", &key),
            key,
            body: body.to_string().into_bytes(),
        })
    }

    /// Accounts for an answer; an error says what it was instead of an expected end.
    pub(crate) fn judge(&self, answer: Outcome<(StatusCode, Bytes)>) -> Outcome {
        let problem = match answer {
            Ok((status, body)) => match end_in(&body).filter(|_| status.is_success()) {
                Some(end) => {
                    self.ends[end as usize].fetch_add(1, Ordering::Relaxed);
                    if self.expected.contains(&end) {
                        return Ok(());
                    }
                    return Err(format!("ended {end:?}: {}", shown(&body)));
                }
                None => format!("{status}: {}", shown(&body)),
            },
            Err(problem) => problem,
        };
        self.unsure.fetch_add(1, Ordering::Relaxed);
        Err(problem)
    }

    /// So many answers said that the saga ended so.
    pub(crate) fn ended(&self, end: End) -> u64 {
        self.ends[end as usize].load(Ordering::Relaxed)
    }

    pub(crate) fn unsure(&self) -> u64 {
        self.unsure.load(Ordering::Relaxed)
    }

    /// Answers of any kind.
    pub(crate) fn answered(&self) -> u64 {
        End::ALL.map(|end| self.ended(end)).iter().sum::<u64>() + self.unsure()
    }
}

fn end_in(body: &[u8]) -> Option<End> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    End::of(answer.get("status")?.as_str()?)
}

/// Where to ask again about a saga that has not ended; none when it has, or when the answer is no saga.
pub(crate) fn still_at(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let goes_on = matches!(answer.get("status")?.as_str()?, "processing" | "undoing");
    let path = answer.get("links")?.get("self")?.as_str()?;
    goes_on.then(|| path.to_owned())
}

fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(body).trim().to_owned()
}

/// One saga before anything is measured: it proves that the workers are up and the whole path works.
pub(crate) async fn probe(work: &Work, api: Api) -> Outcome {
    let saga = work.next().ok_or("there is nothing to run")?;
    let mut connection = Connection::open(api).await?;
    work.judge(connection.post(&saga.path, &saga.key, saga.body).await)
        .map_err(|problem| format!("the first saga did not end as it should: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &'static str) -> Outcome<(StatusCode, Bytes)> {
        let status = StatusCode::from_u16(status).map_err(|e| e.to_string())?;
        Ok((status, Bytes::from_static(body.as_bytes())))
    }

    #[test]
    fn every_answer_is_in_the_account() {
        let work = Work::trivial("/v1/trivials");
        assert_eq!(work.judge(answer(201, r#"{"status":"confirmed"}"#)), Ok(()));
        for (status, body) in [
            (200, r#"{"status":"declined"}"#),
            (202, r#"{"status":"processing"}"#),
            (503, r#"{"status":"confirmed"}"#),
            (200, "no JSON"),
        ] {
            assert!(work.judge(answer(status, body)).is_err(), "{body}");
        }
        assert!(work.judge(Err("cut off".to_owned())).is_err());
        assert_eq!(work.ended(End::Completed), 1);
        assert_eq!(work.ended(End::Compensated), 1);
        assert_eq!(work.unsure(), 4);
        assert_eq!(work.answered(), 6);
    }

    #[test]
    fn a_saga_that_goes_on_is_asked_for_again() {
        let at = |status| {
            still_at(format!(r#"{{"status":"{status}","links":{{"self":"/v1/a"}}}}"#).as_bytes())
        };
        for status in ["processing", "undoing"] {
            assert_eq!(at(status).as_deref(), Some("/v1/a"), "{status}");
        }
        for status in ["confirmed", "declined", "needs_attention"] {
            assert_eq!(at(status), None, "{status}");
        }
        assert_eq!(still_at(b"no JSON"), None);
    }

    #[test]
    fn each_saga_has_a_key_of_its_own_and_the_path_has_it() {
        let work = Work::failing("/Trivial/{id}/run");
        let (Some(first), Some(second)) = (work.next(), work.next()) else {
            panic!("a trivial saga is never given out");
        };
        assert_ne!(first.key, second.key);
        assert_eq!(first.path, format!("/Trivial/{}/run", first.key));
    }

    #[test]
    fn there_are_as_many_buyers_as_wanted_seats() {
        let wanted = vec!["A1".to_owned(), "A1".to_owned()];
        let event = Event("e");
        let work = Work::new("/v1/bookings", Body::Seats { event, wanted }, &End::ALL);
        assert!(work.next().is_some() && work.next().is_some() && work.next().is_none());
    }
}
