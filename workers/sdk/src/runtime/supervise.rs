//! One running task: its timeout, its heartbeats, its panics.
//!
//! At the timeout the answer is `unknown`, for it may have acted; database work goes on to its end in its own
//! task all the same, and the barrier keeps its answer for the next attempt. A task that still waits then, for a
//! connection or for its set, never acts: it is answered `expired`, which spends nothing. Heartbeats leave every
//! third of the silence that the task allows (its timeout, when it says nothing of that), so a task that is done sooner
//! sends none.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use impresario_protocol::{Outcome, Problem, Task, TaskResult};
use tokio::time::Instant;

use super::Shared;
use super::answers::Answer;
use crate::{TaskContext, current};

/// The answer to `task` in the words of this worker.
pub(super) fn result(shared: &Shared, task: &Task, outcome: Outcome) -> TaskResult {
    TaskResult {
        saga: task.saga.clone(),
        step: task.step.clone(),
        operation: task.operation,
        generation: task.effect.generation,
        attempt: task.attempt,
        outcome,
        worker: shared.name.clone(),
    }
}

/// Runs a started task to its answer, or to its deadline.
pub(super) async fn run(shared: &Shared, partition: u16, task: TaskContext) -> Outcome {
    let deadline = task.deadline();
    let Task {
        timeout_ms,
        heartbeat_ms,
        ..
    } = task.task();
    let silence_ms = heartbeat_ms.map_or(*timeout_ms, |heartbeat| heartbeat.min(*timeout_ms));
    let third = Duration::from_millis(silence_ms.max(3)) / 3;
    let mut beat = Instant::now() + third;
    let work = async {
        let outcome = shared.pool.run(task.clone()).await;
        tracing::debug!(
            step = task.task().step,
            operation = task.task().operation.as_str(),
            attempt = task.task().attempt,
            outcome = outcome.as_str(),
            "a task has run"
        );
        outcome
    };
    let work = current::working(Some(task.clone()), work);
    let work = AssertUnwindSafe(work).catch_unwind();
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return match done {
                Ok(outcome) => outcome,
                Err(_) => Outcome::Failed(crate::execute::panicked()),
            },
            () = tokio::time::sleep_until(deadline) => {
                if task.give_up() {
                    return Outcome::Expired;
                }
                let sentence = "no answer within the attempt's time; it may have acted";
                return Outcome::Unknown(Problem::new("timeout", sentence));
            }
            () = tokio::time::sleep_until(beat) => {
                beat += third;
                let result = result(shared, task.task(), Outcome::Heartbeat);
                let answer = Answer { result, receipt: None, traced: None };
                shared.answers.send(partition, answer).await;
            }
        }
    }
}
