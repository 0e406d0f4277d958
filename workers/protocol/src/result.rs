//! What a worker answers: one result for each task, in lists of its own making.
//!
//! The outcome says what is *known about the effect*, not how the worker felt: only `succeeded`, `rejected`,
//! `applied` and `closed` are final; `failed` closes nothing; `unknown` says so.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::Operation;

/// Why something was refused or went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Stable lower-case code, for example `card_declined`; definitions and consoles branch on it.
    pub code: String,
    /// One sentence for people; never a secret, never personal data.
    pub message: String,
}

impl Problem {
    /// A problem from its code and sentence.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Problem {
            code: code.into(),
            message: message.into(),
        }
    }
}

/// What is known about the effect after this attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The effect happened (forward) or is undone (compensate). Stored by the participant: the same answer
    /// comes back however often the task is repeated.
    Succeeded {
        /// The step's output.
        output: Value,
    },
    /// Business no, with the guarantee that there is no effect and never will be for this key. Forward only.
    Rejected(Problem),
    /// Technical failure; no effect is claimed, nothing is closed.
    Failed(Problem),
    /// The effect may have happened.
    Unknown(Problem),
    /// The task met a tombstone or a compensation of its effect: it did nothing, and the key is closed.
    Refused,
    /// Received after `not_after`, or still waiting inside the worker when its time was over: not started, never
    /// will be, spends no attempt.
    Expired,
    /// Still working; moves the attempt's timeout out. Not an answer.
    Heartbeat,
    /// Reconcile: the effect did happen, with this output.
    Applied {
        /// The output that the forward attempt would have answered.
        output: Value,
    },
    /// Reconcile: no effect, ever; the key is closed.
    Closed(Problem),
    /// Reconcile: cannot be told yet; ask again.
    StillOpen(Problem),
}

impl Outcome {
    /// The word used on the wire, in journals and in metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Outcome::Succeeded { .. } => "succeeded",
            Outcome::Rejected(_) => "rejected",
            Outcome::Failed(_) => "failed",
            Outcome::Unknown(_) => "unknown",
            Outcome::Refused => "refused",
            Outcome::Expired => "expired",
            Outcome::Heartbeat => "heartbeat",
            Outcome::Applied { .. } => "applied",
            Outcome::Closed(_) => "closed",
            Outcome::StillOpen(_) => "still_open",
        }
    }
}

/// The answer to one task; the identifying fields are the task's, unchanged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Flat")]
pub struct TaskResult {
    /// The task's saga.
    pub saga: String,
    /// The task's step.
    pub step: String,
    /// The task's operation.
    pub operation: Operation,
    /// Generation of the task's effect key.
    pub generation: u32,
    /// The task's attempt.
    pub attempt: u32,
    /// What is known now.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Name of the worker process, for people who look for it.
    pub worker: String,
}

/// A result as it is on the wire. Read in one pass: what serde makes of a flattened enum keeps every field of every
/// result aside first and looks at it twice, and engines read a result for each step.
#[derive(Deserialize)]
struct Flat {
    saga: String,
    step: String,
    operation: Operation,
    generation: u32,
    attempt: u32,
    outcome: Word,
    // `null` is an output too.
    #[serde(default, deserialize_with = "present")]
    output: Option<Value>,
    code: Option<String>,
    message: Option<String>,
    worker: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Succeeded,
    Rejected,
    Failed,
    Unknown,
    Refused,
    Expired,
    Heartbeat,
    Applied,
    Closed,
    StillOpen,
}

fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

/// A result without what its outcome consists of.
#[derive(Debug, thiserror::Error)]
#[error("a result says what came of its task, but has no `{0}`")]
struct Incomplete(&'static str);

impl TryFrom<Flat> for TaskResult {
    type Error = Incomplete;

    fn try_from(flat: Flat) -> Result<TaskResult, Incomplete> {
        let output = flat.output.ok_or(Incomplete("output"));
        let problem = match (flat.code, flat.message) {
            (Some(code), Some(message)) => Ok(Problem { code, message }),
            (None, _) => Err(Incomplete("code")),
            (Some(_), None) => Err(Incomplete("message")),
        };
        let outcome = match flat.outcome {
            Word::Succeeded => Outcome::Succeeded { output: output? },
            Word::Applied => Outcome::Applied { output: output? },
            Word::Rejected => Outcome::Rejected(problem?),
            Word::Failed => Outcome::Failed(problem?),
            Word::Unknown => Outcome::Unknown(problem?),
            Word::Closed => Outcome::Closed(problem?),
            Word::StillOpen => Outcome::StillOpen(problem?),
            Word::Refused => Outcome::Refused,
            Word::Expired => Outcome::Expired,
            Word::Heartbeat => Outcome::Heartbeat,
        };
        Ok(TaskResult {
            saga: flat.saga,
            step: flat.step,
            operation: flat.operation,
            generation: flat.generation,
            attempt: flat.attempt,
            outcome,
            worker: flat.worker,
        })
    }
}

/// 1..K results for one partition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResultMessage {
    /// Protocol version, see [`crate::PROTOCOL_VERSION`].
    pub v: u16,
    /// The results; empty only in a probe.
    pub results: Vec<TaskResult>,
    /// The engine's own probe of the queue; workers never set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
}

/// An engine process sends this through a results queue to learn that it reads it, and up to when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Which process; another's probe is ignored.
    pub by: String,
    /// When (Unix milliseconds, its clock).
    pub sent_at: u64,
}
