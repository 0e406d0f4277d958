//! What may be put before the heart, in the explorer's words, and the production input that it stands for.
//!
//! Instants, attempt numbers and budgets are not part of the explorer's states, so each question brings its own: a
//! timer question makes just the wait that it is about due, a question that spends an attempt says whether it is the
//! last one. That is how "retry" becomes "no change, or exhausted" without touching the heart.

use crate::Millis;
use crate::check::participant::Answer;
use crate::check::skeleton::{Skeleton, Unit};
use crate::definition::{Definition, Kind, SAGA_POOL};
use crate::saga::{
    Forward, Input, Message, Operation, Outcome, Problem, Served, Stamp, Start, State, StepResult,
    Undoing, Verdict, Wait, Work,
};

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ask {
    /// Somebody starts the saga.
    Start,
    /// A final answer arrives, to whatever attempt.
    Answered(Unit, Answer),
    /// The attempt that is waited for is spent.
    Spent(Unit, Operation, Spending, Budget),
    /// The deadline comes.
    Deadline,
    /// Somebody cancels.
    Cancel,
    /// An operator retries everything that stands before a human.
    Retry,
    /// An operator retries this unit.
    RetryOf(Unit),
    /// The engine could not decide.
    EngineFault,
    /// What a unit waits for comes: its time, its signal, a person's yes.
    Comes(Unit),
    /// What a unit waits for does not come in time; a person's no is the same.
    StaysAway(Unit),
    /// Something that should change nothing.
    Idle(Idle),
}

impl Ask {
    /// The unit that it is about, when it is about one.
    pub(in crate::check) fn unit(self) -> Option<Unit> {
        match self {
            Ask::Answered(unit, _)
            | Ask::Spent(unit, ..)
            | Ask::RetryOf(unit)
            | Ask::Comes(unit)
            | Ask::StaysAway(unit) => Some(unit),
            Ask::Idle(idle) => match idle {
                Idle::Unserved(unit, _)
                | Idle::Expired(unit, _)
                | Idle::Heartbeat(unit, _)
                | Idle::StaleFailure(unit, _) => Some(unit),
                Idle::StartedAgain
                | Idle::Redispatched
                | Idle::LookedAt
                | Idle::Foreign
                | Idle::CommandedAtTheEnd => None,
            },
            Ask::Start | Ask::Deadline | Ask::Cancel | Ask::Retry | Ask::EngineFault => None,
        }
    }
}

/// How an attempt is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Spending {
    /// It is answered `failed`, which closes nothing.
    Failed,
    /// It is answered `unknown` (or, asked to reconcile, `still_open`).
    Unknown,
    /// No answer in time, and silence counts: the task was taken and results are read.
    Silence,
}

impl Spending {
    /// All of them.
    pub const ALL: [Spending; 3] = [Spending::Failed, Spending::Unknown, Spending::Silence];
}

/// Whether attempts are left once this one is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Budget {
    /// Another one will be made.
    Left,
    /// It was the last one, or failed in a way that is not tried again.
    Last,
}

/// What should change nothing. It is asked all the same: if it did change something, that would be explored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Idle {
    /// Started once more.
    StartedAgain,
    /// Sent again because messages may have been lost.
    Redispatched,
    /// Looked at when nothing is due, with a stored wake-up in the past.
    LookedAt,
    /// An answer about a step that the definition does not have.
    Foreign,
    /// A wait is over, and silence means nothing: an outage.
    Unserved(Unit, Operation),
    /// A worker got the task too late to start it.
    Expired(Unit, Operation),
    /// A worker is still at it.
    Heartbeat(Unit, Operation),
    /// An attempt that is no longer waited for failed.
    StaleFailure(Unit, Operation),
    /// Cancelled, or retried, when the saga has ended.
    CommandedAtTheEnd,
}

/// Now. Later than every deadline after the start at zero.
pub(super) const NOW: Millis = 1_000_000_000_000;

/// When waits end that are not due.
pub(super) const LATER: Millis = 2 * NOW;

/// The attempt that every current attempt is, and one that never is.
const CURRENT: u32 = 1;
const STALE: u32 = 0;

/// The saga and the input for a question; `state` is one that the heart's canonical form gave.
pub(super) fn put(skeleton: &Skeleton, state: &mut State, ask: Ask) -> Input {
    match ask {
        Ask::Start | Ask::Idle(Idle::StartedAgain) => {
            Input::Start(Start::with((*state.input).clone()))
        }
        Ask::Answered(unit, answer) => {
            answered(skeleton, unit, answer.operation(), CURRENT, said(answer))
        }
        Ask::Spent(unit, operation, spending, budget) => {
            spent(skeleton, state, (unit, operation), spending, budget)
        }
        Ask::Deadline => {
            state.started_at = 0;
            Input::Timer(served(&skeleton.definition))
        }
        Ask::Cancel | Ask::Idle(Idle::CommandedAtTheEnd) => Input::Cancel(stamp()),
        Ask::Retry => Input::Retry {
            step: None,
            stamp: stamp(),
        },
        Ask::RetryOf(unit) => Input::Retry {
            step: Some(skeleton.units[unit].id.clone()),
            stamp: stamp(),
        },
        Ask::EngineFault => Input::EngineFault(nothing_said()),
        Ask::Comes(unit) => comes(skeleton, state, unit),
        Ask::StaysAway(unit) => {
            waited(state, unit);
            Input::Timer(served(&skeleton.definition))
        }
        Ask::Idle(Idle::Redispatched) => Input::Redispatch { pool: None },
        Ask::Idle(Idle::LookedAt) => Input::Timer(Served {
            stored_wake: Some(0),
            ..served(&skeleton.definition)
        }),
        Ask::Idle(Idle::Foreign) => Input::Result(StepResult {
            step: "no step of this definition".to_owned(),
            operation: Operation::Forward,
            generation: 1,
            attempt: CURRENT,
            outcome: said(Answer::Succeeded),
        }),
        Ask::Idle(Idle::Unserved(unit, operation)) => {
            due(state, unit, operation);
            Input::Timer(Served::default())
        }
        Ask::Idle(Idle::Expired(unit, operation)) => {
            answered(skeleton, unit, operation, CURRENT, Outcome::Expired)
        }
        Ask::Idle(Idle::Heartbeat(unit, operation)) => {
            answered(skeleton, unit, operation, CURRENT, Outcome::Heartbeat)
        }
        Ask::Idle(Idle::StaleFailure(unit, operation)) => {
            let failed = Outcome::Failed(nothing_said());
            answered(skeleton, unit, operation, STALE, failed)
        }
    }
}

