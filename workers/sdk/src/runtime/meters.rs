//! What a worker counts: handles that are resolved once, at its start.

use std::time::Duration;

use impresario_metrics::table::{
    SCHEDULE_TO_START, TASK_DURATION, TASK_OUTCOMES, WORKER_REDELIVERED, WORKER_RESENT,
    WORKER_TASKS,
};
use impresario_metrics::{Count, Times};
use impresario_protocol::Outcome;

pub(super) struct Meters {
    outcomes: [Count; TASK_OUTCOMES.len()],
    lasted: Times,
    waited: Times,
    redelivered: Count,
    resent: Count,
}

impl Meters {
    pub(super) fn of(pool: &str) -> Meters {
        Meters {
            outcomes: TASK_OUTCOMES.map(|outcome| WORKER_TASKS.with([pool, outcome])),
            lasted: TASK_DURATION.with([pool]),
            waited: SCHEDULE_TO_START.with([pool]),
            redelivered: WORKER_REDELIVERED.with([pool]),
            resent: WORKER_RESENT.with([pool]),
        }
    }

    /// A task has a slot, so many milliseconds after it was published.
    pub(super) fn started(&self, waited_ms: u64) {
        self.waited.record(waited_ms as f64 / 1_000.0);
    }

    /// It ran for so long.
    pub(super) fn ran(&self, lasted: Duration) {
        self.lasted.record(lasted.as_secs_f64());
    }

    /// It is answered, whether it ran or not.
    pub(super) fn answered(&self, outcome: &Outcome) {
        let word = outcome.as_str();
        // A heartbeat is no answer, and has no place.
        if let Some(place) = TASK_OUTCOMES.iter().position(|one| *one == word) {
            self.outcomes[place].increment(1);
        }
    }

    /// A message may have been here before.
    pub(super) fn redelivered(&self) {
        self.redelivered.increment(1);
    }

    /// The counter of results that are published again.
    pub(super) fn resent(&self) -> Count {
        self.resent.clone()
    }
}
