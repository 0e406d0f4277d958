//! A definition without its values: what is left is when steps start and what may go wrong with their inputs.
//!
//! `decide` evaluates mappings and conditions, and no model can know what workers will answer. So the explorer runs
//! a copy of the definition in which each of them reads one truth of its own from the saga's input, and puts into
//! that input what it wants to see: this condition false, that input not to be made ([`Fate`]). The heart is the
//! production one and does not notice; both answers of every condition come up, and so does every mapping that may
//! fail. Which mappings may: those that read below the output of a step (a worker may answer anything), what the
//! input's schema does not promise, and whatever is more than a path.
//!
//! Everything here is per unit of work: a step, or one item of an `each` step, which is a step of its own here (`expand`).

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::StepSet;
use crate::definition::{
    Compensate, Declared, Definition, InputSchema, Kind, OnFailure, Retry, Step, Undo,
};
use crate::expression::{Condition, Mapping, Reference, SagaFacts, Scope};
use crate::saga::Operation;

/// Position of a unit of work in a saga's `steps`.
pub type Unit = usize;

/// What becomes of a condition and an input when a unit is about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fate {
    /// The condition holds and the input can be made.
    Made,
    /// The condition does not hold.
    Skipped,
    /// The condition or the input cannot be evaluated.
    Unmappable,
}

/// How an effect stands to the undoing of its saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undoing {
    /// It has a compensation: nothing may be left of it.
    Undone,
    /// The definition says that it need not be undone, or that there is nothing.
    Left,
    /// It is the pivot or comes after it: a saga that turns around never had it.
    Never,
}

/// What the explorer knows of one unit.
#[derive(Clone, Debug)]
pub struct UnitFacts {
    /// Its name in answers: the step's id.
    pub id: String,
    /// Position of its step in the definition.
    pub step: usize,
    /// Name of its effect; none when it has none, or none that anybody named.
    pub effect: Option<String>,
    /// What is left of it when the saga turns around.
    pub undoing: Undoing,
    /// Whether the effect goes by itself after a while.
    pub lapses: bool,
    /// Whether the saga goes on without it when it fails.
    pub may_be_passed: bool,
    /// The units whose effects stay once this one succeeded.
    pub pins: StepSet,
    /// What may become of its condition and input.
    pub forward: Vec<Fate>,
    /// What may become of its compensation's input.
    pub undo: Vec<Fate>,
}

/// The copy, and what the explorer knows of its units.
#[derive(Clone, Debug)]
pub struct Skeleton {
    /// The definition whose mappings read fates.
    pub definition: Definition,
    /// Its units of work.
    pub units: Vec<UnitFacts>,
    /// The saga's input with which everything can be made.
    pub all_made: Arc<Value>,
}

impl Skeleton {
    /// Strips a definition of its values.
    pub fn of(definition: &Definition) -> Skeleton {
        let schema = InputSchema::closing(&definition.input_schema);
        let mut bare = definition.clone();
        bare.output = Mapping::null();
        let mut units = Vec::with_capacity(bare.steps.len());
        let mut made = Map::new();
        for (unit, step) in bare.steps.iter_mut().enumerate() {
            units.push(facts(unit, step, &schema));
            step.input = Mapping::reading(truth(forward_key(unit)));
            made.insert(forward_key(unit), json!(true));
            if step.when.is_some() {
                step.when = Some(Condition::reading(truth(when_key(unit))));
                made.insert(when_key(unit), json!(true));
            }
            if let Kind::Wait(wait) = &mut step.kind {
                // Whether a signal is meant is the question's business.
                wait.matches = None;
            }
            if let Undo::Compensate(undo) = &mut step.undo {
                undo.input = Mapping::reading(truth(undo_key(unit)));
                made.insert(undo_key(unit), json!(true));
            }
        }
        Skeleton {
            definition: bare,
            units,
            all_made: Arc::new(Value::Object(made)),
        }
    }

    /// The step of a unit.
    pub fn step(&self, unit: Unit) -> &Step {
        &self.definition.steps[self.units[unit].step]
    }

    /// How an operation of a unit is tried again; none when the definition does not have the operation.
    pub fn retry(&self, unit: Unit, operation: Operation) -> Option<&Retry> {
        let step = self.step(unit);
        match operation {
            Operation::Forward => Some(&step.retry),
            Operation::Reconcile => step.reconcile.as_ref().map(|reconcile| &reconcile.retry),
            Operation::Compensate => compensate(step).map(|undo| &undo.retry),
        }
    }

