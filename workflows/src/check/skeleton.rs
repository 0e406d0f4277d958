//! A definition without its values: what is left is when steps start and what may go wrong with their inputs.
//!
//! `decide` evaluates mappings and conditions, and no model can know what workers will answer. So the explorer runs
//! a copy of the definition in which each of them reads one truth of its own, and puts there what it wants to see:
//! this condition false, that input not to be made ([`Fate`]). The heart is the production one and does not notice;
//! both answers of every condition come up, and so does every mapping that may fail. What may become of each is in
//! `facts`.
//!
//! Everything here is per unit of work: a step, or one item of an `each` step. The items have their places from the
//! start, behind the steps, one step after the other; the engine puts them there when the step starts, in the order
//! in which steps start, which would give one unit many numbers.

mod choice;
mod facts;

use std::sync::Arc;

use serde_json::{Map, Value, json};

pub use facts::{Fate, Undoing, UnitFacts};

use super::items::Items;
use crate::definition::{Compensate, Definition, InputSchema, Kind, Retry, Step, Undo};
use crate::expression::{Condition, Mapping, Reference};
use crate::saga::{Fan, Operation, State, StepState};
use choice::Choices;

/// Position of a unit of work in a saga's `steps`.
pub type Unit = usize;

/// The copy, and what the explorer knows of its units.
#[derive(Clone, Debug)]
pub struct Skeleton {
    /// The definition whose mappings read fates.
    pub definition: Definition,
    /// Its units of work: the steps, then the items.
    pub units: Vec<UnitFacts>,
    /// Where the items are.
    pub fans: Vec<Fan>,
    /// The saga's input with which everything can be made.
    pub all_made: Arc<Value>,
    /// Whether worlds that are the same are gone through once (`same`). A test looks at each.
    pub merges: bool,
    choices: Choices,
}

/// A field of an item that its forward input reads, and one that its compensation's input reads.
const FORWARD: &str = "forward";
const UNDO: &str = "undo";

impl Skeleton {
    /// Strips a definition of its values, and gives its lists so many items.
    pub fn of(definition: &Definition, items: &Items) -> Skeleton {
        let schema = InputSchema::closing(&definition.input_schema);
        let mut bare = definition.clone();
        bare.output = Mapping::null();
        let mut units: Vec<UnitFacts> = Vec::with_capacity(bare.steps.len());
        let mut made = Map::new();
        for (step, bare) in bare.steps.iter_mut().enumerate() {
            units.push(UnitFacts::of_step(definition, step, &schema));
            strip(step, bare, items[step], &mut made);
        }
        let mut fans = Vec::new();
        for (step, count) in items.iter().enumerate() {
            if definition.steps[step].each.is_none() {
                continue;
            }
            fans.push(Fan {
                step,
                first: units.len(),
                items: Arc::new(vec![well_made(); *count]),
            });
            units.extend(
                (0..*count).map(|item| UnitFacts::of_item(definition, step, item, &schema)),
            );
        }
        Skeleton {
            choices: Choices::of(definition),
            definition: bare,
            units,
            fans,
            all_made: Arc::new(Value::Object(made)),
            merges: true,
        }
    }

    /// The saga that nobody has started.
    pub fn unborn(&self) -> State {
        let mut saga = State::unborn("a saga", &self.definition);
        saga.fans.clone_from(&self.fans);
        saga.steps.resize(self.units.len(), StepState::fresh());
        saga
    }

    /// A saga in the middle of its life, with its items where this has them; lists that are not made yet have fresh ones.
    pub fn standing(&self, state: &State) -> State {
        let own = self.definition.steps.len();
        let mut steps: Vec<StepState> = state.steps.iter().take(own).cloned().collect();
        for fan in &self.fans {
            let made = &state.steps[state.units_of(fan.step)];
            if made.is_empty() {
                steps.extend(std::iter::repeat_n(StepState::fresh(), fan.items.len()));
            } else {
                steps.extend_from_slice(made);
            }
        }
        State {
            steps,
            fans: self.fans.clone(),
            ..state.clone()
        }
    }

