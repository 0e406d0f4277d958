//! One connection of a load: saga after saga until the level ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::StatusCode;

use super::pace::{self, Pace};
use crate::Outcome;
use crate::http::{Api, Connection};
use crate::work::{self, Saga, Work};

/// A customer would not wait longer for a decision, whatever the system.
const ANSWER_PATIENCE: Duration = Duration::from_secs(120);

/// Impresario answers after 30 s at the latest with what it has by then; then it is asked again, this often.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// A server in trouble is not helped by a loop without a pause.
const TROUBLE_PAUSE: Duration = Duration::from_millis(50);

/// Where a level stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
#[repr(u8)]
pub(super) enum Phase {
    WarmUp = 0,
    Measure = 1,
    Stop = 2,
}

/// What all connections of a level have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) phase: AtomicU8,
    work: Arc<Work>,
    pace: Option<Pace>,
    began: Instant,
    next: AtomicU64,
}

impl Shared {
    pub(super) fn new(work: Arc<Work>, pace: Option<Pace>) -> Self {
        Self {
            phase: AtomicU8::new(Phase::WarmUp as u8),
            work,
            pace,
            began: Instant::now(),
            next: AtomicU64::new(0),
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    fn is(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::Relaxed) == phase as u8
    }

    /// Latencies of the sagas that were planned between two instants of the loop and have not been started at the
    /// second one: they took at least until then. Without them an overloaded server would look better than it is.
    pub(super) fn overdue(&self, from: Duration, until: Duration) -> Vec<u32> {
        let Some(pace) = self.pace else {
            return Vec::new();
        };
        (self.next.load(Ordering::Relaxed)..)
            .map(|number| pace.planned(number))
            .take_while(|planned| *planned < until)
            .filter(|planned| *planned >= from)
            .map(|planned| micros(pace::latency(planned, until)))
            .collect()
    }

    /// Time since the start of the loop.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The instant from which the next saga's latency counts. In an open loop it is waited for; when it has
    /// passed already, the wait for a free connection is latency too.
    async fn start(&self) -> Instant {
        let Some(pace) = self.pace else {
            return Instant::now();
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let planned = self.began + pace.planned(number);
        tokio::time::sleep_until(planned.into()).await;
        planned
    }
}

/// What a connection saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) latencies: Vec<u32>,
    pub(super) ended: u64,
    pub(super) ended_in_all: u64,
    pub(super) problems: u64,
    pub(super) first_problem: Option<String>,
}

impl Seen {
    pub(super) fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.ended += other.ended;
        self.ended_in_all += other.ended_in_all;
        self.problems += other.problems;
        self.first_problem = self.first_problem.take().or(other.first_problem);
    }
}

pub(super) async fn connection(api: Api, shared: Arc<Shared>) -> Seen {
    let mut seen = Seen::default();
    let mut kept: Option<Connection> = None;
    while !shared.is(Phase::Stop) {
        let start = shared.start().await;
        if shared.is(Phase::Stop) {
            break;
        }
        // A saga belongs to the phase that it starts in, and counts as throughput in the one that it ends in.
        let counted = shared.is(Phase::Measure);
        let connection = match kept.take() {
            Some(connection) => Ok(connection),
            None => Connection::open(api).await,
        };
        let outcome = match connection {
            Ok(connection) => one(connection, &shared.work, &mut kept).await,
            Err(problem) => Err(problem),
        };
        match outcome {
            Ok(true) => {
                seen.ended_in_all += 1;
                seen.ended += u64::from(shared.is(Phase::Measure));
                if counted {
                    let latency = pace::latency(start - shared.began, shared.elapsed());
                    seen.latencies.push(micros(latency));
                }
            }
            Ok(false) => break,
            Err(problem) => {
                seen.problems += 1;
                seen.first_problem.get_or_insert(problem);
                tokio::time::sleep(TROUBLE_PAUSE).await;
            }
        }
    }
    seen
}

/// One saga from post to answer; false when there is no more work. A connection that answered is kept for the next.
async fn one(
    mut connection: Connection,
    work: &Work,
    kept: &mut Option<Connection>,
) -> Outcome<bool> {
    let Some(saga) = work.next() else {
        return Ok(false);
    };
    let answer = tokio::time::timeout(ANSWER_PATIENCE, end_of(&mut connection, saga))
        .await
        .unwrap_or_else(|_| Err(format!("no answer after {} s", ANSWER_PATIENCE.as_secs())));
    if answer.is_ok() {
        *kept = Some(connection);
    }
    work.judge(answer).map(|()| true)
}

/// Posts a saga and waits for its end, as a frontend does.
async fn end_of(connection: &mut Connection, saga: Saga) -> Outcome<(StatusCode, Bytes)> {
    let mut answer = connection.post(&saga.path, &saga.key, saga.body).await?;
    while let Some(path) = work::still_at(&answer.1) {
        tokio::time::sleep(ASK_AGAIN).await;
        answer = connection.get(&path).await?;
    }
    Ok(answer)
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}
