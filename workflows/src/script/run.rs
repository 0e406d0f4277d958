//! Runs one plan, and tells what came of it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::table::effect_name;
use crate::Millis;
use crate::definition::{Definition, StepIndex};
use crate::rehearse::{
    Children, Coming, End, Fate, Limits, MILLI, Mail, Micros, Outside, Part, Participants, Plan,
    Prompter, Reason, Seat, Stage, TAKES, Task, World, start,
};
use crate::saga::{Event, Forward, Operation, Phase, Refusal, State, Unfoldable, UnitIndex};
use crate::simulate::Span;

/// What came of a case.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Found {
    /// `completed`, `compensated`, `stuck` or `endless`.
    pub end: &'static str,
    /// Why it did not complete.
    pub because: Option<String>,
    /// Steps whose undoing was done, in order.
    pub undone: Vec<String>,
    /// Effects that are there at the end, in the order of the steps.
    pub effects: Vec<String>,
    /// What stands before a human.
    pub stuck: Vec<String>,
    /// Steps that were skipped.
    pub skipped: Vec<String>,
    /// Tasks that were sent, by step and operation.
    pub attempts: BTreeMap<String, u32>,
    /// What a completed saga answers.
    pub output: Option<Value>,
    /// How long it took.
    pub after: Span,
}

/// Facts of one commit.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Moment {
    /// Since the Unix epoch, like instants in facts.
    pub at: Millis,
    /// The facts.
    pub events: Vec<Event>,
    /// Commands that were refused at that moment.
    pub refused: Vec<String>,
}

/// The world of a table: everything goes well unless the plan says otherwise.
pub(super) struct Scripted<'p> {
    definition: &'p Definition,
    outputs: &'p [Value],
    prompter: Prompter<'p>,
    outside: Outside<'p>,
    children: Children,
    pub(super) moments: Vec<Moment>,
    /// Of steps, and of their items.
    attempts: BTreeMap<(Part, Operation), u32>,
}

impl World for Scripted<'_> {
    fn fate(&mut self, task: &Task, now: Micros, _participants: &Participants) -> Fate {
        let step = Part::whole(task.step);
        let item = task.item.map(|item| Part {
            item: Some(item),
            ..step
        });
        for part in [Some(step), item].into_iter().flatten() {
            *self.attempts.entry((part, task.operation)).or_default() += 1;
        }
        if let Some(fate) = self.children.asked_again(task, now) {
            return fate;
        }
        let fate = self.prompter.fate(task);
        let fate = fate.unwrap_or_else(|| Fate::well(TAKES));
        self.children.begins(task, &fate, now);
        fate
    }

    /// What is given for a step with `each` is a list: its items get theirs in order, and from the beginning again.
    fn output(&mut self, task: &Task) -> Value {
        let output = self.outputs.get(task.step).cloned().unwrap_or(Value::Null);
        match (task.item, output) {
            (Some(item), Value::Array(items)) if !items.is_empty() => {
                items[item % items.len()].clone()
            }
            (_, output) => output,
        }
    }

    /// Full waits: a table has no chances.
    fn jitter_permille(&mut self) -> u16 {
        1000
    }

    fn told(&mut self, now: Micros, seat: &Seat<'_>, events: &[Event], mail: &mut Mail) {
        self.moments.push(Moment {
            at: now / MILLI,
            events: events.to_vec(),
            refused: Vec::new(),
        });
        let (definition, outputs) = (self.definition, self.outputs);
        let prompter = &mut self.prompter;
        self.outside.told(
            now,
            seat,
            events,
            mail,
            |step| {
                let planned = prompter.coming(step);
                planned.unwrap_or_else(|| Coming::well(definition, step, TAKES))
            },
            |step| outputs.get(step),
        );
        self.prompter.told(now, seat, events, mail);
    }

    fn refused(&mut self, now: Micros, refusal: &Refusal) {
        self.moments.push(Moment {
            at: now / MILLI,
            events: Vec::new(),
            refused: vec![refusal.to_string()],
        });
    }
}

