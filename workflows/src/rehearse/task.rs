//! A task as a made-up participant gets it: the dispatch without its words.
//!
//! The one place that looks into commands. A new kind of command fails to compile here, and what it means to a
//! rehearsal is decided here and nowhere else.

use crate::definition::SAGA_POOL;
use crate::saga::{Command, Dispatch, Operation, State, UnitIndex};
use crate::{Millis, StepIndex};

/// One task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// The unit of work: its place among the saga's units. Participants know effects by it.
    pub(crate) unit: UnitIndex,
    /// The step of the definition that the unit belongs to. Profiles and scripts know steps.
    pub(crate) step: StepIndex,
    /// The number of the item, when the unit is one of an `each` step.
    pub(crate) item: Option<usize>,
    /// Whether another saga is asked, and no worker.
    pub(crate) child: bool,
    pub(crate) operation: Operation,
    /// Generation of the effect key.
    pub(crate) generation: u32,
    pub(crate) attempt: u32,
    /// Not to be started after this instant.
    pub(crate) not_after: Millis,
}

impl Task {
    /// What a command asks of a participant; a child's end is asked of nobody.
    pub(crate) fn of(state: &State, command: &Command) -> Option<Task> {
        let Command::Dispatch(Dispatch {
            step: unit,
            unit: _,
            operation,
            pool,
            task: _,
            generation,
            attempt,
            not_after,
            timeout_ms: _,
            heartbeat_ms: _,
            input: _,
        }) = command
        else {
            return None;
        };
        let step = state.step_of(*unit);
        Some(Task {
            unit: *unit,
            step,
            item: (step != *unit).then(|| *unit - state.units_of(step).start),
            child: pool == SAGA_POOL,
            operation: *operation,
            generation: *generation,
            attempt: *attempt,
            not_after: *not_after,
        })
    }

    /// The pool that a command's task goes to.
    pub(crate) fn pool(command: &Command) -> &str {
        match command {
            Command::Dispatch(dispatch) => &dispatch.pool,
            Command::Report(_) => "",
        }
    }
}
