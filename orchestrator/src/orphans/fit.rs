//! From what participants remember to what it takes to make the saga anew.
//!
//! What its steps were asked with tells most of its input, because mappings can be read backwards. What does not fit the
//! definition (a step that it does not have, an input that it cannot have made) is said: nothing is guessed.

use std::collections::BTreeMap;
use std::sync::Arc;

use impresario_workflows::definition::{ITEMS_MAX, Step, TaskName};
use impresario_workflows::expression::{Reference, SagaFacts, SagaField, Scope};
use impresario_workflows::saga::{Left, Lost, Stamp, Trace};
use impresario_workflows::{Definition, SagaId};
use serde_json::{Map, Value};

use super::{Effect, Kept, Remembered};

/// The lost saga, or why it is none of this definition.
pub(super) fn fit(
    definition: &Definition,
    saga: &Remembered,
    stamp: Stamp,
) -> Result<Lost, String> {
    let effects = newest(saga);
    let mut clues = Clues::of(definition, saga, &effects);
    for (unit, effect) in &effects {
        let step = asked_of(definition, unit, effect)?;
        if effect.state != Kept::Tombstone && !clues.read(step, unit, effect) {
            return Err(format!(
                "`{unit}` was asked with what this version does not make"
            ));
        }
    }
    let input = clues.input()?;
    let items = clues.items(&input);
    let named = effects.keys().filter_map(|unit| unit.split_once(':'));
    for (step, item) in named {
        let item: Option<usize> = item.parse().ok();
        let known = items.get(step).map_or(0, |items| items.len());
        if item.is_none_or(|item| item >= known) {
            return Err(format!("`{step}` has not so many items"));
        }
    }
    Ok(Lost {
        at: saga.started_at,
        input,
        items,
        effects: effects
            .iter()
            .map(|(unit, effect)| trace(unit, effect))
            .collect(),
        stamp,
    })
}

/// The last generation of each unit: those before it are closed.
fn newest(saga: &Remembered) -> BTreeMap<&str, &Effect> {
    let mut newest: BTreeMap<&str, &Effect> = BTreeMap::new();
    for effect in &saga.effects {
        let known = newest.entry(&effect.effect.step).or_insert(effect);
        if known.effect.generation < effect.effect.generation {
            *known = effect;
        }
    }
    newest
}

/// The step whose effect this is.
fn asked_of<'d>(
    definition: &'d Definition,
    unit: &str,
    effect: &Effect,
) -> Result<&'d Step, String> {
    let (id, is_item) = unit
        .split_once(':')
        .map_or((unit, false), |(id, _)| (id, true));
    let step = definition
        .step_index(id)
        .map(|index| &definition.steps[index])
        .filter(|step| step.each.is_some() == is_item);
    let Some((step, TaskName { pool, task })) =
        step.and_then(|step| step.task().map(|task| (step, task)))
    else {
        return Err(format!("it has no step `{unit}`"));
    };
    // A tombstone bears the name of who has closed it.
    let same_task = effect.state == Kept::Tombstone || *task == effect.task;
    if *pool == effect.pool && same_task {
        Ok(step)
    } else {
        Err(format!(
            "`{unit}` asks {pool}/{task}, and {}/{} was asked",
            effect.pool, effect.task
        ))
    }
}

fn trace(unit: &str, effect: &Effect) -> Trace {
    let left = match effect.state {
        Kept::Succeeded => Left::Happened {
            output: Arc::new(effect.outcome.clone()),
        },
        Kept::Intent | Kept::Closing | Kept::Undoing => Left::Open {},
        Kept::Rejected => Left::Closed {
            code: effect.outcome["code"]
                .as_str()
                .unwrap_or("rejected")
                .to_owned(),
        },
        Kept::Tombstone => Left::Closed {
            code: "never_ran".to_owned(),
        },
        Kept::Compensated => Left::Closed {
            code: "compensated".to_owned(),
        },
    };
    Trace {
        step: unit.to_owned(),
        generation: effect.effect.generation,
        left,
    }
}

/// What has been told so far.
struct Clues<'s> {
    definition: &'s Definition,
    id: SagaId,
    saga: &'s Remembered,
    outputs: BTreeMap<&'s str, &'s Value>,
    /// Values below the saga's input.
    input: Vec<(Vec<String>, Value)>,
    /// Values below the item of a unit.
    items: BTreeMap<String, Vec<(Vec<String>, Value)>>,
}

