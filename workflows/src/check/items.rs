//! Over how many items `each` steps are explored: none, one, two and three, as far as the definition allows them.
//!
//! Lists have a length of their own unless one is made of the other: a step that goes over the answers of another has
//! as many items as that one, and so have steps that read one and the same list. Every combination of lengths is
//! explored ([`variants`]), with the engine's own fan-out: its rules about `max_parallel` and `tolerate` are the ones
//! that count, at every number of failures from none to all.
//!
//! That no further item can do what three cannot is not proved, and the report says up to how many items it speaks.

use serde_json::Value;

use crate::definition::{Definition, Step, StepIndex};
use crate::expression::Reference;
use crate::saga::State;

/// Items that are explored: none, one, and as many as can stand in each other's way in pairs and beside a third.
pub(super) const ITEMS_MAX: usize = 3;

/// How many items each step has; none for a step without `each`.
pub(super) type Items = Vec<usize>;

/// Whether the definition has a step with `each`.
pub(super) fn fans_out(definition: &Definition) -> bool {
    definition.steps.iter().any(|step| step.each.is_some())
}

/// Every combination of lengths that lists can have, in the order of the longest list, then of all items together.
pub(super) fn variants(definition: &Definition) -> Vec<Items> {
    combinations(definition, |_, bounds| bounds)
}

/// With the lengths that each list may have.
fn combinations(
    definition: &Definition,
    lengths: impl Fn(&[StepIndex], Bounds) -> Bounds,
) -> Vec<Items> {
    let mut lists = lists(definition);
    for (steps, bounds) in &mut lists {
        *bounds = lengths(steps, bounds.clone());
    }
    let mut combinations = vec![Vec::new()];
    for (_, bounds) in &lists {
        combinations = combinations
            .into_iter()
            .flat_map(|before: Vec<usize>| {
                bounds.clone().map(move |items| {
                    let mut lengths = before.clone();
                    lengths.push(items);
                    lengths
                })
            })
            .collect();
    }
    combinations
        .sort_by_key(|lengths| (lengths.iter().copied().max(), lengths.iter().sum::<usize>()));
    combinations
        .into_iter()
        .map(|lengths| {
            let mut items = vec![0; definition.steps.len()];
            for ((steps, _), length) in lists.iter().zip(lengths) {
                steps.iter().for_each(|step| items[*step] = length);
            }
            items
        })
        .collect()
}

/// The same from the middle of a saga's life: lists that are made already have the items that they have, in all steps
/// that go over them.
pub(super) fn variants_from(definition: &Definition, state: &State) -> Vec<Items> {
    let made = |steps: &[StepIndex]| {
        let fans = state.fans.iter().filter(|fan| steps.contains(&fan.step));
        fans.map(|fan| fan.items.len()).max()
    };
    combinations(definition, |steps, bounds| {
        made(steps).map_or(bounds, |items| items..=items)
    })
}

/// The steps that go over each list.
pub(super) fn lists_of(definition: &Definition) -> Vec<Vec<StepIndex>> {
    lists(definition)
        .into_iter()
        .map(|(steps, _)| steps)
        .collect()
}

type Bounds = std::ops::RangeInclusive<usize>;

/// The lists: who goes over each of them, and how long it may be.
fn lists(definition: &Definition) -> Vec<(Vec<StepIndex>, Bounds)> {
    let mut lists: Vec<(Vec<StepIndex>, Bounds)> = Vec::new();
    for (index, step) in definition.steps.iter().enumerate() {
        if step.each.is_none() {
            continue;
        }
        let like = |other: &StepIndex| is_one_list(definition, *other, index);
        match lists.iter_mut().find(|(steps, _)| steps.iter().any(like)) {
            Some((steps, _)) => steps.push(index),
            None => lists.push((vec![index], bounds(definition, step))),
        }
    }
    lists
}

/// Whether two steps go over equally many items: they read one place, or one reads the answers of the other.
fn is_one_list(definition: &Definition, one: StepIndex, other: StepIndex) -> bool {
    source(definition, one) == source(definition, other)
}

/// Where a step's list comes from: a place, or the step itself when it makes a list of its own.
#[derive(PartialEq, Eq)]
enum Source {
    Place(Reference),
    Own(StepIndex),
}

fn source(definition: &Definition, step: StepIndex) -> Source {
    let path = read_as_it_is(&definition.steps[step]);
    match path {
        None => Source::Own(step),
        // Steps only read what comes before them, so this ends.
        Some(reference) => match answers_of(definition, reference) {
            Some(before) => source(definition, before),
            None => Source::Place(reference.clone()),
        },
    }
}

/// The place that a step's list is, when it is read as it is: what is filtered or joined has another length.
fn read_as_it_is(step: &Step) -> Option<&Reference> {
    step.each.as_ref()?.list.as_path()
}

/// The `each` step whose answers a place is.
pub(super) fn answers_of(definition: &Definition, reference: &Reference) -> Option<StepIndex> {
    match reference {
        Reference::Output { step, path } if path.is_empty() => definition
            .step_index(step)
            .filter(|before| definition.steps[*before].each.is_some()),
        Reference::Output { .. }
        | Reference::Input(_)
        | Reference::Saga(_)
        | Reference::Item(_)
        | Reference::Signal(_) => None,
    }
}

/// How long a list may be, as far as the schema of the input says.
fn bounds(definition: &Definition, step: &Step) -> Bounds {
    let schema = match read_as_it_is(step) {
        Some(Reference::Input(path)) => field(&definition.input_schema, path),
        Some(_) | None => None,
    };
    let number = |key: &str| {
        let number = schema.and_then(|schema| schema.get(key)?.as_u64());
        number.and_then(|number| usize::try_from(number).ok())
    };
    let most = number("maxItems").unwrap_or(ITEMS_MAX).min(ITEMS_MAX);
    number("minItems").unwrap_or(0).min(most)..=most
}

/// The schema of a field of the input.
pub(super) fn field<'s>(schema: &'s Value, path: &[String]) -> Option<&'s Value> {
    path.iter().try_fold(schema, |schema, name| {
        schema.get("properties")?.get(name.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(steps: &str) -> Vec<Items> {
        let text = format!(
            "
saga: many
version: 1
input:
  type: object
  required: [seats]
  properties:
    seats: {{ type: array, minItems: 1, maxItems: 2 }}
    names: {{ type: array }}
steps:
{steps}"
        );
        variants(&Definition::parse("test", &text).unwrap())
    }

    const UNDO: &str = "effect: e, compensate: { task: a/undo }";

    #[test]
    fn a_list_is_as_long_as_the_schema_says() {
        let one = format!("  a: {{ each: '${{{{ input.seats }}}}', task: a/do, {UNDO} }}\n");
        assert_eq!(lengths(&one), [vec![1], vec![2]]);
        let filtered = one.replace("input.seats", "input.seats | list");
        assert_eq!(lengths(&filtered), [[0], [1], [2], [3]]);
    }

    #[test]
    fn answers_are_as_many_as_their_items() {
        let two = format!(
            "  a: {{ each: '${{{{ input.seats }}}}', task: a/do, {UNDO} }}
  b: {{ needs: [a], each: '${{{{ steps.a.output }}}}', task: a/do, {UNDO} }}\n"
        );
        assert_eq!(lengths(&two), [vec![1, 1], vec![2, 2]]);
        let apart = two.replace("steps.a.output", "input.names");
        assert_eq!(lengths(&apart).len(), 2 * 4);
        assert!(lengths(&apart).contains(&vec![2, 0]));
    }
}
