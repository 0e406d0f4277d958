//! What the explorer knows of one unit, and what may become of its mappings.
//!
//! Which mappings may fail: those that read below the output of a step or in an item (a worker may answer anything),
//! what the input's schema does not promise, and whatever is more than a path.

use serde_json::Value;

use crate::StepSet;
use crate::check::items;
use crate::definition::{
    Declared, Definition, Each, ITEMS_MAX, InputSchema, OnFailure, Step, Undo,
};
use crate::expression::{Mapping, Reference, SagaFacts, Scope};

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
    /// Its name in answers: the step's id, or `step:item`.
    pub id: String,
    /// Position of its step in the definition.
    pub step: usize,
    /// Which item of its step it is.
    pub item: Option<usize>,
    /// Name of its effect; none when it has none, or none that anybody named.
    pub effect: Option<String>,
    /// What is left of it when the saga turns around.
    pub undoing: Undoing,
    /// Whether the effect goes by itself after a while.
    pub lapses: bool,
    /// Whether the saga may go on without it when it fails.
    pub may_be_passed: bool,
    /// The steps whose effects stay once this one's step succeeded.
    pub pins: StepSet,
    /// What may become of its condition and input.
    pub forward: Vec<Fate>,
    /// Whether its input may not be made although its condition holds.
    pub input_may_fail: bool,
    /// What may become of its compensation's input.
    pub undo: Vec<Fate>,
}

impl UnitFacts {
    /// Of a step. One with `each` asks nobody by itself: it makes a list, and its items are units of their own.
    pub(super) fn of_step(definition: &Definition, index: usize, schema: &InputSchema) -> Self {
        let step = &definition.steps[index];
        let mut forward = match &step.each {
            Some(each) => listed(definition, each, schema),
            None => fates(&step.input, schema),
        };
        let input_may_fail = forward.contains(&Fate::Unmappable);
        if let Some(when) = &step.when {
            let fails = !when.reads_safely(&|reference| is_promised(schema, reference));
            if fails && !forward.contains(&Fate::Unmappable) {
                forward.push(Fate::Unmappable);
            }
            forward.insert(forward.len().min(1), Fate::Skipped);
        }
        let facts = UnitFacts::common(step, index, schema);
        match &step.each {
            None => UnitFacts {
                forward,
                input_may_fail,
                ..facts
            },
            Some(_) => UnitFacts {
                forward,
                input_may_fail,
                effect: None,
                undoing: Undoing::Left,
                undo: Vec::new(),
                lapses: false,
                ..facts
            },
        }
    }

    /// Of one item.
    pub(super) fn of_item(
        definition: &Definition,
        index: usize,
        item: usize,
        schema: &InputSchema,
    ) -> Self {
        let step = &definition.steps[index];
        let tolerated = step.each.as_ref().is_some_and(|each| each.tolerate > 0);
        let facts = UnitFacts::common(step, index, schema);
        UnitFacts {
            id: format!("{}:{item}", step.id),
            item: Some(item),
            may_be_passed: facts.may_be_passed || tolerated,
            ..facts
        }
    }

    fn common(step: &Step, index: usize, schema: &InputSchema) -> Self {
        let (undoing, undo) = match &step.undo {
            Undo::Compensate(undo) => (Undoing::Undone, fates(&undo.input, schema)),
            Undo::Nothing { reason: _ } | Undo::Readonly => (Undoing::Left, Vec::new()),
            Undo::OnlyForward => (Undoing::Never, Vec::new()),
        };
        let forward = fates(&step.input, schema);
        UnitFacts {
            id: step.id.clone(),
            step: index,
            item: None,
            effect: step.effect.clone(),
            undoing,
            lapses: step.expires_ms.is_some(),
            may_be_passed: step.on_failure == OnFailure::Continue,
            pins: step.pins,
            input_may_fail: forward.contains(&Fate::Unmappable),
            forward,
            undo,
        }
    }
}

/// What may become of a list: a list can be made and be none, or be too long.
fn listed(definition: &Definition, each: &Each, schema: &InputSchema) -> Vec<Fate> {
    let is_list = match each.list.as_path() {
        Some(Reference::Input(path)) => {
            let field = items::field(&definition.input_schema, path);
            let is = |key: &str| field.and_then(|field| field.get(key));
            is("type").and_then(Value::as_str) == Some("array")
                && is("maxItems")
                    .and_then(Value::as_u64)
                    .is_some_and(|most| most <= ITEMS_MAX as u64)
        }
        // Null, when it was skipped or passed over.
        Some(reference) => items::answers_of(definition, reference)
            .is_some_and(|before| !definition.steps[before].may_be_passed()),
        None => false,
    };
    if is_list {
        fates(&each.list, schema)
    } else {
        vec![Fate::Made, Fate::Unmappable]
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
