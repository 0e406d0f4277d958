//! What a saga is in: the fold of its journal.
//!
//! Data lives in variants, so a step that succeeded has an output and a step that waits has an instant. A
//! saga's status is derived here and nowhere else. What a step still owes to the world (`is_unclosed`) is the
//! base of compensation: everything dispatched and not closed may still happen.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::definition::{Definition, StepIndex, Undo};
use crate::{Millis, StepSet};

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

impl State {
    /// A saga that does not exist yet.
    pub fn unborn(id: &str, definition: &Definition) -> State {
        State {
            started_at: 0,
            input: Arc::new(Value::Null),
            id: Arc::from(id),
            traceparent: None,
            phase: Phase::New,
            steps: vec![StepState::fresh(); definition.steps.len()],
            quarantine: None,
            stamps: Vec::new(),
        }
    }

    /// The one status; see [`Status`].
    pub fn status(&self, definition: &Definition) -> Status {
        match &self.phase {
            Phase::Completed { .. } => Status::Completed,
            Phase::Compensated { .. } => Status::Compensated,
            Phase::New | Phase::Forward { .. } | Phase::Compensating { .. }
                if self.quarantine.is_some() || self.parked(definition).next().is_some() =>
            {
                Status::Stuck
            }
            Phase::New | Phase::Forward { .. } => Status::Running,
            Phase::Compensating { .. } => Status::Compensating,
        }
    }

    /// Steps whose forward effect happened or was skipped.
    pub fn done(&self) -> StepSet {
        self.set_of(|step| step.is_done())
    }

    /// The steps for which `is` holds.
    pub fn set_of(&self, is: impl Fn(&StepState) -> bool) -> StepSet {
        self.steps
            .iter()
            .enumerate()
            .filter(|(_, step)| is(step))
            .fold(StepSet::EMPTY, |set, (index, _)| set.with(index))
    }

    /// Whether the pivot is behind: only forward from here.
    pub fn past_pivot(&self, definition: &Definition) -> bool {
        definition
            .pivot
            .is_some_and(|pivot| self.steps[pivot].is_done())
    }

    /// Whether the pivot was dispatched and its effect is neither known nor closed.
    pub fn pivot_is_open(&self, definition: &Definition) -> bool {
        definition
            .pivot
            .is_some_and(|pivot| match self.steps[pivot].forward {
                Forward::Open { .. } | Forward::GivenUp { .. } => true,
                Forward::Pending
                | Forward::Skipped
                | Forward::Blocked { .. }
                | Forward::Succeeded { .. }
                | Forward::Closed { .. } => false,
            })
    }

    /// Whether this step has something to undo that is not undone yet (meaningful while compensating).
    pub fn owes_undo(&self, definition: &Definition, index: StepIndex) -> bool {
        let compensable = match definition.steps[index].undo {
            Undo::Compensate(_) => true,
            Undo::Nothing { .. } | Undo::Readonly | Undo::OnlyForward => false,
        };
        compensable && self.steps[index].is_unclosed() && self.steps[index].undoing != Undoing::Done
    }

    /// The steps in front of a human, with the operation that an operator's retry would repeat, and why.
    pub fn parked<'a>(
        &'a self,
        definition: &'a Definition,
    ) -> impl Iterator<Item = (StepIndex, Operation, &'a Problem)> + 'a {
        let forward = matches!(self.phase, Phase::Forward { .. });
        let back = matches!(self.phase, Phase::Compensating { .. });
        let past = self.past_pivot(definition);
        self.steps
            .iter()
            .enumerate()
            .filter_map(move |(index, step)| {
                if back {
                    return match &step.undoing {
                        // An effect that turned out to be closed owes nothing, parked or not.
                        Undoing::Open(Work {
                            wait: Wait::Operator { problem },
                            ..
                        }) if step.is_unclosed() => Some((index, Operation::Compensate, problem)),
                        Undoing::Open(_) | Undoing::NotStarted | Undoing::Done => None,
                    };
                }
                match &step.forward {
                    Forward::Open {
                        operation,
                        work:
                            Work {
                                wait: Wait::Operator { problem },
                                ..
                            },
                    } if forward => Some((index, *operation, problem)),
                    Forward::Closed { problem }
                    | Forward::Blocked { problem }
                    | Forward::GivenUp { problem }
                        if forward && past =>
                    {
                        Some((index, Operation::Forward, problem))
                    }
                    Forward::Pending
                    | Forward::Skipped
                    | Forward::Blocked { .. }
                    | Forward::Open { .. }
                    | Forward::Succeeded { .. }
                    | Forward::Closed { .. }
                    | Forward::GivenUp { .. } => None,
                }
            })
    }

    /// The work that is under way in the present phase: what timers look at.
    pub fn open_work(&self) -> impl Iterator<Item = (StepIndex, Operation, &Work)> {
        let forward = matches!(self.phase, Phase::Forward { .. });
        let back = matches!(self.phase, Phase::Compensating { .. });
        self.steps
            .iter()
            .enumerate()
            .filter_map(move |(index, step)| match (&step.forward, &step.undoing) {
                // What turned out to be closed owes nothing: its undoing is no longer waited for.
                (_, Undoing::Open(work)) if back && step.is_unclosed() => {
                    Some((index, Operation::Compensate, work))
                }
                (Forward::Open { operation, work }, _) if forward => {
                    Some((index, *operation, work))
                }
                _ => None,
            })
    }

    /// "Look at me no later than this": the earliest instant at which something is due by itself.
    pub fn next_wake(&self, definition: &Definition) -> Option<Millis> {
        if self.quarantine.is_some() {
            return None;
        }
        let work = self
            .open_work()
            .filter_map(|(_, _, work)| match work.wait {
                Wait::Answer { until, .. } | Wait::Backoff { until } => Some(until),
                Wait::Operator { .. } => None,
            })
            .min();
        let deadline = match self.phase {
            Phase::Forward { turn: None } if !self.past_pivot(definition) => definition
                .deadline_ms
                .map(|ms| self.started_at.saturating_add(ms)),
            Phase::New
            | Phase::Forward { .. }
            | Phase::Compensating { .. }
            | Phase::Completed { .. }
            | Phase::Compensated { .. } => None,
        };
        match (work, deadline) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}
