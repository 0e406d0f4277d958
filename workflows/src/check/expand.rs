//! `each` as so many steps side by side.
//!
//! The items of a fan-out are units of work that know nothing of each other: they start when the step starts, what
//! needs the step waits for all of them, and each is undone by itself. So a definition with `each` is explored once
//! for every small number of items, with that many copies of the step in its place. The items are interchangeable:
//! what three of them cannot do wrong, no further one does, for no rule of the engine counts them, except two that are
//! said here. `max_parallel` only forbids interleavings that are explored. `tolerate` counts failures; a step that
//! tolerates some is explored both as one whose items may all fail and as one whose items may not.

use serde_json::Value;

use crate::StepSet;
use crate::definition::{Definition, OnFailure, Step, StepIndex};
use crate::expression::Reference;

/// Items that are explored: none, one, and as many as can stand in each other's way in pairs and beside a third.
pub(super) const ITEMS_MAX: usize = 3;

/// Whether the definition has a step with `each`.
pub(super) fn fans_out(definition: &Definition) -> bool {
    definition.steps.iter().any(|step| step.each.is_some())
}

/// Every definition that has to be explored for this one; the first is the smallest.
pub(super) fn variants(definition: &Definition) -> Vec<Definition> {
    if !fans_out(definition) {
        return vec![definition.clone()];
    }
    let tolerates = |step: &Step| step.each.as_ref().is_some_and(|each| each.tolerate > 0);
    let lenient = definition.steps.iter().any(tolerates);
    (items_min(definition)..=ITEMS_MAX)
        .flat_map(|items| {
            let strict = expanded(definition, items, |step| step.on_failure);
            let passed = (lenient && items > 0).then(|| {
                expanded(definition, items, |step| {
                    if tolerates(step) {
                        OnFailure::Continue
                    } else {
                        step.on_failure
                    }
                })
            });
            std::iter::once(strict).chain(passed)
        })
        .collect()
}

/// The fewest items that any fan-out can have.
fn items_min(definition: &Definition) -> usize {
    let least = definition
        .steps
        .iter()
        .filter_map(|step| items_of(definition, step))
        .min();
    least.unwrap_or(0).min(ITEMS_MAX)
}

/// The fewest items of one fan-out: what the input's schema promises of a list that is read from the input as it is, as
/// many as another fan-out has when it goes over its outputs, otherwise none.
fn items_of(definition: &Definition, step: &Step) -> Option<usize> {
    let list = &step.each.as_ref()?.list;
    Some(match list.references().as_slice() {
        [Reference::Input(path)] => promised(&definition.input_schema, path),
        // Steps only read what comes before them, so this ends.
        [Reference::Output { step, path }] if path.is_empty() => definition
            .step_index(step)
            .and_then(|before| items_of(definition, &definition.steps[before]))
            .unwrap_or(0),
        [] | [_, ..] => 0,
    })
}

fn promised(schema: &Value, path: &[String]) -> usize {
    let field = path.iter().try_fold(schema, |schema, name| {
        schema.get("properties")?.get(name.as_str())
    });
    field
        .and_then(|field| field.get("minItems"))
        .and_then(Value::as_u64)
        .and_then(|least| usize::try_from(least).ok())
        .unwrap_or(0)
}

/// The definition with so many items in each of its fan-outs.
fn expanded(
    definition: &Definition,
    items: usize,
    on_failure: impl Fn(&Step) -> OnFailure,
) -> Definition {
    // Where each step's copies are; one that fans out over nothing has none.
    let mut places: Vec<Vec<StepIndex>> = Vec::with_capacity(definition.steps.len());
    let mut steps: Vec<Step> = Vec::new();
    for step in &definition.steps {
        let copies = if step.each.is_some() { items } else { 1 };
        places.push((steps.len()..steps.len() + copies).collect());
        for copy in 0..copies {
            steps.push(copied(step, copy, on_failure(step)));
        }
    }
    let through = Through {
        definition,
        places: &places,
    };
    for (old, copies) in places.iter().enumerate() {
        for &copy in copies {
            steps[copy].needs = through.needs(definition.steps[old].needs);
            steps[copy].pins = through.all(definition.steps[old].pins);
            steps[copy].ancestors = through.all(definition.steps[old].ancestors);
            steps[copy].descendants = through.all(definition.steps[old].descendants);
        }
    }
    Definition {
        pivot: definition
            .pivot
            .and_then(|pivot| places[pivot].first().copied()),
        steps,
        ..definition.clone()
    }
}

fn copied(step: &Step, copy: usize, on_failure: OnFailure) -> Step {
    let id = if step.each.is_some() {
        format!("{}#{copy}", step.id)
    } else {
        step.id.clone()
    };
    Step {
        id,
        each: None,
        on_failure,
        ..step.clone()
    }
}

/// From steps to their copies.
struct Through<'d> {
    definition: &'d Definition,
    places: &'d [Vec<StepIndex>],
}

impl Through<'_> {
    /// All copies of these steps.
    fn all(&self, steps: StepSet) -> StepSet {
        steps
            .iter()
            .flat_map(|step| self.places[step].iter().copied())
            .fold(StepSet::EMPTY, StepSet::with)
    }

    /// All copies of what is needed; a step without copies is needed through what it needs itself.
    fn needs(&self, steps: StepSet) -> StepSet {
        steps.iter().fold(StepSet::EMPTY, |needs, step| {
            if self.places[step].is_empty() {
                needs.union(self.needs(self.definition.steps[step].needs))
            } else {
                needs.union(self.all(StepSet::EMPTY.with(step)))
            }
        })
    }
}