    /// The step of a unit.
    pub fn step(&self, unit: Unit) -> &Step {
        &self.definition.steps[self.units[unit].step]
    }

    /// The units that belong to a step: itself, and its items.
    pub fn units_of(&self, step: usize) -> impl Iterator<Item = Unit> + '_ {
        let fan = self.fans.iter().filter(move |fan| fan.step == step);
        std::iter::once(step).chain(fan.flat_map(|fan| fan.first..fan.first + fan.items.len()))
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

    /// What may become of the condition and the input of a unit that is about to start, after what became of others.
    pub(super) fn options(&self, unit: Unit, saga: &State, fates: &[(Unit, Fate)]) -> Vec<Fate> {
        self.choices.narrow(unit, &self.units[unit], saga, fates)
    }

    /// Gives a saga these fates; whatever is not named can be made.
    pub(super) fn give(&self, saga: &mut State, forward: &[(Unit, Fate)], undo: &[(Unit, Fate)]) {
        saga.input = Arc::clone(&self.all_made);
        saga.fans.clone_from(&self.fans);
        let unmade = |(_, fate): &&(Unit, Fate)| *fate != Fate::Made;
        for &(unit, fate) in forward.iter().filter(unmade) {
            match (self.units[unit].item, fate) {
                (_, Fate::Made) => {}
                (None, Fate::Skipped) => put(saga, when_key(unit), json!(false)),
                (None, Fate::Unmappable) => take(saga, &forward_key(unit)),
                (Some(_), Fate::Skipped | Fate::Unmappable) => self.spoil(saga, unit, FORWARD),
            }
        }
        for &(unit, _) in undo.iter().filter(unmade) {
            match self.units[unit].item {
                None => take(saga, &undo_key(unit)),
                Some(_) => self.spoil(saga, unit, UNDO),
            }
        }
    }

    /// Takes a field away from the item that a unit works on.
    fn spoil(&self, saga: &mut State, unit: Unit, field: &str) {
        let own = |fan: &&mut Fan| (fan.first..fan.first + fan.items.len()).contains(&unit);
        if let Some(fan) = saga.fans.iter_mut().find(own)
            && let Some(Value::Object(item)) =
                Arc::make_mut(&mut fan.items).get_mut(unit - fan.first)
        {
            item.remove(field);
        }
    }
}

/// Lets a step of the copy read nothing but its fates.
fn strip(index: usize, step: &mut Step, items: usize, made: &mut Map<String, Value>) {
    let reads = |field: &str| Mapping::reading(Reference::Item(vec![field.to_owned()]));
    let undone_by = |input: Mapping, step: &mut Step| {
        if let Undo::Compensate(undo) = &mut step.undo {
            undo.input = input;
        }
    };
    match &mut step.each {
        Some(each) => {
            each.list = Mapping::reading(truth(forward_key(index)));
            made.insert(forward_key(index), json!(vec![Value::Null; items]));
            step.input = reads(FORWARD);
            undone_by(reads(UNDO), step);
        }
        None => {
            step.input = Mapping::reading(truth(forward_key(index)));
            made.insert(forward_key(index), json!(true));
            undone_by(Mapping::reading(truth(undo_key(index))), step);
            made.insert(undo_key(index), json!(true));
        }
    }
    if step.when.is_some() {
        step.when = Some(Condition::reading(truth(when_key(index))));
        made.insert(when_key(index), json!(true));
    }
    if let Kind::Wait(wait) = &mut step.kind {
        // Whether a signal is meant is the question's business.
        wait.matches = None;
    }
}

fn well_made() -> Value {
    json!({ FORWARD: true, UNDO: true })
}

fn put(saga: &mut State, key: String, value: Value) {
    if let Value::Object(truths) = Arc::make_mut(&mut saga.input) {
        truths.insert(key, value);
    }
}

fn take(saga: &mut State, key: &str) {
    if let Value::Object(truths) = Arc::make_mut(&mut saga.input) {
        truths.remove(key);
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

fn forward_key(step: usize) -> String {
    format!("forward_{step}")
}

fn when_key(step: usize) -> String {
    format!("when_{step}")
}

fn undo_key(step: usize) -> String {
    format!("undo_{step}")
}
