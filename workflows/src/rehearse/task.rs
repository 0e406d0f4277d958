//! A task as a made-up participant gets it: the dispatch without its words.
//!
//! The one place that looks into commands. A new kind of command fails to compile here, and what it means to a
//! rehearsal is decided here and nowhere else.

use crate::saga::{Command, Dispatch, Operation};
use crate::{Millis, StepIndex};

/// One task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// The unit of work: its place in the saga's steps.
    pub(crate) unit: StepIndex,
    pub(crate) operation: Operation,
    /// Generation of the effect key.
    pub(crate) generation: u32,
    pub(crate) attempt: u32,
    /// Not to be started after this instant.
    pub(crate) not_after: Millis,
}

impl Task {
    /// What a command asks of a participant.
    pub(crate) fn of(command: &Command) -> Task {
        let Command::Dispatch(Dispatch {
            step,
            operation,
            pool: _,
            task: _,
            generation,
            attempt,
            not_after,
            timeout_ms: _,
            input: _,
        }) = command;
        Task {
            unit: *step,
            operation: *operation,
            generation: *generation,
            attempt: *attempt,
            not_after: *not_after,
        }
    }

    /// The pool that a command's task goes to.
    pub(crate) fn pool(command: &Command) -> &str {
        let Command::Dispatch(dispatch) = command;
        &dispatch.pool
    }
}
