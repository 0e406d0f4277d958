//! A task as a made-up participant gets it: the dispatch without its words.
//!
//! The one place that looks into commands. A new kind of command fails to compile here, and what it means to a
//! rehearsal is decided here and nowhere else.

use crate::saga::{Command, Dispatch, Operation, State, UnitIndex};
use crate::{Millis, StepIndex};

/// One task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// The unit of work: its place among the saga's units. Participants know effects by it.
    pub(crate) unit: UnitIndex,
    /// The step of the definition that the unit belongs to. Profiles and scripts know steps.
    pub(crate) step: StepIndex,
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
            pool: _,
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
        Some(Task {
            unit: *unit,
            step: state.step_of(*unit),
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
