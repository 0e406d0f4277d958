//! What a handler may know about its task besides the input.
//!
//! The effect key is the idempotency key for everything that leaves the process; the deadline bounds waiting.

use std::sync::Arc;
use std::time::Duration;

use impresario_protocol::{EffectKey, Operation, Task};
use tokio::time::Instant;

/// One attempt of one step, as its handler sees it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TaskContext {
    task: Arc<Task>,
    deadline: Instant,
}

impl TaskContext {
    /// The context of an attempt that starts now.
    pub fn new(task: Arc<Task>) -> Self {
        // An attempt without any time would answer `unknown` before it could begin.
        let timeout = Duration::from_millis(task.timeout_ms.max(1));
        TaskContext {
            task,
            deadline: Instant::now() + timeout,
        }
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