impl<'s> Clues<'s> {
    fn of(
        definition: &'s Definition,
        saga: &'s Remembered,
        effects: &BTreeMap<&'s str, &'s Effect>,
    ) -> Clues<'s> {
        let happened = effects
            .iter()
            .filter(|(_, effect)| effect.state == Kept::Succeeded);
        Clues {
            definition,
            id: saga.id,
            saga,
            outputs: happened
                .map(|(unit, effect)| (*unit, &effect.outcome))
                .collect(),
            input: Vec::new(),
            items: BTreeMap::new(),
        }
    }

    /// Reads what a unit was asked with; whether that can be.
    fn read(&mut self, step: &Step, unit: &str, effect: &Effect) -> bool {
        let Clues {
            id,
            saga,
            outputs,
            input,
            items,
            ..
        } = self;
        let items = items.entry(unit.to_owned()).or_default();
        step.input
            .read_back(&effect.input, &mut |reference, value| match reference {
                Reference::Input(path) => {
                    input.push((path.clone(), value.clone()));
                    true
                }
                Reference::Item(path) => {
                    items.push((path.clone(), value.clone()));
                    true
                }
                // What another participant answered is known, or was lost with its row.
                Reference::Output { step, path } => outputs
                    .get(step.as_str())
                    .is_none_or(|output| below(output, path) == Some(value)),
                Reference::Saga(SagaField::Id) => value.as_str() == Some(&id.to_string()),
                Reference::Saga(SagaField::StartedAt) => value.as_u64() == Some(saga.started_at),
                Reference::Signal(_) => true,
            })
    }

    fn input(&self) -> Result<Value, String> {
        put_together(self.input.clone())
            .ok_or_else(|| "its steps were asked with different inputs".to_owned())
    }

    /// The lists of `each` steps: made again, or else as far as their units tell.
    fn items(&self, input: &Value) -> BTreeMap<String, Arc<Vec<Value>>> {
        let mut lists = BTreeMap::new();
        for step in &self.definition.steps {
            let Some(each) = &step.each else { continue };
            let id = self.id.to_string();
            let scope = Scope {
                input,
                outputs: &|step| self.outputs.get(step).copied(),
                saga: SagaFacts {
                    id: &id,
                    started_at: self.saga.started_at,
                },
                item: None,
                signal: None,
            };
            let list = match each.list.evaluate(&scope) {
                Ok(Value::Array(items)) if items.len() <= ITEMS_MAX => items,
                Ok(_) | Err(_) => self.items_told(&step.id),
            };
            if !list.is_empty() {
                lists.insert(step.id.clone(), Arc::new(list));
            }
        }
        lists
    }

    fn items_told(&self, step: &str) -> Vec<Value> {
        let mut list = Vec::new();
        for (unit, clues) in &self.items {
            let number = unit
                .split_once(':')
                .filter(|(id, _)| *id == step)
                .and_then(|(_, item)| item.parse::<usize>().ok())
                .filter(|number| *number < ITEMS_MAX);
            let Some(number) = number else { continue };
            if list.len() <= number {
                list.resize(number + 1, Value::Null);
            }
            list[number] = put_together(clues.clone()).unwrap_or_default();
        }
        list
    }
}

fn below<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

/// One value of values at their places. None when they contradict each other.
fn put_together(mut clues: Vec<(Vec<String>, Value)>) -> Option<Value> {
    // What is whole comes before what is below it, which then says the same.
    clues.sort_by_key(|(path, _)| path.len());
    let mut whole = Value::Object(Map::new());
    for (path, value) in clues {
        if path.is_empty() && whole == Value::Object(Map::new()) {
            whole = value;
            continue;
        }
        let mut place = &mut whole;
        for name in path {
            if place.is_null() {
                *place = Value::Object(Map::new());
            }
            place = place.as_object_mut()?.entry(name).or_insert(Value::Null);
        }
        // Null stands where nothing was said yet, and where null was.
        match place {
            Value::Null => *place = value,
            said if *said == value => {}
            Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => return None,
        }
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn clues(clues: &[(&[&str], Value)]) -> Option<Value> {
        let owned = clues.iter().map(|(path, value)| {
            let path = path.iter().map(|name| (*name).to_owned()).collect();
            (path, value.clone())
        });
        put_together(owned.collect())
    }

    #[test]
    fn values_at_their_places_make_one_value() {
        let whole = clues(&[
            (&["a", "b"], json!(1)),
            (&["c"], json!([2])),
            (&["a", "d"], json!({ "e": 3 })),
            (&["c"], json!([2])),
        ]);
        assert_eq!(
            whole,
            Some(json!({ "a": { "b": 1, "d": { "e": 3 } }, "c": [2] }))
        );
        let below = clues(&[(&["a", "b"], json!(1)), (&["a"], json!({ "b": 1, "c": 2 }))]);
        assert_eq!(below, Some(json!({ "a": { "b": 1, "c": 2 } })));
    }

    #[test]
    fn values_that_contradict_each_other_make_none() {
        assert_eq!(clues(&[(&["a"], json!(1)), (&["a"], json!(2))]), None);
        assert_eq!(clues(&[(&["a"], json!(1)), (&["a", "b"], json!(2))]), None);
    }
}
