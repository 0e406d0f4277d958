//! What a saga is in: the fold of its journal.
//!
//! Data lives in variants, so a step that succeeded has an output and a step that waits has an instant. What
//! a step still owes to the world (`is_unclosed`) is the base of compensation: everything dispatched and not closed
//! may still happen. What follows from a state (its status, its next wake-up) is in `standing`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Millis, StepIndex};

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
    /// Going forward, and nothing is out: it waits for something named.
    Waiting,
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
    pub const ALL: [Status; 6] = [
        Status::Running,
        Status::Waiting,
        Status::Compensating,
        Status::Stuck,
        Status::Completed,
        Status::Compensated,
    ];

    /// The word in the database, the API and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::Waiting => "waiting",
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
            Status::Running | Status::Waiting | Status::Compensating | Status::Stuck => false,
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
    /// When its first attempt was sent, since an operator last gave it a new budget.
    pub since: Option<Millis>,
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
    /// Nobody is asked: time, a signal or a person ends it.
    Waiting {
        /// From when.
        since: Millis,
        /// The end of a sleep; for a signal or a decision the last moment.
        until: Millis,
    },
    /// Done once for each item of a list: its items hold the truth.
    FannedOut,
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
    /// Whether its failure was passed over: the saga goes on without its output.
    pub passed: bool,
}

impl StepState {
    /// A step that nothing has happened to.
    pub fn fresh() -> Self {
        StepState {
            generation: 1,
            attempts: 0,
            forward: Forward::Pending,
            undoing: Undoing::NotStarted,
            passed: false,
        }
    }

    /// Whether the effect was asked for and may have happened or may still happen.
    pub fn is_unclosed(&self) -> bool {
        match self.forward {
            // An item that was given up, is let go on by an operator and has to wait for its turn.
            Forward::Pending | Forward::Blocked { .. } => self.was_asked_for(),
            Forward::Skipped
            | Forward::Waiting { .. }
            | Forward::FannedOut
            | Forward::Closed { .. } => false,
            Forward::Open { .. } | Forward::Succeeded { .. } | Forward::GivenUp { .. } => true,
        }
    }

    /// Whether an attempt went out in this generation, however it stands now.
    pub fn was_asked_for(&self) -> bool {
        self.attempts > 0
    }

    /// Whether steps that need this one may start.
    pub fn is_done(&self) -> bool {
        match self.forward {
            Forward::Succeeded { .. } | Forward::Skipped => true,
            Forward::Pending
            | Forward::Waiting { .. }
            | Forward::FannedOut
            | Forward::Open { .. } => false,
            Forward::Blocked { .. } | Forward::Closed { .. } | Forward::GivenUp { .. } => {
                self.passed
            }
        }
    }

    /// Why it failed for good, unless that was passed over.
    pub fn failure(&self) -> Option<&Problem> {
        match &self.forward {
            Forward::Blocked { problem }
            | Forward::Closed { problem }
            | Forward::GivenUp { problem }
                if !self.passed =>
            {
                Some(problem)
            }
            Forward::Pending
            | Forward::Skipped
            | Forward::Blocked { .. }
            | Forward::Waiting { .. }
            | Forward::FannedOut
            | Forward::Open { .. }
            | Forward::Succeeded { .. }
            | Forward::Closed { .. }
            | Forward::GivenUp { .. } => None,
        }
    }
}

/// Position of a unit of work in [`State::steps`]: a step of the definition, or one item of an `each` step.
pub type UnitIndex = usize;

/// An `each` step that was started: its items are units of work of their own.
#[derive(Clone, Debug, PartialEq)]
pub struct Fan {
    /// The step.
    pub step: StepIndex,
    /// Position of its first item among the units; the others follow it.
    pub first: UnitIndex,
    /// What they work on.
    pub items: Arc<Vec<Value>>,
}

/// A signal that came and was not taken yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// Its idempotency key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// What it says.
    pub payload: Arc<Value>,
}

/// The saga that runs this one as a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// Its id, in text form.
    pub saga: String,
    /// The unit of work: a step's id, or `step:item`.
    pub step: String,
    /// Generation of that unit's effect.
    pub generation: u32,
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
    /// Its units of work: the definition's steps, in its order, then the items of `each` steps that were started.
    pub steps: Vec<StepState>,
    /// Whose items those are.
    pub fans: Vec<Fan>,
    /// Signals that came before somebody waited for them, oldest first.
    pub signals: Vec<Signal>,
    /// The saga that runs this one.
    pub parent: Option<Parent>,
    /// Set while an engine error keeps it in front of a human.
    pub quarantine: Option<Problem>,
    /// Idempotency keys of the last operator commands and signals, newest last.
    pub stamps: Vec<String>,
}

/// So many signals are kept for a saga that does not wait for them yet: far more than a definition has waits.
pub(super) const SIGNALS_MAX: usize = 64;

/// So many idempotency keys of operator commands and signals are remembered per saga: far more than one sitting needs.
pub(super) const STAMPS_MAX: usize = 32;
