//! A decision being made: facts are folded as they are found, so that what follows sees them.

use serde_json::Value;

use super::{Decision, Ignored, Meaning, Moment, Refusal};
use crate::Millis;
use crate::definition::{Compensate, Definition, Step, TaskName};
use crate::expression::{Mapping, SagaFacts, Scope};
use crate::saga::{Command, Dispatch, Event, Operation, Problem, State, UnitIndex, evolve};

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

    /// The step of the definition that a unit belongs to.
    pub(super) fn step(&self, unit: UnitIndex) -> &'a Step {
        &self.definition.steps[self.state.step_of(unit)]
    }

    /// The unit's name in facts.
    pub(super) fn step_id(&self, unit: UnitIndex) -> String {
        self.state.unit_name(self.definition, unit)
    }

    /// Asks the world for something once the facts are committed.
    pub(super) fn command(&mut self, command: Command) {
        self.commands.push(command);
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
        index: UnitIndex,
        operation: Operation,
        attempt: u32,
    ) -> Result<Result<(), Problem>, Refusal> {
        let step = self.step(index);
        let (task, mapping, timeout_ms) = match asked(step, operation) {
            Ok(found) => found,
            Err(problem) => return Ok(Err(problem)),
        };
        let input = match self.evaluate_for(index, mapping).and_then(bounded) {
            Ok(input) => input,
            Err(problem) => return Ok(Err(problem)),
        };
        let heartbeat_ms = heartbeat(step, operation);
        let patience = heartbeat_ms.map_or(timeout_ms, |heartbeat| heartbeat.min(timeout_ms));
        let until = self.now().saturating_add(patience);
        self.emit(Event::Dispatched {
            step: self.step_id(index),
            operation,
            attempt,
            at: self.now(),
            until,
        })?;
        self.commands.push(Command::Dispatch(Dispatch {
            step: index,
            unit: self.step_id(index),
            operation,
            pool: task.pool.clone(),
            task: task.task.clone(),
            generation: self.state.steps[index].generation,
            attempt,
            not_after: self.now().saturating_add(timeout_ms),
            timeout_ms,
            heartbeat_ms,
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

    /// Evaluates a mapping over this saga and the item that a unit works on.
    fn evaluate_for(&self, unit: UnitIndex, mapping: &Mapping) -> Result<Value, Problem> {
        let seen = Seen {
            item: self.state.item_of(unit),
            signal: None,
        };
        self.state
            .with_scope_and(self.definition, seen, |scope| mapping.evaluate(scope))
            .map_err(unmappable)
    }

    /// Whether the step's condition holds; a step without one always runs.
    pub(super) fn wanted(&self, index: UnitIndex) -> Result<bool, Problem> {
        match &self.step(index).when {
            None => Ok(true),
            Some(when) => self
                .state
                .with_scope(self.definition, |scope| when.evaluate(scope))
                .map_err(unmappable),
        }
    }
}

/// What an expression sees beside the saga itself.
#[derive(Clone, Copy, Default)]
pub(crate) struct Seen<'a> {
    /// The item that a unit works on.
    pub item: Option<&'a Value>,
    /// The payload of a signal.
    pub signal: Option<&'a Value>,
}

impl State {
    /// Runs `read` with what this saga's expressions may see.
    pub(crate) fn with_scope<R>(
        &self,
        definition: &Definition,
        read: impl FnOnce(&Scope<'_>) -> R,
    ) -> R {
        self.with_scope_and(definition, Seen::default(), read)
    }

    /// The same, with an item or a signal.
    pub(crate) fn with_scope_and<R>(
        &self,
        definition: &Definition,
        seen: Seen<'_>,
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
            item: seen.item,
            signal: seen.signal,
        })
    }
}

/// The input of a task has at most so many bytes of JSON: two outputs of the largest kind, and half a message. What
/// is larger would end the channel of everybody whose tasks travel beside it.
const INPUT_BYTES_MAX: usize = 512 * 1024;

/// An input that fits into a message.
fn bounded(input: Value) -> Result<Value, Problem> {
    let mut room = Room(INPUT_BYTES_MAX);
    match serde_json::to_writer(&mut room, &input) {
        Ok(()) => Ok(input),
        Err(_) => Err(Problem::new(
            "input_too_large",
            format!("the task's input is larger than {INPUT_BYTES_MAX} bytes"),
        )),
    }
}

/// Counts what is written, and refuses what is too much: nothing is kept.
struct Room(usize);

impl std::io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.0.checked_sub(bytes.len()) {
            Some(left) => self.0 = left,
            None => return Err(std::io::ErrorKind::FileTooLarge.into()),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn unmappable(error: impl std::fmt::Display) -> Problem {
    Problem::new("unmappable", error.to_string())
}

/// The task, mapping and patience for an operation of a step.
fn asked(step: &Step, operation: Operation) -> Result<(&TaskName, &Mapping, Millis), Problem> {
    match operation {
        Operation::Forward => match step.task() {
            Some(task) => Ok((task, &step.input, step.timeout_ms)),
            None => Err(Problem::new("not_a_task", "the step asks nobody")),
        },
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

/// How long a worker may be silent; only the forward task promises to speak.
fn heartbeat(step: &Step, operation: Operation) -> Option<Millis> {
    match operation {
        Operation::Forward => step.heartbeat_ms,
        Operation::Compensate | Operation::Reconcile => None,
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