    /// Who works on an operation of a unit, as `pool/task`.
    pub fn task(&self, unit: Unit, operation: Operation) -> Option<(&str, &str)> {
        let step = self.step(unit);
        let task = match operation {
            Operation::Forward => step.task(),
            Operation::Reconcile => step.reconcile.as_ref().map(|reconcile| &reconcile.task),
            Operation::Compensate => compensate(step).map(|undo| &undo.task),
        };
        task.map(|task| (task.pool.as_str(), task.task.as_str()))
    }

    /// The saga's input with these fates; whatever is not named can be made.
    pub fn input(&self, forward: &[(Unit, Fate)], undo: &[(Unit, Fate)]) -> Arc<Value> {
        let unmade = |(_, fate): &&(Unit, Fate)| *fate != Fate::Made;
        if !forward.iter().chain(undo).any(|site| unmade(&site)) {
            return Arc::clone(&self.all_made);
        }
        let mut input = (*self.all_made).clone();
        if let Value::Object(truths) = &mut input {
            for (unit, fate) in forward {
                match fate {
                    Fate::Made => {}
                    Fate::Skipped => drop(truths.insert(when_key(*unit), json!(false))),
                    Fate::Unmappable => drop(truths.remove(&forward_key(*unit))),
                }
            }
            for (unit, _) in undo.iter().filter(unmade) {
                truths.remove(&undo_key(*unit));
            }
        }
        Arc::new(input)
    }
}

fn facts(unit: Unit, step: &Step, schema: &InputSchema) -> UnitFacts {
    let conditional = step.when.is_some();
    let condition_fails = step
        .when
        .as_ref()
        .is_some_and(|when| !when.reads_safely(&|reference| is_promised(schema, reference)));
    let mut forward = fates(&step.input, schema);
    if condition_fails && !forward.contains(&Fate::Unmappable) {
        forward.push(Fate::Unmappable);
    }
    if conditional {
        forward.insert(forward.len().min(1), Fate::Skipped);
    }
    let (undoing, undo) = match &step.undo {
        Undo::Compensate(undo) => (Undoing::Undone, fates(&undo.input, schema)),
        Undo::Nothing { reason: _ } | Undo::Readonly => (Undoing::Left, Vec::new()),
        Undo::OnlyForward => (Undoing::Never, Vec::new()),
    };
    UnitFacts {
        id: step.id.clone(),
        step: unit,
        effect: step.effect.clone(),
        undoing,
        lapses: step.expires_ms.is_some(),
        may_be_passed: step.on_failure == OnFailure::Continue,
        pins: step.pins,
        forward,
        undo,
    }
}

/// What may become of a mapping. One that reads nothing is tried: it always gives the same.
fn fates(mapping: &Mapping, schema: &InputSchema) -> Vec<Fate> {
    if mapping.references().is_empty() {
        let nothing = Scope {
            input: &Value::Null,
            outputs: &|_| None,
            saga: SagaFacts {
                id: "",
                started_at: 0,
            },
            item: None,
            signal: None,
        };
        return match mapping.evaluate(&nothing) {
            Ok(_) => vec![Fate::Made],
            Err(_) => vec![Fate::Unmappable],
        };
    }
    if mapping.reads_safely(&|reference| is_promised(schema, reference)) {
        return vec![Fate::Made];
    }
    vec![Fate::Made, Fate::Unmappable]
}

/// Whether a value is there whatever happens.
fn is_promised(schema: &InputSchema, reference: &Reference) -> bool {
    match reference {
        Reference::Saga(_) => true,
        Reference::Input(path) => match schema.declares(path) {
            Declared::Always => true,
            Declared::Maybe | Declared::Never { .. } | Declared::Unknown => false,
        },
        // A finished step has an output; what is in it is the worker's business.
        Reference::Output { step: _, path } => path.is_empty(),
        // What is in an item or a payload is whoever made it.
        Reference::Item(path) | Reference::Signal(path) => path.is_empty(),
    }
}

fn compensate(step: &Step) -> Option<&Compensate> {
    match &step.undo {
        Undo::Compensate(undo) => Some(undo),
        Undo::Nothing { .. } | Undo::Readonly | Undo::OnlyForward => None,
    }
}

fn truth(key: String) -> Reference {
    Reference::Input(vec![key])
}

fn forward_key(unit: Unit) -> String {
    format!("forward_{unit}")
}

fn when_key(unit: Unit) -> String {
    format!("when_{unit}")
}

fn undo_key(unit: Unit) -> String {
    format!("undo_{unit}")
}
