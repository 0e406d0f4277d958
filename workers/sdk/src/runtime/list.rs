//! One task message: decode, run its tasks, answer each as it becomes ready.
//!
//! A message that may have been delivered before is run task by task, each after a durable count of its
//! starts, so that a task that kills its worker is found and stops doing so.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use impresario_protocol::{Outcome, PROTOCOL_VERSION, Problem, Task, TaskMessage, TaskResult};
use impresario_traces::Context;
use serde::Deserialize;
use serde_json::Value;

use super::answers::{Answer, ListReceipt};
use super::{Shared, supervise};
use crate::{Delivery, TaskContext, spans, starts};

/// Takes a delivery to the confirmation of its last answer.
pub(super) async fn run(shared: &Shared, delivery: Delivery) {
    let (message, unreadable) = match decode(&delivery.body) {
        Ok(decoded) => decoded,
        Err(reason) => {
            // Nobody to answer to; the engine's timeout repeats what was in it.
            tracing::error!(pool = shared.pool.name(), %reason, "a task message cannot be read");
            delivery.receipt.acknowledge();
            return;
        }
    };
    let answers = message.tasks.len() + unreadable.len();
    if answers == 0 {
        delivery.receipt.acknowledge();
        return;
    }
    let list = List {
        shared,
        partition: message.partition,
        sent_at: message.sent_at,
        arrived: impresario_traces::is_on().then(impresario_traces::now),
        receipt: Arc::new(ListReceipt::new(delivery.receipt, answers)),
    };
    for identity in unreadable {
        let result = identity.bad_message(&shared.name);
        list.answer(result, None).await;
    }
    let tasks = message.tasks.into_iter().map(Arc::new);
    if delivery.redelivered {
        shared.meters.redelivered();
        for task in tasks {
            list.run_again(&task).await;
        }
    } else {
        list.run_all(tasks).await;
    }
    list.receipt.wait().await;
}

struct List<'a> {
    shared: &'a Shared,
    partition: u16,
    sent_at: Option<u64>,
    /// When the message came, if somebody is told.
    arrived: Option<u64>,
    receipt: Arc<ListReceipt>,
}

impl List<'_> {
    async fn answer(&self, result: TaskResult, attempt: Option<Context>) {
        self.shared.meters.answered(&result.outcome);
        let answer = Answer {
            result,
            receipt: Some(self.receipt.clone()),
            traced: ready(attempt),
        };
        self.shared.answers.send(self.partition, answer).await;
    }

    /// Side by side; each answer leaves when it is ready.
    async fn run_all(&self, tasks: impl Iterator<Item = Arc<Task>>) {
        let mut running: FuturesUnordered<_> = tasks.map(|task| self.run_one(task)).collect();
        while let Some((result, attempt)) = running.next().await {
            self.answer(result, attempt).await;
        }
    }

    async fn run_one(&self, task: Arc<Task>) -> (TaskResult, Option<Context>) {
        let outcome = self.start(&task).await;
        let result = supervise::result(self.shared, &task, outcome);
        (result, spans::attempt(&task))
    }

    async fn start(&self, task: &Arc<Task>) -> Outcome {
        let outcome = self.run_in_slot(task).await;
        if let Some(arrived) = self.arrived {
            spans::processed(&self.shared.service, task, arrived, &outcome);
        }
        outcome
    }

    async fn run_in_slot(&self, task: &Arc<Task>) -> Outcome {
        let slot = tokio::select! {
            biased;
            slot = self.shared.slots.acquire() => slot,
            () = self.shared.grace_over.cancelled() => {
                return Outcome::Failed(Problem::new("draining", "not started: this worker stops"));
            }
        };
        // Judged after the wait for a slot: from here on it runs.
        let now = now_ms();
        if let Some(sent_at) = self.sent_at {
            self.shared.meters.started(now.saturating_sub(sent_at));
        }
        if task.not_after.is_some_and(|limit_ms| now > limit_ms) {
            return Outcome::Expired;
        }
        let begun = Instant::now();
        let context = TaskContext::new(task.clone());
        let outcome = supervise::run(self.shared, self.partition, context).await;
        self.shared.meters.ran(begun.elapsed());
        drop(slot);
        outcome
    }

    /// By itself, after its start was counted.
    async fn run_again(&self, task: &Arc<Task>) {
        let Some(database) = self.shared.pool.database() else {
            let (result, attempt) = self.run_one(task.clone()).await;
            return self.answer(result, attempt).await;
        };
        let outcome = match starts::count(database, task).await {
            Ok(Some(poisoned)) => poisoned,
            Ok(None) => self.start(task).await,
            // Uncounted it must not start: that is how a poison task would kill for ever.
            Err(error) => {
                tracing::warn!(%error, "a start could not be counted");
                Outcome::Failed(Problem::new("database", "the start could not be counted"))
            }
        };
        let result = supervise::result(self.shared, task, outcome);
        self.shared.meters.answered(&result.outcome);
        // A receipt of its own: the count may go only after the answer is stored.
        let stored = Arc::new(ListReceipt::new(crate::Receipt::none(), 1));
        let answer = Answer {
            result,
            receipt: Some(stored.clone()),
            traced: ready(spans::attempt(task)),
        };
        self.shared.answers.send(self.partition, answer).await;
        stored.wait().await;
        if let Err(error) = starts::forget(database, task).await {
            tracing::warn!(%error, "a counted start stays; it is purged with its saga");
        }
        self.receipt.answered();
    }
}

