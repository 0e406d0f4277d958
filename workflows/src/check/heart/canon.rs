//! Which sagas are the same to the explorer.
//!
//! Dropped is what `decide` writes down but does not branch on, or branches on only through a question that says it
//! itself: instants, attempt numbers, spent attempts, generations, stamps, outputs, texts. A backoff is an answer
//! waited for: the attempt that it waits for goes out when its instant comes, nothing else can happen to it before
//! that could not happen after, and an inconclusive answer in between is stale.
//!
//! More is dropped on the way back, where most states are: whether forward attempts were still out or given up, or
//! what is known about an effect that is undone, no longer leads anywhere. The pivot is left as it is; what a saga
//! may do hangs on it. At the end nothing leads anywhere.
//!
//! None of this is believed: a test follows the sagas themselves and finds that each step of theirs is one of their
//! class (`tests`).

use std::sync::Arc;

use serde_json::Value;

use super::ask::{LATER, NOW, nothing_said};
use crate::check::skeleton::{self, Skeleton};
use crate::definition::OnUnknown;
use crate::saga::{
    Cause, Forward, Operation, Phase, Problem, State, StepState, Undoing, Wait, Work,
};

/// The code of work that cannot be sent: its input cannot be made, today or tomorrow.
const UNMAPPABLE: &str = "unmappable";

/// The saga that stands for all that are the same.
pub(crate) fn canonical(skeleton: &Skeleton, state: State) -> State {
    let phase = phase(state.phase);
    let kind = Kind::of(&phase);
    let steps = state
        .steps
        .into_iter()
        // What the engine puts behind the items when a step starts; they have their places already.
        .take(skeleton.units.len())
        .enumerate()
        .map(|(unit, step)| self::step(skeleton, unit, kind, step))
        .collect();
    State {
        started_at: NOW,
        input: Arc::clone(&skeleton.all_made),
        id: state.id,
        traceparent: None,
        phase,
        steps,
        fans: skeleton.fans.clone(),
        signals: Vec::new(),
        parent: None,
        quarantine: state.quarantine.map(|_| nothing_said()),
        stamps: Vec::new(),
    }
}

/// Which way a saga goes, as far as its steps are concerned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    On,
    Back,
    Ended,
}

impl Kind {
    fn of(phase: &Phase) -> Kind {
        match phase {
            Phase::New | Phase::Forward { turn: _ } => Kind::On,
            Phase::Compensating { cause: _ } => Kind::Back,
            Phase::Completed { output: _ } | Phase::Compensated { cause: _ } => Kind::Ended,
        }
    }
}

fn phase(phase: Phase) -> Phase {
    match phase {
        Phase::New => Phase::New,
        Phase::Forward { turn } => Phase::Forward {
            turn: turn.map(|_| Cause::Deadline),
        },
        Phase::Compensating { cause: _ } => Phase::Compensating {
            cause: Cause::Deadline,
        },
        Phase::Completed { output: _ } => Phase::Completed {
            output: Arc::new(Value::Null),
        },
        Phase::Compensated { cause: _ } => Phase::Compensated {
            cause: Cause::Deadline,
        },
    }
}

fn step(skeleton: &Skeleton, unit: usize, kind: Kind, step: StepState) -> StepState {
    let passed = step.passed;
    let waits_again =
        step.was_asked_for() && matches!(step.forward, Forward::Pending | Forward::Blocked { .. });
    let given_up = matches!(step.forward, Forward::GivenUp { .. });
    let forward = forward(skeleton, unit, step.forward);
    let undoing = undoing(step.undoing);
    match kind {
        Kind::Ended => StepState::fresh(),
        Kind::Back if !skeleton.step(unit).pivot => {
            on_the_way_back(skeleton, unit, waits_again, forward, undoing)
        }
        Kind::On | Kind::Back => StepState {
            passed,
            // What was given up may be let go on, and wait then.
            attempts: u32::from(waits_again || given_up),
            ..standing(forward, undoing)
        },
    }
}

/// Attempt numbers start anew: the heart compares them with those in answers, and questions say which they mean. Whoever
/// calls this keeps that there were some, when something that was asked for waits for its turn again.
fn standing(forward: Forward, undoing: Undoing) -> StepState {
    StepState {
        forward,
        undoing,
        ..StepState::fresh()
    }
}

/// Settled (it owes nothing and never will), undone, known to be there, or anything else that is owed.
fn on_the_way_back(
    skeleton: &Skeleton,
    unit: usize,
    waits_again: bool,
    forward: Forward,
    undoing: Undoing,
) -> StepState {
    let settled = |undoing| {
        let problem = nothing_said();
        standing(Forward::Closed { problem }, undoing)
    };
    match skeleton.units[unit].undoing {
        skeleton::Undoing::Left | skeleton::Undoing::Never => return settled(Undoing::NotStarted),
        skeleton::Undoing::Undone => {}
    }
    match (forward, undoing) {
        (_, Undoing::Done) => settled(Undoing::Done),
        (_, undoing) if waits_again => {
            let problem = nothing_said();
            standing(Forward::GivenUp { problem }, undoing)
        }
        (
            Forward::Pending
            | Forward::Skipped
            | Forward::Blocked { .. }
            | Forward::Waiting { .. }
            | Forward::FannedOut
            | Forward::Closed { .. },
            Undoing::NotStarted | Undoing::Open(_),
        ) => settled(Undoing::NotStarted),
        (known @ Forward::Succeeded { .. }, undoing) => standing(known, undoing),
        (Forward::Open { .. } | Forward::GivenUp { .. }, undoing) => {
            let problem = nothing_said();
            standing(Forward::GivenUp { problem }, undoing)
        }
    }
}

