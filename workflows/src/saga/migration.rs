//! Whether a saga may go on under another version of its definition, and as what.
//!
//! The version must know every step that the saga has come to, as the same: what was asked for under one meaning must
//! not be undone or waited for under another. What the saga has not come to is free. Whether it ends well from there is
//! not asked here but by the explorer (`check::explore_from`).

use super::{Event, Forward, Refusal, Stamp, State, StepState, evolve};
use crate::definition::diff::diff;
use crate::definition::{Definition, StepIndex};

/// The saga under the other version, and the fact of it.
pub fn moved(
    from: &Definition,
    to: &Definition,
    state: &State,
    stamp: &Stamp,
) -> Result<(State, Event), Refusal> {
    if from.name != to.name {
        return Err(Refusal::OtherDefinition {
            from: from.name.clone(),
            to: to.name.clone(),
        });
    }
    let touched = diff(from, to).touched;
    let met = state
        .come_to()
        .find(|&step| touched.contains(&from.steps[step].id));
    if let Some(step) = met {
        return Err(Refusal::CameTo {
            step: from.steps[step].id.clone(),
            version: to.version,
        });
    }
    let fact = Event::Migrated {
        from: from.hash.clone(),
        to: to.hash.clone(),
        steps: from.steps.iter().map(|step| step.id.clone()).collect(),
        stamp: stamp.key.clone(),
        by: stamp.by.clone(),
        reason: stamp.reason.clone(),
    };
    let mut next = state.clone();
    evolve(to, &mut next, &fact)?;
    Ok((next, fact))
}

impl State {
    /// The steps of the definition that the saga has come to: somebody was asked, or what follows rests on it.
    fn come_to(&self) -> impl Iterator<Item = StepIndex> {
        let own = self.steps.iter().take(self.own_steps());
        own.enumerate()
            .filter(|(_, step)| step.is_come_to())
            .map(|(index, _)| index)
    }
}

impl StepState {
    fn is_come_to(&self) -> bool {
        let nobody_was_asked = self.attempts == 0 && self.generation == 1;
        match self.forward {
            Forward::Pending | Forward::Blocked { .. } => self.passed || !nobody_was_asked,
            Forward::Skipped
            | Forward::Waiting { .. }
            | Forward::FannedOut
            | Forward::Open { .. }
            | Forward::Succeeded { .. }
            | Forward::Closed { .. }
            | Forward::GivenUp { .. } => true,
        }
    }
}
