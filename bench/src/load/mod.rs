//! One load generator for every system: it posts over HTTP, and a saga has ended when the answer says how.
//!
//! A closed loop keeps so many sagas in flight, the next one only when one has ended; an open loop starts them at a
//! fixed rate, and latency counts from the planned start. Each connection warms up, is measured, and then ends the
//! saga in hand, so that nothing is cut off and every answer is accounted for.

mod drive;
mod latencies;
mod pace;

use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use latencies::Latencies;
use tokio::task::JoinSet;

use crate::Outcome;
use crate::database::PerSaga;
use crate::http::Api;
use crate::usage::{Cost, Groups, Meter};
use crate::work::Work;
use drive::{Phase, Seen};
use pace::Pace;

/// Connections of an open loop: more sagas than that at once are a queue that a client would not build either.
const OPEN_CONNECTIONS: usize = 512;

/// A server that has just started may serve nothing for a while; beyond this something is broken.
const FIRST_ANSWER_PATIENCE: Duration = Duration::from_secs(90);

/// How the load is offered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Load {
    /// So many sagas in flight.
    Closed { in_flight: usize },
    /// So many starts a second.
    Open { per_second: f64 },
}

/// For how long.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Times {
    /// Some time unmeasured, then some time measured.
    Timed {
        warm_up: Duration,
        measured: Duration,
    },
    /// From the first saga to the last that there is.
    UntilDone,
}

/// What is driven, and the processes that pay for it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Taken in turn by the connections.
    pub(crate) apis: Vec<Api>,
    pub(crate) groups: Groups,
}

/// The figures of one level of load.
#[derive(Debug, Clone)]
pub(crate) struct Level {
    pub(crate) load: Load,
    pub(crate) seconds: f64,
    /// Ended as they should within the measured time.
    pub(crate) ended: u64,
    /// Ended as they should, warm-up and the last ones included.
    pub(crate) ended_in_all: u64,
    /// Answered with anything else, or not at all; warm-up included.
    pub(crate) problems: u64,
    /// Planned for the measured time, but at its end not even started: the load is more than the system can do.
    pub(crate) not_started: u64,
    pub(crate) first_problem: Option<String>,
    pub(crate) latencies: Latencies,
    pub(crate) costs: Vec<Cost>,
    /// CPU seconds used by programs that are none of ours.
    pub(crate) foreign_cpu: f64,
    /// What each saga cost in the system's database, when it has one that we can ask.
    pub(crate) database: Option<PerSaga>,
}

impl Level {
    pub(crate) fn per_second(&self) -> f64 {
        self.ended as f64 / self.seconds
    }

    /// CPU seconds of a cost per thousand sagas.
    pub(crate) fn per_thousand(&self, cpu_seconds: f64) -> f64 {
        cpu_seconds * 1000.0 / self.ended as f64
    }

    /// The same of all processes together, the client's too.
    pub(crate) fn cpu_per_thousand(&self) -> f64 {
        self.per_thousand(self.costs.iter().map(|cost| cost.cpu_seconds).sum())
    }

    /// Cores that other programs kept busy meanwhile.
    pub(crate) fn foreign_cores(&self) -> f64 {
        self.foreign_cpu / self.seconds
    }

    pub(crate) fn memory_mb(&self, group: &str) -> Option<f64> {
        let cost = self.costs.iter().find(|cost| cost.group == group)?;
        Some(cost.memory_peak_mb)
    }
}

/// Runs one level.
pub(crate) async fn level(
    target: &Target,
    work: &Arc<Work>,
    load: Load,
    times: Times,
) -> Outcome<Level> {
    let (connections, pace) = match load {
        Load::Closed { in_flight } => (in_flight, None),
        Load::Open { per_second } => (OPEN_CONNECTIONS, Some(Pace::new(per_second))),
    };
    let shared = Arc::new(drive::Shared::new(work.clone(), pace));
    let mut tasks = JoinSet::new();
    for (_, api) in (0..connections).zip(target.apis.iter().cycle()) {
        tasks.spawn(drive::connection(*api, shared.clone()));
    }
    let mut all = Seen::default();
    let warmed = match times {
        Times::Timed { warm_up, .. } => warm(work, warm_up).await,
        Times::UntilDone => Ok(()),
    };
    let meter = Meter::start(target.groups.clone());
    let from = shared.elapsed();
    shared.enter(Phase::Measure);
    match times {
        Times::Timed { .. } if warmed.is_err() => {}
        Times::Timed { measured, .. } => tokio::time::sleep(measured).await,
        Times::UntilDone => join(&mut tasks, &mut all).await?,
    }
    shared.enter(Phase::Stop);
    let until = shared.elapsed();
    let overdue = shared.overdue(from, until);
    let (costs, foreign_cpu) = meter.stop();

    join(&mut tasks, &mut all).await?;
    warmed.map_err(|problem| all.first_problem.clone().unwrap_or(problem))?;
    let not_started = overdue.len() as u64;
    all.latencies.extend(overdue);
    let level = Level {
        load,
        seconds: (until - from).as_secs_f64(),
        ended: all.ended,
        ended_in_all: all.ended_in_all,
        not_started,
        problems: all.problems,
        first_problem: all.first_problem,
        latencies: Latencies::new(all.latencies),
        costs,
        foreign_cpu,
        database: None,
    };
    match (level.ended, &level.first_problem) {
        (0, Some(problem)) => Err(format!("no saga ended at {load:?}: {problem}")),
        (0, None) => Err(format!("no saga ended at {load:?}")),
        _ => Ok(level),
    }
}

/// Waits for the connections to end.
async fn join(tasks: &mut JoinSet<Seen>, all: &mut Seen) -> Outcome {
    while let Some(seen) = tasks.join_next().await {
        all.add(seen.map_err(|e| format!("a connection's task failed: {e}"))?);
    }
    Ok(())
}

/// Waits for the time of the warm-up, and in any case until answers come.
async fn warm(work: &Work, time: Duration) -> Outcome {
    let before = work.answered();
    tokio::time::sleep(time).await;
    let began = Instant::now();
    while work.answered() == before {
        if began.elapsed() > FIRST_ANSWER_PATIENCE {
            let seconds = FIRST_ANSWER_PATIENCE.as_secs();
            return Err(format!("no answer within {seconds} s"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
