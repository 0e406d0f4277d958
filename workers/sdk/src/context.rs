//! What a handler may know about its task besides the input.
//!
//! The effect key is the idempotency key for everything that leaves the process; the deadline bounds waiting.
//!
//! A task may wait inside the worker too, for a connection or for its set. Whether it has begun is decided once,
//! here: work that finds its time over leaves everything as it is, and can be answered `expired` instead of
//! `unknown`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use impresario_protocol::{EffectKey, Operation, Task};
use tokio::time::Instant;

/// One attempt of one step, as its handler sees it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TaskContext {
    task: Arc<Task>,
    deadline: Instant,
    stage: Arc<AtomicU8>,
}

/// It waits: nothing has been done.
const WAITING: u8 = 0;
/// It may have acted.
const BEGUN: u8 = 1;
/// Its time was over while it waited: it will not act.
const GIVEN_UP: u8 = 2;

impl TaskContext {
    /// The context of an attempt that starts now.
    pub fn new(task: Arc<Task>) -> Self {
        // An attempt without any time would answer `unknown` before it could begin.
        let timeout = Duration::from_millis(task.timeout_ms.max(1));
        TaskContext {
            task,
            deadline: Instant::now() + timeout,
            stage: Arc::new(AtomicU8::new(WAITING)),
        }
    }

    /// Says that the work begins, with the means for it in hand; false when nobody waits for it any more, and
    /// then nothing may be done.
    pub(crate) fn begin(&self) -> bool {
        self.stage
            .compare_exchange(WAITING, BEGUN, Ordering::AcqRel, Ordering::Acquire)
            .map_or_else(|stage| stage == BEGUN, |_| true)
    }

    /// Says that nobody waits for it any more; true when it had not begun, and now never will.
    pub(crate) fn give_up(&self) -> bool {
        self.stage
            .compare_exchange(WAITING, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// The task as it came.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// The saga's id.
    pub fn saga(&self) -> &str {
        &self.task.saga
    }

    /// Tenant that the saga belongs to.
    pub fn tenant(&self) -> &str {
        &self.task.tenant
    }

    /// Idempotency key of this work.
    pub fn effect(&self) -> &EffectKey {
        &self.task.effect
    }

    /// Key of the forward effect that this task makes, undoes or looks for.
    pub fn forward_effect(&self) -> EffectKey {
        match self.task.operation {
            Operation::Forward | Operation::Reconcile => self.task.effect.clone(),
            Operation::Compensate => self.task.effect.opposite(),
        }
    }

    /// When the engine stops waiting for this attempt.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Time left for calls to others, with a tenth kept back to answer within the attempt.
    pub fn time_left(&self) -> Duration {
        let reserve = Duration::from_millis(self.task.timeout_ms / 10);
        self.deadline
            .saturating_duration_since(Instant::now())
            .saturating_sub(reserve)
    }
}
