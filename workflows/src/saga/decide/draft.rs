//! A decision being made: facts are folded as they are found, so that what follows sees them.

use serde_json::Value;

use super::{Decision, Ignored, Meaning, Moment, Refusal};
use crate::definition::{Compensate, Definition, Step, TaskName};
use crate::expression::{Mapping, SagaFacts, Scope};
use crate::saga::{Command, Dispatch, Event, Operation, Problem, State, evolve};
use crate::{Millis, StepIndex};

/// State, facts and commands so far.
pub(super) struct Draft<'a> {
    pub(super) definition: &'a Definition,
    pub(super) state: State,
    pub(super) moment: Moment,
    events: Vec<Event>,
    commands: Vec<Command>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(definition: &'a Definition, state: &State, moment: Moment) -> Self {
        Draft {
            definition,
            state: state.clone(),
            moment,
            events: Vec::new(),
            commands: Vec::new(),
        }
    }

    /// Ends the draft. Without a fact there is no news, whatever was tried.
    pub(super) fn finish(self, ignored: Option<Ignored>) -> Decision {
        let meaning = match ignored {
            None if self.events.is_empty() => Meaning::Ignored(Ignored::Known),
            None => Meaning::News,
            Some(why) => Meaning::Ignored(why),
        };
        Decision {
            events: self.events,
            commands: self.commands,
            next: self.state,
            meaning,
        }
    }

    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    pub(super) fn now(&self) -> Millis {
        self.moment.now
    }

    pub(super) fn step(&self, index: StepIndex) -> &'a Step {
        &self.definition.steps[index]
    }

    pub(super) fn step_id(&self, index: StepIndex) -> String {
        self.definition.steps[index].id.clone()
    }

    /// A new fact: folded at once.
    pub(super) fn emit(&mut self, event: Event) -> Result<(), Refusal> {
        evolve(self.definition, &mut self.state, &event)?;
        self.events.push(event);
        Ok(())
    }

    /// Sends an attempt of `operation`, with the input that its mapping makes. A mapping that cannot be
    /// evaluated is the caller's to handle: nothing was recorded then.
    pub(super) fn dispatch(
        &mut self,
        index: StepIndex,
        operation: Operation,
        attempt: u32,
    ) -> Result<Result<(), Problem>, Refusal> {
        let definition = self.definition;
        let (task, mapping, timeout_ms) = match asked(&definition.steps[index], operation) {
            Ok(found) => found,
            Err(problem) => return Ok(Err(problem)),
        };
        let input = match self.evaluate(mapping) {
            Ok(input) => input,
            Err(problem) => return Ok(Err(problem)),
        };
        let until = self.now().saturating_add(timeout_ms);
        self.emit(Event::Dispatched {
            step: definition.steps[index].id.clone(),
            operation,
            attempt,
            at: self.now(),
            until,
        })?;
        self.commands.push(Command::Dispatch(Dispatch {
            step: index,
            operation,
            pool: task.pool.clone(),
            task: task.task.clone(),
            generation: self.state.steps[index].generation,
            attempt,
            not_after: until,
            timeout_ms,
            input,
        }));
        Ok(Ok(()))
    }

    /// Evaluates a mapping over this saga.
    pub(super) fn evaluate(&self, mapping: &Mapping) -> Result<Value, Problem> {
        self.state
            .with_scope(self.definition, |scope| mapping.evaluate(scope))
            .map_err(unmappable)
    }

    /// Whether the step's condition holds; a step without one always runs.
    pub(super) fn wanted(&self, index: StepIndex) -> Result<bool, Problem> {
        match &self.step(index).when {
            None => Ok(true),
            Some(when) => self
                .state
                .with_scope(self.definition, |scope| when.evaluate(scope))
                .map_err(unmappable),
        }
    }
}

impl State {
    /// Runs `read` with what this saga's expressions may see.
    pub(crate) fn with_scope<R>(
        &self,
        definition: &Definition,
        read: impl FnOnce(&Scope<'_>) -> R,
    ) -> R {
        let outputs = |step: &str| {
            definition
                .step_index(step)
                .and_then(|index| self.output(index))
        };
        let saga = SagaFacts {
            id: &self.id,
            started_at: self.started_at,
        };
        read(&Scope {
            input: &self.input,
            outputs: &outputs,
            saga,
        })
    }
}

fn unmappable(error: impl std::fmt::Display) -> Problem {
    Problem::new("unmappable", error.to_string())
}

/// The task, mapping and patience for an operation of a step.
fn asked(step: &Step, operation: Operation) -> Result<(&TaskName, &Mapping, Millis), Problem> {
    match operation {
        Operation::Forward => Ok((&step.task, &step.input, step.timeout_ms)),
        Operation::Reconcile => match &step.reconcile {
            Some(reconcile) => Ok((&reconcile.task, &step.input, reconcile.timeout_ms)),
            None => Err(Problem::new(
                "not_reconcilable",
                "the definition has no reconcile task",
            )),
        },
        Operation::Compensate => match compensation(step) {
            Some(undo) => Ok((&undo.task, &undo.input, undo.timeout_ms)),
            None => Err(Problem::new(
                "not_compensable",
                "the definition has no compensation",
            )),
        },
    }
}

/// The compensation of a step, when it has one.
pub(super) fn compensation(step: &Step) -> Option<&Compensate> {
    use crate::definition::Undo;
    match &step.undo {
        Undo::Compensate(compensate) => Some(compensate),
        Undo::Nothing { .. } | Undo::Readonly | Undo::OnlyForward => None,
    }
}
