//! What the engine asks of a worker: a list of tasks for one pool, from one commit.
//!
//! A message goes to one queue and names one results queue; everything that differs per task is inside its
//! item. The list is a convenience of transport: each task is answered by itself.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::EffectKey;

/// What to do about an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Make the effect happen (at most once for its key).
    Forward,
    /// Undo the effect `undo_of`, or, when it never happened, make sure that it never will.
    Compensate,
    /// Find the effect or close its key: the answer is applied, closed or still open.
    Reconcile,
}

impl Operation {
    /// The word used on the wire, in journals and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Forward => "forward",
            Operation::Compensate => "compensate",
            Operation::Reconcile => "reconcile",
        }
    }
}

/// One attempt of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The saga's id (a UUID in text form); echoed in the result.
    pub saga: String,
    /// Name of the saga's definition.
    pub definition: String,
    /// The first digits of the hash of that definition's content: the version that the saga runs under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The saga that runs this one as a step (a UUID in text form).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Tenant that the saga belongs to.
    pub tenant: String,
    /// Step id in the definition, or `step:item` for an item of a fan-out; echoed in the result.
    pub step: String,
    /// Name of the task inside the pool, for example `hold-seats`.
    pub task: String,
    /// Forward, compensate or reconcile; echoed in the result.
    pub operation: Operation,
    /// Idempotency key of this work: of the forward effect for `forward` and `reconcile`, of the undoing for
    /// `compensate` (whose opposite is the key of the effect to undo).
    pub effect: EffectKey,
    /// 1, 2, … over all dispatches of this operation; echoed in the result.
    pub attempt: u32,
    /// Not to be started after this instant (Unix milliseconds); then answer `expired`, unstarted.
    pub not_after: Option<u64>,
    /// How long the attempt may take, in milliseconds, before the engine stops waiting for it.
    pub timeout_ms: u64,
    /// The worker says at least this often that it is still at it (answer `heartbeat`); a longer silence ends the
    /// attempt for the engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_ms: Option<u64>,
    /// Instant from which on this participant's barrier must be complete for a missing row to mean
    /// "never ran" (Unix milliseconds): when the saga was started.
    pub saga_started_at: u64,
    /// What the definition's mapping made for this step.
    pub input: Value,
    /// W3C trace context, when the start carried one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// A [`Task`] to be written, of borrowed parts: an engine writes one for each step and keeps none of them.
#[derive(Clone, Copy, Debug, Serialize)]
#[expect(missing_docs, reason = "the fields of a task")]
pub struct TaskRef<'a> {
    pub saga: fmt::Arguments<'a>,
    pub definition: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<&'a str>,
    pub tenant: &'a str,
    pub step: &'a str,
    pub task: &'a str,
    pub operation: Operation,
    /// As an [`EffectKey`] is written.
    pub effect: fmt::Arguments<'a>,
    pub attempt: u32,
    pub not_after: Option<u64>,
    pub timeout_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_ms: Option<u64>,
    pub saga_started_at: u64,
    pub input: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<&'a str>,
}

/// 1..K tasks for one pool whose results all go to one partition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskMessage {
    /// Protocol version, see [`crate::PROTOCOL_VERSION`].
    pub v: u16,
    /// Results partition; the queue is [`crate::results_queue`].
    pub partition: u16,
    /// When it was published (Unix milliseconds, the publisher's clock): to measure with, and for nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<u64>,
    /// The tasks; never empty.
    pub tasks: Vec<Task>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Direction;

    fn task(rest: Option<&str>) -> Task {
        Task {
            saga: "s \"1\"".into(),
            definition: "booking".into(),
            version: rest.map(str::to_owned),
            parent: rest.map(str::to_owned),
            tenant: "main".into(),
            step: "hold:3".into(),
            task: "hold-seats".into(),
            operation: Operation::Compensate,
            effect: EffectKey {
                saga: "9f3c".into(),
                step: "hold:3".into(),
                direction: Direction::Compensate,
                generation: 2,
            },
            attempt: 4,
            not_after: rest.map(|_| 5),
            timeout_ms: 6,
            heartbeat_ms: rest.map(|_| 7),
            saga_started_at: 8,
            input: serde_json::json!({"seats": ["A1"]}),
            traceparent: rest.map(str::to_owned),
        }
    }

    #[test]
    fn borrowed_parts_are_written_as_a_task_is() {
        for task in [task(None), task(Some("rest"))] {
            let written = serde_json::to_string(&TaskRef {
                saga: format_args!("{}", task.saga),
                definition: &task.definition,
                version: task.version.as_deref(),
                parent: task.parent.as_deref(),
                tenant: &task.tenant,
                step: &task.step,
                task: &task.task,
                operation: task.operation,
                effect: format_args!("{}", task.effect),
                attempt: task.attempt,
                not_after: task.not_after,
                timeout_ms: task.timeout_ms,
                heartbeat_ms: task.heartbeat_ms,
                saga_started_at: task.saga_started_at,
                input: &task.input,
                traceparent: task.traceparent.as_deref(),
            });
            assert_eq!(written.unwrap(), serde_json::to_string(&task).unwrap());
        }
    }
}
