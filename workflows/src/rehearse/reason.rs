//! Why a saga did not complete, in a step and a code.

use crate::definition::Definition;
use crate::saga::{Cause, Phase, State, UnitIndex};

/// A reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reason {
    pub(crate) code: String,
    /// The step that it is about, when it is about one; also when it is about one of its items.
    pub(crate) step: Option<String>,
}

impl Reason {
    /// The step in front of a human and its problem; else the cause of the turn; else what is still tried.
    pub(crate) fn of(definition: &Definition, state: &State) -> Reason {
        let id = |unit: UnitIndex| Some(definition.steps[state.step_of(unit)].id.clone());
        if let Some((unit, _, problem)) = state.parked(definition).next() {
            return Reason {
                code: problem.code.clone(),
                step: id(unit),
            };
        }
        match &state.phase {
            Phase::Compensating { cause } | Phase::Compensated { cause } => Reason {
                code: cause.code().to_owned(),
                step: step_of(cause).map(str::to_owned),
            },
            Phase::New | Phase::Forward { .. } | Phase::Completed { .. } => Reason {
                code: "still_trying".to_owned(),
                step: state.open_work().next().and_then(|(unit, _, _)| id(unit)),
            },
        }
    }
}

fn step_of(cause: &Cause) -> Option<&str> {
    match cause {
        Cause::Rejected { step, .. }
        | Cause::Failed { step, .. }
        | Cause::Unknown { step, .. }
        | Cause::Unmappable { step, .. } => Some(step_of_unit(step)),
        Cause::Cancelled { .. } | Cause::Deadline => None,
    }
}

/// The step's id in a unit's name (`step` or `step:item`).
pub(crate) fn step_of_unit(name: &str) -> &str {
    name.split_once(':').map_or(name, |(step, _)| step)
}