/// The answer of an attempt that is traced is ready now.
fn ready(attempt: Option<Context>) -> Option<(Context, u64)> {
    attempt.map(|attempt| (attempt, impresario_traces::now()))
}

fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What is left of a task that cannot be read as a whole, enough to answer it.
#[derive(Debug, Deserialize)]
struct Identity {
    saga: String,
    step: String,
    operation: impresario_protocol::Operation,
    effect: impresario_protocol::EffectKey,
    attempt: u32,
}

impl Identity {
    fn bad_message(self, worker: &str) -> TaskResult {
        let problem = Problem::new("bad_message", "the task cannot be read by this worker");
        TaskResult {
            saga: self.saga,
            step: self.step,
            operation: self.operation,
            generation: self.effect.generation,
            attempt: self.attempt,
            outcome: Outcome::Failed(problem),
            worker: worker.to_owned(),
        }
    }
}

/// The message, and the identities of those of its tasks that cannot be read.
fn decode(body: &[u8]) -> Result<(TaskMessage, Vec<Identity>), String> {
    #[derive(Deserialize)]
    struct Lenient {
        v: u16,
        partition: u16,
        #[serde(default)]
        sent_at: Option<u64>,
        tasks: Vec<Value>,
    }
    let message = match serde_json::from_slice::<TaskMessage>(body) {
        Ok(message) => (message, Vec::new()),
        // One bad task must not take its siblings with it: read again, task by task.
        Err(error) => {
            let lenient: Lenient = serde_json::from_slice(body).map_err(|_| error.to_string())?;
            let (mut tasks, mut unreadable) = (Vec::new(), Vec::new());
            for value in lenient.tasks {
                match (Task::deserialize(&value), Identity::deserialize(&value)) {
                    (Ok(task), _) => tasks.push(task),
                    (Err(_), Ok(identity)) => unreadable.push(identity),
                    (Err(error), Err(_)) => {
                        tracing::error!(%error, "a task without an identity cannot be answered");
                    }
                }
            }
            (
                TaskMessage {
                    v: lenient.v,
                    partition: lenient.partition,
                    sent_at: lenient.sent_at,
                    tasks,
                },
                unreadable,
            )
        }
    };
    if message.0.v == PROTOCOL_VERSION {
        Ok(message)
    } else {
        Err(format!(
            "protocol version {} instead of {PROTOCOL_VERSION}",
            message.0.v
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(saga: &str) -> Value {
        serde_json::json!({
            "saga": saga, "definition": "d", "tenant": "t", "step": "s", "task": "reserve",
            "operation": "forward", "effect": "ab/s/forward/1", "attempt": 1, "not_after": null,
            "timeout_ms": 1000, "saga_started_at": 5, "input": {}
        })
    }

    fn body(v: u16, tasks: Vec<Value>) -> Vec<u8> {
        serde_json::to_vec(&serde_json::json!({ "v": v, "partition": 3, "tasks": tasks })).unwrap()
    }

    #[test]
    fn one_bad_task_leaves_its_siblings_alone() {
        let mut bad = task("bad");
        bad["timeout_ms"] = "soon".into();
        let nameless = serde_json::json!({ "hello": 1 });
        let (message, unreadable) =
            decode(&body(1, vec![task("a"), bad, nameless, task("b")])).unwrap();
        let sagas: Vec<_> = message
            .tasks
            .iter()
            .map(|task| task.saga.as_str())
            .collect();
        assert_eq!(sagas, ["a", "b"]);
        assert_eq!(unreadable.len(), 1);
        assert_eq!(unreadable[0].saga, "bad");
    }

    #[test]
    fn h29_other_versions_and_other_texts_are_refused() {
        assert!(decode(&body(2, vec![task("a")])).is_err());
        assert!(decode(b"hello").is_err());
        assert!(decode(b"{}").is_err());
    }
}