fn forward(skeleton: &Skeleton, unit: usize, forward: Forward) -> Forward {
    let problem = nothing_said();
    match forward {
        Forward::Pending => Forward::Pending,
        Forward::Skipped => Forward::Skipped,
        Forward::Blocked { problem: _ } => Forward::Blocked { problem },
        Forward::Waiting { since: _, until: _ } => Forward::Waiting {
            since: NOW,
            until: LATER,
        },
        Forward::FannedOut => Forward::FannedOut,
        Forward::Succeeded { output: _ } => Forward::Succeeded {
            output: Arc::new(Value::Null),
        },
        Forward::Closed { problem: _ } => Forward::Closed { problem },
        Forward::GivenUp { problem: _ } => Forward::GivenUp { problem },
        Forward::Open { operation, work } => {
            let matters = match operation {
                Operation::Forward => doubt_matters(skeleton, unit),
                Operation::Compensate | Operation::Reconcile => false,
            };
            Forward::Open {
                operation,
                work: self::work(work, matters),
            }
        }
    }
}

/// Whether attempts that ran out mean something else when one of them may have acted.
fn doubt_matters(skeleton: &Skeleton, unit: usize) -> bool {
    let step = skeleton.step(unit);
    match step.on_unknown {
        // A pivot that ran out is asked about, or parked, doubt or not.
        OnUnknown::Compensate => false,
        OnUnknown::Retry | OnUnknown::Reconcile | OnUnknown::Operator => !step.pivot,
    }
}

fn undoing(undoing: Undoing) -> Undoing {
    match undoing {
        Undoing::NotStarted => Undoing::NotStarted,
        Undoing::Open(work) => Undoing::Open(self::work(work, false)),
        Undoing::Done => Undoing::Done,
    }
}

fn work(work: Work, doubt_matters: bool) -> Work {
    Work {
        attempt: 1,
        since: Some(NOW),
        spent: 0,
        doubtful: doubt_matters && work.doubtful,
        wait: match work.wait {
            Wait::Answer { .. } | Wait::Backoff { .. } => Wait::Answer {
                sent_at: NOW,
                until: LATER,
            },
            Wait::Operator { problem } => Wait::Operator {
                problem: if is_unmappable(&problem) {
                    Problem::new(UNMAPPABLE, "")
                } else {
                    nothing_said()
                },
            },
        },
    }
}

/// Whether something stands before a human because its input cannot be made.
pub(crate) fn is_unmappable(problem: &Problem) -> bool {
    problem.code == UNMAPPABLE
}

/// What tells a canonical saga from every other: its phase, then one word for each unit.
pub(super) fn code(state: &State) -> Box<[u16]> {
    let phase = match &state.phase {
        Phase::New => 0,
        Phase::Forward { turn: None } => 1,
        Phase::Forward { turn: Some(_) } => 2,
        Phase::Compensating { cause: _ } => 3,
        Phase::Completed { output: _ } => 4,
        Phase::Compensated { cause: _ } => 5,
    };
    let set_aside = u16::from(state.quarantine.is_some()) << 8;
    let units = state.steps.iter().map(|step| {
        let passed = u16::from(step.passed) << 15;
        let asked = u16::from(step.was_asked_for()) << 14;
        passed | asked | forward_code(&step.forward) << 8 | undoing_code(&step.undoing)
    });
    std::iter::once(phase | set_aside).chain(units).collect()
}

fn forward_code(forward: &Forward) -> u16 {
    match forward {
        Forward::Pending => 0,
        Forward::Skipped => 1,
        Forward::Blocked { .. } => 2,
        Forward::Succeeded { .. } => 3,
        Forward::Closed { .. } => 4,
        Forward::GivenUp { .. } => 5,
        Forward::Waiting { .. } => 6,
        Forward::FannedOut => 7,
        Forward::Open { operation, work } => {
            let operation = match operation {
                Operation::Forward => 0,
                Operation::Reconcile => 1,
                Operation::Compensate => 2,
            };
            let doubt = u16::from(work.doubtful);
            16 + operation * 8 + doubt * 4 + wait_code(&work.wait)
        }
    }
}

fn undoing_code(undoing: &Undoing) -> u16 {
    match undoing {
        Undoing::NotStarted => 0,
        Undoing::Done => 1,
        Undoing::Open(work) => 2 + wait_code(&work.wait),
    }
}

fn wait_code(wait: &Wait) -> u16 {
    match wait {
        Wait::Answer { .. } => 0,
        Wait::Backoff { .. } => 1,
        Wait::Operator { problem } => 2 + u16::from(is_unmappable(problem)),
    }
}
