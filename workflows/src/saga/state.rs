//! What a saga is in: the fold of its journal.
//!
//! Data lives in variants, so a step that succeeded has an output and a step that waits has an instant. What
//! a step still owes to the world (`is_unclosed`) is the base of compensation: everything dispatched and not closed
//! may still happen. What follows from a state (its status, its next wake-up) is in `standing`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Millis;

/// A stable code and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Problem {
    /// Lower-case code, for example `card_declined`.
    pub code: String,
    /// One sentence.
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

/// What is asked of a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Make the effect happen.
    Forward,
    /// Undo it.
    Compensate,
    /// Find it, or close its key.
    Reconcile,
}

impl Operation {
    /// The word in journals, messages and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Forward => "forward",
            Operation::Compensate => "compensate",
            Operation::Reconcile => "reconcile",
        }
    }
}

/// Why a saga turned around.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Cause {
    /// A participant said no.
    Rejected {
        /// The step.
        step: String,
        /// Its reason.
        problem: Problem,
    },
    /// Attempts ran out, each answered `failed`.
    Failed {
        /// The step.
        step: String,
        /// The last reason.
        problem: Problem,
    },
    /// Attempts ran out and the effect may have happened.
    Unknown {
        /// The step.
        step: String,
        /// The last reason.
        problem: Problem,
    },
    /// A step's input or condition could not be made.
    Unmappable {
        /// The step.
        step: String,
        /// Which expression, which path.
        problem: Problem,
    },
    /// Somebody cancelled it.
    Cancelled {
        /// Who.
        by: String,
        /// Why, in their words.
        reason: String,
    },
    /// The definition's deadline passed before the pivot.
    Deadline,
}

impl Cause {
    /// The code that sentences for customers and consoles branch on.
    pub fn code(&self) -> &str {
        match self {
            Cause::Rejected { problem, .. }
            | Cause::Failed { problem, .. }
            | Cause::Unknown { problem, .. }
            | Cause::Unmappable { problem, .. } => &problem.code,
            Cause::Cancelled { .. } => "cancelled",
            Cause::Deadline => "deadline",
        }
    }
}

/// The one status of a saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Going forward by itself.
    Running,
    /// Undoing by itself.
    Compensating,
    /// Ended: every step done.
    Completed,
    /// Ended: everything undone.
    Compensated,
    /// In front of a human.
    Stuck,
}

impl Status {
    /// Every status, in the order of a saga's life.
    pub const ALL: [Status; 5] = [
        Status::Running,
        Status::Compensating,
        Status::Stuck,
        Status::Completed,
        Status::Compensated,
    ];

    /// The word in the database, the API and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::Compensating => "compensating",
            Status::Completed => "completed",
            Status::Compensated => "compensated",
            Status::Stuck => "stuck",
        }
    }

    /// Whether nothing happens any more.
    pub fn is_final(self) -> bool {
        match self {
            Status::Completed | Status::Compensated => true,
            Status::Running | Status::Compensating | Status::Stuck => false,
        }
    }
}

/// Which way the saga goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Not started.
    New,
    /// Towards the end.
    Forward {
        /// A cancel, deadline or failure that waits for the pivot's answer.
        turn: Option<Cause>,
    },
    /// Back.
    Compensating {
        /// Why.
        cause: Cause,
    },
    /// Ended well.
    Completed {
        /// What the saga answers.
        output: Arc<Value>,
    },
    /// Ended undone.
    Compensated {
        /// Why.
        cause: Cause,
    },
}

/// What the current attempt of some work waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Wait {
    /// An answer, until then.
    Answer {
        /// When the attempt was (last) sent.
        sent_at: Millis,
        /// When the engine stops waiting, unless an outage postpones it.
        until: Millis,
    },
    /// The next attempt's instant.
    Backoff {
        /// The instant.
        until: Millis,
    },
    /// A human.
    Operator {
        /// Why.
        problem: Problem,
    },
}

/// Attempts of one operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// Number of the current (or last) attempt, from 1.
    pub attempt: u32,
    /// Attempts that used up the retry budget.
    pub spent: u32,
    /// Whether some attempt went without an answer, or answered that it does not know.
    pub doubtful: bool,
    /// What it waits for.
    pub wait: Wait,
}

/// The forward direction of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Forward {
    /// Not dispatched yet.
    Pending,
    /// Its `when` was false; never dispatched.
    Skipped,
    /// Its input could not be made; never dispatched; past the pivot it stands before a human.
    Blocked {
        /// Which expression, which path.
        problem: Problem,
    },
    /// Dispatched, and not answered for good.
    Open {
        /// `Forward`, or `Reconcile` once attempts ran out.
        operation: Operation,
        /// The attempts.
        work: Work,
    },
    /// The effect happened.
    Succeeded {
        /// The step's output.
        output: Arc<Value>,
    },
    /// No effect, ever.
    Closed {
        /// The participant's reason.
        problem: Problem,
    },
    /// Attempts ran out, which closes nothing.
    GivenUp {
        /// The last reason.
        problem: Problem,
    },
}

/// The compensating direction of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Undoing {
    /// Not asked for.
    NotStarted,
    /// Under way.
    Open(Work),
    /// Undone, or made never to happen.
    Done,
}

/// One step of one saga.
#[derive(Clone, Debug, PartialEq)]
pub struct StepState {
    /// Generation of the effect, from 1; an operator's retry after a final answer opens the next one.
    pub generation: u32,
    /// Forward attempts so far in this generation: their numbers are never used again.
    pub attempts: u32,
    /// Forward.
    pub forward: Forward,
    /// Back.
    pub undoing: Undoing,
}

impl StepState {
    /// A step that nothing has happened to.
    pub fn fresh() -> Self {
        StepState {
            generation: 1,
            attempts: 0,
            forward: Forward::Pending,
            undoing: Undoing::NotStarted,
        }
    }

    /// Whether the effect was asked for and may have happened or may still happen.
    pub fn is_unclosed(&self) -> bool {
        match self.forward {
            Forward::Pending
            | Forward::Skipped
            | Forward::Blocked { .. }
            | Forward::Closed { .. } => false,
            Forward::Open { .. } | Forward::Succeeded { .. } | Forward::GivenUp { .. } => true,
        }
    }

    /// Whether steps that need this one may start.
    pub fn is_done(&self) -> bool {
        match self.forward {
            Forward::Succeeded { .. } | Forward::Skipped => true,
            Forward::Pending
            | Forward::Blocked { .. }
            | Forward::Open { .. }
            | Forward::Closed { .. }
            | Forward::GivenUp { .. } => false,
        }
    }
}

/// A saga, folded.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// When it was started.
    pub started_at: Millis,
    /// What it was started with.
    pub input: Arc<Value>,
    /// Id in text form, for expressions.
    pub id: Arc<str>,
    /// W3C trace context of the start.
    pub traceparent: Option<Arc<str>>,
    /// Where it goes.
    pub phase: Phase,
    /// Its steps, in the definition's order.
    pub steps: Vec<StepState>,
    /// Set while an engine error keeps it in front of a human.
    pub quarantine: Option<Problem>,
    /// Idempotency keys of the last operator commands, newest last.
    pub stamps: Vec<String>,
}

/// So many idempotency keys of operator commands are remembered per saga: far more than one sitting needs.
pub(super) const STAMPS_MAX: usize = 32;
