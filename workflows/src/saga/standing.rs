//! What follows from a state without anything happening: its one status, what it still owes, what stands before a
//! human, when it must be looked at next.
//!
//! Derived here and nowhere else, so that the engine, the API and the tools cannot disagree about a saga.

use std::sync::Arc;

use serde_json::Value;

use super::{
    Forward, Operation, Phase, Problem, State, Status, StepState, Undoing, UnitIndex, Wait, Work,
};
use crate::definition::{Definition, OnFailure, OnUnknown, StepIndex, Undo};
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
            fans: Vec::new(),
            signals: Vec::new(),
            parent: None,
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
            Phase::Forward { turn: None } if self.only_waits() => Status::Waiting,
            Phase::New | Phase::Forward { .. } => Status::Running,
            Phase::Compensating { .. } => Status::Compensating,
        }
    }

    /// Whether nothing is out, and time, a signal or a person is waited for.
    fn only_waits(&self) -> bool {
        let waits = |step: &StepState| matches!(step.forward, Forward::Waiting { .. });
        self.open_work().next().is_none() && self.steps.iter().any(waits)
    }

    /// How many of the units are steps of the definition; items come behind them.
    pub fn own_steps(&self) -> usize {
        self.fans.first().map_or(self.steps.len(), |fan| fan.first)
    }

    /// The step of the definition that a unit belongs to.
    pub fn step_of(&self, unit: UnitIndex) -> StepIndex {
        self.fans
            .iter()
            .rev()
            .find(|fan| fan.first <= unit)
            .map_or(unit, |fan| fan.step)
    }

    /// The item that a unit works on.
    pub fn item_of(&self, unit: UnitIndex) -> Option<&Value> {
        let fan = self.fans.iter().rev().find(|fan| fan.first <= unit)?;
        fan.items.get(unit - fan.first)
    }

    /// The units of an `each` step that was started.
    pub fn units_of(&self, step: StepIndex) -> std::ops::Range<UnitIndex> {
        self.fans
            .iter()
            .find(|fan| fan.step == step)
            .map_or(0..0, |fan| fan.first..fan.first + fan.items.len())
    }

    /// A unit's name: its step's id, or `step:item`; it is part of the effect key.
    pub fn unit_name(&self, definition: &Definition, unit: UnitIndex) -> String {
        let id = &definition.steps[self.step_of(unit)].id;
        let fan = self.fans.iter().rev().find(|fan| fan.first <= unit);
        match fan {
            Some(fan) => format!("{id}:{}", unit - fan.first),
            None => id.clone(),
        }
    }

    /// The unit with this name.
    pub fn unit(&self, definition: &Definition, name: &str) -> Option<UnitIndex> {
        let Some((id, item)) = name.split_once(':') else {
            return definition.step_index(name);
        };
        let units = self.units_of(definition.step_index(id)?);
        // One name a unit: `step:07` and `step:+7` are names of nothing.
        let number: usize = item
            .parse()
            .ok()
            .filter(|n: &usize| n.to_string() == item)?;
        (number < units.len()).then(|| units.start + number)
    }

    /// Steps whose forward effect happened, was skipped or passed over.
    pub fn done(&self) -> StepSet {
        self.set_of(|step| step.is_done())
    }

    /// The steps of the definition for which `is` holds.
    pub fn set_of(&self, is: impl Fn(&StepState) -> bool) -> StepSet {
        self.steps
            .iter()
            .take(self.own_steps())
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
                | Forward::Waiting { .. }
                | Forward::FannedOut
                | Forward::Succeeded { .. }
                | Forward::Closed { .. } => false,
            })
    }

    /// Whether this unit has something to undo that is not undone yet (meaningful while compensating). A step with
    /// `each` has done nothing by itself, also when it has succeeded: its items have.
    pub fn owes_undo(&self, definition: &Definition, index: UnitIndex) -> bool {
        let step = self.step_of(index);
        let compensable = match definition.steps[step].undo {
            Undo::Compensate(_) => index != step || definition.steps[step].each.is_none(),
            Undo::Nothing { .. } | Undo::Readonly | Undo::OnlyForward => false,
        };
        compensable && self.steps[index].is_unclosed() && self.steps[index].undoing != Undoing::Done
    }

    /// The steps that have something to undo, themselves or in one of their items.
    pub fn owing(&self, definition: &Definition) -> StepSet {
        (0..self.steps.len())
            .filter(|&unit| self.owes_undo(definition, unit))
            .map(|unit| self.step_of(unit))
            .fold(StepSet::EMPTY, StepSet::with)
    }

    /// The units in front of a human, with the operation that an operator's retry would repeat, and why.
    pub fn parked<'a>(
        &'a self,
        definition: &'a Definition,
    ) -> impl Iterator<Item = (UnitIndex, Operation, &'a Problem)> + 'a {
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
                if let Some(problem) = step.failure() {
                    let parks = definition.steps[self.step_of(index)].on_failure == OnFailure::Park;
                    return (forward && (past || parks)).then_some((
                        index,
                        Operation::Forward,
                        problem,
                    ));
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
            })
    }

    /// The work that is under way in the present phase: what timers look at.
    pub fn open_work(&self) -> impl Iterator<Item = (UnitIndex, Operation, &Work)> {
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

    /// The units that wait for time, a signal or a person, while the saga goes forward.
    pub fn waiting(&self) -> impl Iterator<Item = (UnitIndex, Millis)> {
        let forward = self.phase == Phase::Forward { turn: None };
        self.steps
            .iter()
            .enumerate()
            .filter_map(move |(index, step)| match step.forward {
                Forward::Waiting { until, .. } if forward => Some((index, until)),
                Forward::Waiting { .. }
                | Forward::Pending
                | Forward::Skipped
                | Forward::Blocked { .. }
                | Forward::FannedOut
                | Forward::Open { .. }
                | Forward::Succeeded { .. }
                | Forward::Closed { .. }
                | Forward::GivenUp { .. } => None,
            })
    }

    /// The last moment for all attempts of this unit together, when its definition has one.
    pub fn step_limit(
        &self,
        definition: &Definition,
        unit: UnitIndex,
        operation: Operation,
        work: &Work,
    ) -> Option<Millis> {
        let step = &definition.steps[self.step_of(unit)];
        let limited = operation == Operation::Forward && step.on_unknown != OnUnknown::Retry;
        let after = step.step_timeout_ms.filter(|_| limited)?;
        work.since.map(|since| since.saturating_add(after))
    }

    /// "Look at me no later than this": the earliest instant at which something is due by itself.
    pub fn next_wake(&self, definition: &Definition) -> Option<Millis> {
        if self.quarantine.is_some() {
            return None;
        }
        let work = self
            .open_work()
            .filter_map(|(unit, operation, work)| match work.wait {
                Wait::Answer { until, .. } | Wait::Backoff { until } => {
                    let limit = self.step_limit(definition, unit, operation, work);
                    Some(limit.map_or(until, |limit| limit.min(until)))
                }
                Wait::Operator { .. } => None,
            })
            .chain(self.waiting().map(|(_, until)| until))
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
