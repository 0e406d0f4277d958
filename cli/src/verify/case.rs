//! What is judged: the world, with the indexes that many rules need, and what was found to be wrong.

use std::collections::{BTreeMap, HashMap};

use impresario_workflows::saga::{Event, State, evolve};
use impresario_workflows::{Definition, Millis, SagaId, StepIndex};
use serde_json::Value;

use super::history::Wish;
use super::rule::Rule;
use super::world::{Saga, World};

/// A rule that does not hold.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) rule: Rule,
    /// The saga it is about, if it is about one.
    pub(crate) saga: Option<String>,
    pub(crate) what: String,
}

/// What has been found so far.
#[derive(Default)]
pub(crate) struct Findings(pub(crate) Vec<Violation>);

impl Findings {
    pub(crate) fn report(&mut self, rule: Rule, saga: Option<&str>, what: impl Into<String>) {
        self.0.push(Violation {
            rule,
            saga: saga.map(str::to_owned),
            what: what.into(),
        });
    }
}

/// The world and its indexes.
pub(crate) struct Case<'a> {
    pub(crate) world: &'a World,
    /// The journal folded, by saga; why not, when it does not fold.
    pub(crate) folded: BTreeMap<&'a str, Result<State, String>>,
    /// The saga of each effect key's first part.
    pub(crate) by_part: HashMap<String, &'a str>,
    /// The client's side of each saga.
    pub(crate) by_saga: HashMap<&'a str, &'a Wish>,
}

impl<'a> Case<'a> {
    pub(crate) fn new(world: &'a World) -> Case<'a> {
        let wishes = &world.history.wishes;
        let mut case = Case {
            world,
            folded: BTreeMap::new(),
            by_part: world
                .sagas
                .keys()
                .map(|id| (part(id), id.as_str()))
                .collect(),
            by_saga: world
                .keys
                .iter()
                .filter_map(|row| Some((row.saga_id.as_str(), wishes.get(&row.key)?)))
                .collect(),
        };
        case.folded = world
            .sagas
            .iter()
            .map(|(id, saga)| (id.as_str(), case.fold(id, saga)))
            .collect();
        case
    }

    /// The definition that a saga is pinned to.
    pub(crate) fn definition(&self, saga: &Saga) -> Option<&'a Definition> {
        self.world
            .definitions
            .get(&saga.row.definition)?
            .as_ref()
            .ok()
    }

    /// The definition that a saga began under, which is another one than it is pinned to when it was migrated.
    pub(crate) fn first_definition(&self, saga: &Saga) -> Option<&'a Definition> {
        match saga.events().find_map(Event::versions) {
            Some((begun_under, _)) => self.of_hash(begun_under),
            None => self.definition(saga),
        }
    }

    /// The definition under which this fact and what comes after it are folded, when it is another one from here on.
    pub(crate) fn goes_on_under(&self, event: &Event) -> Option<&'a Definition> {
        event.versions().and_then(|(_, to)| self.of_hash(to))
    }

    fn of_hash(&self, hash: &str) -> Option<&'a Definition> {
        self.world.definitions.get(hash)?.as_ref().ok()
    }

    /// The sagas with definitions that can be read, each with the one that it began under.
    pub(crate) fn readable_from_the_start(
        &self,
    ) -> impl Iterator<Item = (&'a str, &'a Saga, &'a Definition)> {
        self.world.sagas.iter().filter_map(|(id, saga)| {
            let definition = self.first_definition(saga)?;
            Some((id.as_str(), saga, definition))
        })
    }

    /// The sagas with definitions that can be read.
    pub(crate) fn readable(&self) -> impl Iterator<Item = (&'a str, &'a Saga, &'a Definition)> {
        self.world.sagas.iter().filter_map(|(id, saga)| {
            let definition = self.definition(saga)?;
            Some((id.as_str(), saga, definition))
        })
    }

    /// The bookings: what the rules about seats, money and tickets are about.
    pub(crate) fn bookings(&self) -> impl Iterator<Item = (&'a str, &'a Saga)> {
        self.readable()
            .filter(|(_, _, definition)| definition.name == "booking")
            .map(|(id, saga, _)| (id, saga))
    }

    /// What a saga was started with: in its client's words if there are any, otherwise in its journal's.
    pub(crate) fn body(&self, id: &str) -> Option<&'a Value> {
        if let Some(wish) = self.by_saga.get(id) {
            return Some(&wish.body);
        }
        self.world.sagas.get(id)?.input()
    }

    /// Whether an effect is of a saga that a restore has lost, and that nobody has started again: all that is left of it is
    /// what was written back to give it back.
    pub(crate) fn is_lost(&self, effect: &str) -> bool {
        let Some((part, _)) = effect.split_once('/') else {
            return false;
        };
        let (from, to) = (format!("{part}/"), format!("{part}0"));
        !self.by_part.contains_key(part) && self.world.restored.range(from..to).next().is_some()
    }

    pub(crate) fn saga_of_effect(&self, effect: &str) -> Option<&'a str> {
        let part = effect.split('/').next()?;
        self.by_part.get(part).copied()
    }

    fn fold(&self, id: &str, saga: &Saga) -> Result<State, String> {
        let missing = "its definition is missing";
        let mut definition = self.first_definition(saga).ok_or(missing)?;
        let mut state = State::unborn(id, definition);
        for event in saga.events() {
            definition = self.goes_on_under(event).unwrap_or(definition);
            evolve(definition, &mut state, event).map_err(|error| error.to_string())?;
        }
        Ok(state)
    }
}

impl Saga {
    /// All facts, in order.
    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.journal.iter().flat_map(|entry| &entry.body.events)
    }

    fn input(&self) -> Option<&Value> {
        self.events().find_map(|event| match event {
            Event::Started { input, .. } | Event::Found { input, .. } => Some(&**input),
            _ => None,
        })
    }

    /// When it was started, when the store had lost it since and it was made anew.
    pub(crate) fn lost_at(&self) -> Option<Millis> {
        self.events().find_map(|event| match event {
            Event::Found { at, .. } => Some(*at),
            _ => None,
        })
    }

    pub(crate) fn is(&self, status: &str) -> bool {
        self.row.status == status
    }
}

/// The first part of a saga's effect keys.
pub(crate) fn part(saga: &str) -> String {
    saga.parse::<SagaId>()
        .map(SagaId::effect_part)
        .unwrap_or_default()
}

/// Where a unit of work stands in the state: journals name them, states number them.
pub(crate) fn unit(definition: &Definition, _state: &State, name: &str) -> Option<StepIndex> {
    definition.step_index(name)
}
