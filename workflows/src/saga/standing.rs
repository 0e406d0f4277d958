//! What follows from a state without anything happening: its one status, what it still owes, what stands before a
//! human, when it must be looked at next.
//!
//! Derived here and nowhere else, so that the engine, the API and the tools cannot disagree about a saga.

use std::sync::Arc;

use serde_json::Value;

use super::{Forward, Operation, Phase, Problem, State, Status, StepState, Undoing, Wait, Work};
use crate::definition::{Definition, StepIndex, Undo};
use crate::{Millis, StepSet};

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
