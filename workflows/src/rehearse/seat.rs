//! A saga in its seat: the state, and the door through which everything that happens to it goes.
//!
//! Both loops, that of one saga alone and that of many sagas who share workers, drive sagas through here. Nothing
//! is decided in this file but what production decides.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{MILLI, Micros, Task};
use crate::definition::{Definition, SAGA_POOL};
use crate::saga::{
    Command, Decision, Event, Input, Moment, Outcome, Refusal, Served, Start, State, Status,
    StepResult, decide,
};
use crate::{Millis, StepIndex};

/// The id of every rehearsed saga. Expressions may read it; nothing may depend on it.
const ID: &str = "00000000-0000-8000-8000-000000000001";

/// One saga.
#[derive(Debug)]
pub(crate) struct Seat<'d> {
    pub(crate) definition: &'d Definition,
    pub(crate) state: State,
}

/// What followed from an input.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    pub(crate) events: Vec<Event>,
    pub(crate) commands: Vec<Command>,
}

impl<'d> Seat<'d> {
    /// A saga that nobody has started.
    pub(crate) fn new(definition: &'d Definition) -> Seat<'d> {
        Seat {
            definition,
            state: State::unborn(ID, definition),
        }
    }

    /// Decides what an input means; news is taken over. Without news nothing follows.
    pub(crate) fn put(
        &mut self,
        input: &Input,
        now: Micros,
        jitter_permille: u16,
    ) -> Result<Followed, Refusal> {
        let moment = Moment {
            now: now / MILLI,
            jitter_permille,
        };
        let Decision {
            events,
            commands,
            next,
            meaning,
        } = decide(self.definition, &self.state, input, moment)?;
        if !meaning.is_news() {
            return Ok(Followed::default());
        }
        self.state = next;
        Ok(Followed { events, commands })
    }

    /// When the saga must be looked at, if nothing happens before.
    pub(crate) fn next_wake(&self) -> Option<Micros> {
        let wake: Option<Millis> = self.state.next_wake(self.definition);
        wake.map(|at| at.saturating_mul(MILLI))
    }

    pub(crate) fn status(&self) -> Status {
        self.state.status(self.definition)
    }

    /// An answer to a task, as the saga hears it.
    pub(crate) fn answer(&self, task: &Task, outcome: Outcome) -> Input {
        Input::Result(StepResult {
            step: self.state.unit_name(self.definition, task.unit),
            operation: task.operation,
            generation: task.generation,
            attempt: task.attempt,
            outcome,
        })
    }

    pub(crate) fn id_of(&self, step: StepIndex) -> &'d str {
        &self.definition.steps[step].id
    }
}

/// The start of a saga.
pub(crate) fn start(input: Value) -> Input {
    Input::Start(Start::with(input))
}

/// A look at what is due where every pool has workers and every result is read: silence counts.
pub(crate) fn look(definition: &Definition) -> Input {
    let drained_at: BTreeMap<String, Millis> = definition
        .pools()
        .into_iter()
        .chain([SAGA_POOL.to_owned()])
        .map(|pool| (pool, Millis::MAX))
        .collect();
    Input::Timer(Served {
        results_read_until: Millis::MAX,
        drained_at,
        stored_wake: None,
    })
}