/// Runs one plan; what came of it, and the facts in order.
pub(super) fn run(
    definition: &Definition,
    stage: &mut Stage<'_>,
    input: &Value,
    outputs: &[Value],
    plan: &Plan,
    limits: Limits,
) -> Result<(Found, Vec<Moment>), Unfoldable> {
    let mut world = Scripted {
        definition,
        outputs,
        prompter: Prompter::new(plan),
        outside: Outside::of(definition),
        children: Children::default(),
        moments: Vec::new(),
        attempts: BTreeMap::new(),
    };
    let ended = stage.run(&mut world, &start(input.clone()), limits)?;
    let attempts = world
        .attempts
        .iter()
        .map(|((part, operation), count)| (part_place(definition, *part, *operation), *count))
        .collect();
    let mut found = found(definition, stage, ended.end, attempts, Span(ended.after));
    found.undone = undone(&world.moments);
    Ok((found, world.moments))
}

/// Steps whose undoing was done, in order.
fn undone(moments: &[Moment]) -> Vec<String> {
    let events = moments.iter().flat_map(|moment| &moment.events);
    let undone = |event: &Event| match event {
        Event::Undone { step } => Some(step.clone()),
        _ => None,
    };
    events.filter_map(undone).collect()
}

fn found(
    definition: &Definition,
    stage: &Stage<'_>,
    end: End,
    attempts: BTreeMap<String, u32>,
    after: Span,
) -> Found {
    let state = &stage.seat.state;
    let id = |step: StepIndex| definition.steps[step].id.clone();
    let steps = 0..definition.steps.len();
    let skipped = |step: &StepIndex| state.steps[*step].forward == Forward::Skipped;
    Found {
        end: end.as_str(),
        because: (end != End::Completed).then(|| Reason::of(definition, state).code),
        undone: Vec::new(),
        effects: steps
            .clone()
            .flat_map(|step| effects(definition, state, &stage.participants, step))
            .collect(),
        stuck: state
            .parked(definition)
            .map(|(unit, operation, _)| place(&state.unit_name(definition, unit), operation))
            .collect(),
        skipped: steps.filter(skipped).map(id).collect(),
        attempts,
        output: match &state.phase {
            Phase::Completed { output } => Some(Value::clone(output)),
            Phase::New
            | Phase::Forward { .. }
            | Phase::Compensating { .. }
            | Phase::Compensated { .. } => None,
        },
        after,
    }
}

/// The effects of a step that are there: its name; with `each`, when only some items have it, the names of those.
fn effects(
    definition: &Definition,
    state: &State,
    participants: &Participants,
    step: StepIndex,
) -> Vec<String> {
    let Some(name) = effect_name(definition, step) else {
        return Vec::new();
    };
    if definition.steps[step].each.is_none() {
        let there = participants.is_there(step);
        return there.then(|| name.to_owned()).into_iter().collect();
    }
    let units = state.units_of(step);
    let there: Vec<UnitIndex> = units
        .clone()
        .filter(|unit| participants.is_there(*unit))
        .collect();
    if there.len() == units.len() {
        let some = !units.is_empty();
        return some.then(|| name.to_owned()).into_iter().collect();
    }
    let item = |unit: &UnitIndex| format!("{name}:{}", unit - units.start);
    there.iter().map(item).collect()
}

fn part_place(definition: &Definition, part: Part, operation: Operation) -> String {
    let id = &definition.steps[part.step].id;
    match part.item {
        Some(item) => place(&format!("{id}:{item}"), operation),
        None => place(id, operation),
    }
}

/// `hold`, `hold.undo`, `hold.reconcile`; of an item `hold:1`, …
fn place(unit: &str, operation: Operation) -> String {
    match operation {
        Operation::Forward => unit.to_owned(),
        Operation::Compensate => format!("{unit}.undo"),
        Operation::Reconcile => format!("{unit}.reconcile"),
    }
}
