//! Why a saga did not complete, in a step and a code.

use crate::definition::Definition;
use crate::saga::{Cause, Phase, State};

/// A reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reason {
    pub(crate) code: String,
    /// The step that it is about, when it is about one.
    pub(crate) step: Option<String>,
}

impl Reason {
    /// The step in front of a human and its problem; else the cause of the turn; else what is still tried.
    pub(crate) fn of(definition: &Definition, state: &State) -> Reason {
        let id = |step: usize| Some(definition.steps[step].id.clone());
        if let Some((step, _, problem)) = state.parked(definition).next() {
            return Reason {
                code: problem.code.clone(),
                step: id(step),
            };
        }
        match &state.phase {
            Phase::Compensating { cause } | Phase::Compensated { cause } => Reason {
                code: cause.code().to_owned(),
                step: step_of(cause).map(str::to_owned),
            },
            Phase::New | Phase::Forward { .. } | Phase::Completed { .. } => Reason {
                code: "still_trying".to_owned(),
                step: state.open_work().next().and_then(|(step, _, _)| id(step)),
            },
        }
    }
}

fn step_of(cause: &Cause) -> Option<&str> {
    match cause {
        Cause::Rejected { step, .. }
        | Cause::Failed { step, .. }
        | Cause::Unknown { step, .. }
        | Cause::Unmappable { step, .. } => Some(step),
        Cause::Cancelled { .. } | Cause::Deadline => None,
    }
}
