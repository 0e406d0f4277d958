//! Tasks made by hand.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use impresario_protocol::{Direction, EffectKey, Operation, PROTOCOL_VERSION, Task, TaskMessage};
use serde_json::Value;

use crate::TaskContext;

/// A saga as its participants see it.
#[derive(Clone, Debug)]
pub struct TestSaga {
    /// Its id.
    pub id: String,
    /// When it was started (Unix milliseconds).
    pub started_at: u64,
}

impl TestSaga {
    /// A saga that starts now; `number` makes its id.
    pub fn new(number: u32) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("a clock after 1970");
        // A second later than now: the database's clock may be a little ahead of ours.
        let started_at =
            u64::try_from(now.as_millis()).expect("a clock before the year 500 million");
        TestSaga {
            id: format!("00000000-0000-8000-8000-{number:012x}"),
            started_at: started_at + 1000,
        }
    }

    fn effect(&self, step: &str, direction: Direction) -> EffectKey {
        let saga = self.id.replace('-', "");
        EffectKey {
            saga: saga[6..].to_owned(),
            step: step.to_owned(),
            direction,
            generation: 1,
        }
    }

    fn task(&self, operation: Operation, step: &str, task: &str, input: Value) -> Task {
        let direction = match operation {
            Operation::Forward | Operation::Reconcile => Direction::Forward,
            Operation::Compensate => Direction::Compensate,
        };
        Task {
            saga: self.id.clone(),
            definition: "test".into(),
            version: None,
            parent: None,
            tenant: "default".into(),
            step: step.into(),
            task: task.into(),
            operation,
            effect: self.effect(step, direction),
            attempt: 1,
            not_after: None,
            timeout_ms: 5_000,
            heartbeat_ms: None,
            saga_started_at: self.started_at,
            input,
            traceparent: None,
        }
    }
}

/// A forward task of the step `step`.
pub fn forward(saga: &TestSaga, step: &str, task: &str, input: Value) -> Task {
    saga.task(Operation::Forward, step, task, input)
}

/// The compensation of the step `step`.
pub fn compensation(saga: &TestSaga, step: &str, task: &str) -> Task {
    saga.task(Operation::Compensate, step, task, Value::Null)
}

/// The reconcile of the step `step`.
pub fn reconcile(saga: &TestSaga, step: &str, task: &str) -> Task {
    saga.task(Operation::Reconcile, step, task, Value::Null)
}

/// A message body with these tasks.
pub fn message(partition: u16, tasks: Vec<Task>) -> Vec<u8> {
    let message = TaskMessage {
        v: PROTOCOL_VERSION,
        partition,
        sent_at: None,
        tasks,
    };
    serde_json::to_vec(&message).expect("a task message is JSON")
}

impl From<Task> for TaskContext {
    fn from(task: Task) -> Self {
        TaskContext::new(Arc::new(task))
    }
}