/// What a unit waits for. A signal that came before its wait is one that comes at its first moment: nothing else in
/// the saga looks at signals, so keeping it and sending it then are the same.
fn comes(skeleton: &Skeleton, state: &mut State, unit: Unit) -> Input {
    let step = skeleton.step(unit);
    match &step.kind {
        Kind::Wait(wait) => Input::Signal(Message {
            key: "a signal".to_owned(),
            name: wait.signal.clone(),
            payload: serde_json::Value::Null,
        }),
        Kind::Approve { roles, .. } => Input::Decide(Verdict {
            step: skeleton.units[unit].id.clone(),
            approved: true,
            roles: roles.clone(),
            stamp: stamp(),
        }),
        Kind::Sleep { .. } | Kind::Task(_) | Kind::Saga(_) => {
            waited(state, unit);
            Input::Timer(served(&skeleton.definition))
        }
    }
}

/// Lets the wait of this unit be over, and of no other.
fn waited(state: &mut State, unit: Unit) {
    if let Forward::Waiting { until, .. } = &mut state.steps[unit].forward {
        *until = 0;
    }
}

fn spent(
    skeleton: &Skeleton,
    state: &mut State,
    (unit, operation): (Unit, Operation),
    spending: Spending,
    budget: Budget,
) -> Input {
    let mut problem = nothing_said();
    if budget == Budget::Last
        && let Some(retry) = skeleton.retry(unit, operation)
    {
        if let (Some(max), Some(work)) = (retry.attempts_max, work(state, unit, operation)) {
            work.spent = max.saturating_sub(1);
        } else if let Some(code) = retry.unless.first() {
            problem.code.clone_from(code);
        }
    }
    let outcome = match (spending, operation) {
        (Spending::Silence, _) => {
            due(state, unit, operation);
            return Input::Timer(served(&skeleton.definition));
        }
        (Spending::Failed, _) => Outcome::Failed(problem),
        (Spending::Unknown, Operation::Reconcile) => Outcome::StillOpen(problem),
        (Spending::Unknown, Operation::Forward | Operation::Compensate) => {
            Outcome::Unknown(problem)
        }
    };
    answered(skeleton, unit, operation, CURRENT, outcome)
}

fn answered(
    skeleton: &Skeleton,
    unit: Unit,
    operation: Operation,
    attempt: u32,
    outcome: Outcome,
) -> Input {
    Input::Result(StepResult {
        step: skeleton.units[unit].id.clone(),
        operation,
        generation: 1,
        attempt,
        outcome,
    })
}

fn said(answer: Answer) -> Outcome {
    match answer {
        Answer::Succeeded | Answer::Undone => Outcome::Succeeded(serde_json::Value::Null),
        Answer::Rejected => Outcome::Rejected(nothing_said()),
        Answer::Refused => Outcome::Refused,
        Answer::Applied => Outcome::Applied(serde_json::Value::Null),
        Answer::Closed => Outcome::Closed(nothing_said()),
    }
}

/// Lets the wait of this work be over, and of no other.
fn due(state: &mut State, unit: Unit, operation: Operation) {
    if let Some(work) = work(state, unit, operation) {
        work.wait = Wait::Answer {
            sent_at: 0,
            until: 0,
        };
    }
}

/// The work of an operation, when it is under way.
fn work(state: &mut State, unit: Unit, operation: Operation) -> Option<&mut Work> {
    let step = &mut state.steps[unit];
    match operation {
        Operation::Compensate => match &mut step.undoing {
            Undoing::Open(work) => Some(work),
            Undoing::NotStarted | Undoing::Done => None,
        },
        Operation::Forward | Operation::Reconcile => match &mut step.forward {
            Forward::Open {
                operation: now,
                work,
            } if *now == operation => Some(work),
            Forward::Pending
            | Forward::Skipped
            | Forward::Blocked { .. }
            | Forward::Waiting { .. }
            | Forward::FannedOut
            | Forward::Open { .. }
            | Forward::Succeeded { .. }
            | Forward::Closed { .. }
            | Forward::GivenUp { .. } => None,
        },
    }
}

/// Every pool was seen with an empty queue, and every result was read.
fn served(definition: &Definition) -> Served {
    Served {
        results_read_until: NOW,
        drained_at: definition
            .pools()
            .into_iter()
            .chain([SAGA_POOL.to_owned()])
            .map(|pool| (pool, NOW))
            .collect(),
        stored_wake: None,
    }
}

fn stamp() -> Stamp {
    Stamp {
        key: "a command".to_owned(),
        by: String::new(),
        reason: String::new(),
    }
}

/// No definition lists the empty code under `unless`, so this one is always tried again.
pub(super) fn nothing_said() -> Problem {
    Problem::new("", "")
}
