//! Runs one plan, and tells what came of it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::table::effect_name;
use crate::definition::Definition;
use crate::rehearse::{
    End, Fate, Limits, MILLI, Mail, Micros, Participants, Plan, Prompter, Reason, Seat, Stage,
    TAKES, Task, World, start,
};
use crate::saga::{Event, Forward, Operation, Phase, Refusal, Unfoldable};
use crate::simulate::Span;
use crate::{Millis, StepIndex};

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
    outputs: &'p [Value],
    prompter: Prompter<'p>,
    pub(super) moments: Vec<Moment>,
    attempts: BTreeMap<(StepIndex, Operation), u32>,
}

impl World for Scripted<'_> {
    fn fate(&mut self, task: &Task, _now: Micros, _participants: &Participants) -> Fate {
        *self
            .attempts
            .entry((task.step, task.operation))
            .or_default() += 1;
        self.prompter
            .fate(task)
            .unwrap_or_else(|| Fate::well(TAKES))
    }

    fn output(&mut self, unit: StepIndex) -> Value {
        self.outputs.get(unit).cloned().unwrap_or(Value::Null)
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
        outputs,
        prompter: Prompter::new(plan),
        moments: Vec::new(),
        attempts: BTreeMap::new(),
    };
    let ended = stage.run(&mut world, &start(input.clone()), limits)?;
    let attempts = world
        .attempts
        .iter()
        .map(|((step, operation), count)| (place(definition, *step, *operation), *count))
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
            .filter(|step| stage.participants.is_there(*step))
            .filter_map(|step| effect_name(definition, step).map(str::to_owned))
            .collect(),
        stuck: state
            .parked(definition)
            .map(|(step, operation, _)| place(definition, step, operation))
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

/// `hold`, `hold.undo`, `hold.reconcile`.
pub(super) fn place(definition: &Definition, step: StepIndex, operation: Operation) -> String {
    let id = &definition.steps[step].id;
    match operation {
        Operation::Forward => id.clone(),
        Operation::Compensate => format!("{id}.undo"),
        Operation::Reconcile => format!("{id}.reconcile"),
    }
}
