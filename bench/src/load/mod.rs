//! The closed loop: as many sagas in flight as the level says, the next one only when one has ended.
//!
//! Each connection warms up, is measured, and then ends the saga in hand, so that nothing is cut off and every
//! acknowledgement is accounted for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::http::{Api, Connection};
use crate::options::Options;
use crate::platform::Platform;
use crate::usage::{Cost, Meter};
use crate::work::Work;

/// The figures of one level.
#[derive(Debug)]
pub(crate) struct Level {
    pub(crate) in_flight: usize,
    pub(crate) seconds: f64,
    /// Completed within the measured time.
    pub(crate) completed: u64,
    /// Answered with anything but a completed saga, warm-up included.
    pub(crate) problems: u64,
    pub(crate) first_problem: Option<String>,
    /// Microseconds, in order.
    latencies: Vec<u32>,
    pub(crate) costs: Vec<Cost>,
    /// CPU seconds used by programs that are none of ours.
    pub(crate) foreign_cpu: f64,
}

impl Level {
    pub(crate) fn per_second(&self) -> f64 {
        self.completed as f64 / self.seconds
    }

    /// A quantile of the latency in milliseconds.
    pub(crate) fn latency_ms(&self, quantile: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let place = (last as f64 * quantile).round() as usize;
        self.latencies
            .get(place)
            .map_or(f64::NAN, |micros| f64::from(*micros) / 1000.0)
    }

    /// CPU seconds of a cost per thousand sagas.
    pub(crate) fn per_thousand(&self, cpu_seconds: f64) -> f64 {
        cpu_seconds * 1000.0 / self.completed as f64
    }
}

/// The server answers after 30 s at the latest, with what it has by then.
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);

const WARM_UP: u8 = 0;
const MEASURE: u8 = 1;
const STOP: u8 = 2;

/// What one connection saw.
#[derive(Debug, Default)]
struct Seen {
    latencies: Vec<u32>,
    problems: u64,
    first_problem: Option<String>,
}

/// Runs one level.
pub(crate) async fn level(
    options: &Options,
    platform: &Platform,
    work: &Arc<Work>,
    in_flight: usize,
) -> Outcome<Level> {
    let phase = Arc::new(AtomicU8::new(WARM_UP));
    let mut connections = Vec::new();
    for _ in 0..in_flight {
        connections.push(tokio::spawn(drive(
            platform.api(),
            work.clone(),
            phase.clone(),
        )));
    }
    tokio::time::sleep(Duration::from_secs(options.warm_up())).await;
    let meter = Meter::start(platform.groups());
    let began = Instant::now();
    phase.store(MEASURE, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(options.seconds())).await;
    phase.store(STOP, Ordering::Relaxed);
    let seconds = began.elapsed().as_secs_f64();
    let (costs, foreign_cpu) = meter.stop();

    let mut all = Seen::default();
    for connection in connections {
        let seen = connection
            .await
            .map_err(|e| format!("a connection's task failed: {e}"))?;
        all.latencies.extend(seen.latencies);
        all.problems += seen.problems;
        all.first_problem = all.first_problem.or(seen.first_problem);
    }
    all.latencies.sort_unstable();
    let level = Level {
        in_flight,
        seconds,
        completed: all.latencies.len() as u64,
        problems: all.problems,
        first_problem: all.first_problem,
        latencies: all.latencies,
        costs,
        foreign_cpu,
    };
    match (level.completed, &level.first_problem) {
        (0, Some(problem)) => Err(format!(
            "no saga completed at {in_flight} in flight: {problem}"
        )),
        (0, None) => Err(format!("no saga completed at {in_flight} in flight")),
        _ => Ok(level),
    }
}

/// One connection: saga after saga until the level ends.
async fn drive(api: Api, work: Arc<Work>, phase: Arc<AtomicU8>) -> Seen {
    let mut seen = Seen::default();
    let mut kept: Option<Connection> = None;
    while phase.load(Ordering::Relaxed) != STOP {
        let connection = match kept.take() {
            Some(connection) => Ok(connection),
            None => Connection::open(api).await,
        };
        let outcome = match connection {
            Ok(connection) => one(connection, &work, &mut kept).await,
            Err(problem) => Err(problem),
        };
        match outcome {
            Ok(Some(micros)) if phase.load(Ordering::Relaxed) == MEASURE => {
                seen.latencies.push(micros);
            }
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(problem) => {
                seen.problems += 1;
                seen.first_problem.get_or_insert(problem);
                // A server in trouble is not helped by a loop without a pause.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    seen
}

/// One saga from post to answer, in microseconds; none when there is no more work. A connection that answered is
/// kept for the next one.
async fn one(
    mut connection: Connection,
    work: &Work,
    kept: &mut Option<Connection>,
) -> Outcome<Option<u32>> {
    let Some(saga) = work.next() else {
        return Ok(None);
    };
    let began = Instant::now();
    let posted = connection.post(work.path(), &saga.key, saga.body);
    let answer = tokio::time::timeout(ANSWER_PATIENCE, posted)
        .await
        .unwrap_or_else(|_| Err(format!("no answer after {} s", ANSWER_PATIENCE.as_secs())));
    let micros = u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX);
    if answer.is_ok() {
        *kept = Some(connection);
    }
    work.judge(answer).map(|()| Some(micros))
}
