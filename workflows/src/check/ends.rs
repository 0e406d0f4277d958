//! The ways in which a saga can come to rest, and what each of them leaves in the world.
//!
//! At rest means that nothing goes on by itself: it has ended, or it stands before a human and waits for nothing
//! else. Ways that differ only in how they came about are one; the fewest faults that lead there are told. A saga
//! that the engine sets aside can stand anywhere, so that is one way too, and tells nothing about effects.

use std::collections::BTreeMap;

use serde::Serialize;

use super::heart::Heart;
use super::participant::{Kept, KeptSet};
use super::search::{Graph, fewest_faults};
use super::skeleton::Undoing;
use super::world::World;
use crate::saga::{State, Status};

/// The word for a saga that the engine could not decide: it stands before a human wherever it was.
pub const SET_ASIDE: &str = "set aside";

/// One way to end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct End {
    /// `completed`, `compensated`, `stuck`, or `set aside`.
    pub status: &'static str,
    /// What stands before a human.
    pub parked: Vec<Parked>,
    /// Effects that are there.
    pub there: Vec<String>,
    /// Effects that may be there or not, or may still come, or are there of some items only.
    pub open: Vec<String>,
    /// The fewest faults by which it is reached.
    pub faults: u32,
}

/// A step in front of a human.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Parked {
    /// The step.
    pub step: String,
    /// What would be tried again.
    pub operation: &'static str,
}

/// All of them, the best first.
pub(super) fn of(heart: &Heart, graph: &Graph) -> Vec<End> {
    let faults = fewest_faults(graph);
    let mut found: BTreeMap<(Rest, Vec<Parked>, Left), u32> = BTreeMap::new();
    for (id, faults) in graph.ids().zip(faults) {
        let world = graph.world(id);
        let saga = heart.saga(world.saga());
        let way = match rest(heart, saga) {
            None => continue,
            Some(Rest::SetAside) => (Rest::SetAside, Vec::new(), Left::default()),
            Some(rest) => (rest, parked(heart, saga), left(heart, world)),
        };
        let fewest = found.entry(way).or_insert(faults);
        *fewest = faults.min(*fewest);
    }
    let mut ends: Vec<(Rest, End)> = found
        .into_iter()
        .map(|((rest, parked, left), faults)| {
            let end = End {
                status: rest.as_str(),
                parked,
                there: left.there,
                open: left.open,
                faults,
            };
            (rest, end)
        })
        .collect();
    ends.sort_by(|(a, one), (b, other)| (a, one.faults, one).cmp(&(b, other.faults, other)));
    ends.into_iter().map(|(_, end)| end).collect()
}

/// How a saga can be at rest, the best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rest {
    Completed,
    Compensated,
    Stuck,
    SetAside,
}

impl Rest {
    fn as_str(self) -> &'static str {
        match self {
            Rest::Completed => Status::Completed.as_str(),
            Rest::Compensated => Status::Compensated.as_str(),
            Rest::Stuck => Status::Stuck.as_str(),
            Rest::SetAside => SET_ASIDE,
        }
    }
}

fn rest(heart: &Heart, saga: &State) -> Option<Rest> {
    let definition = &heart.skeleton().definition;
    match saga.status(definition) {
        Status::Completed => Some(Rest::Completed),
        Status::Compensated => Some(Rest::Compensated),
        Status::Stuck if saga.quarantine.is_some() => Some(Rest::SetAside),
        Status::Stuck if saga.next_wake(definition).is_none() => Some(Rest::Stuck),
        Status::Running | Status::Waiting | Status::Compensating | Status::Stuck => None,
    }
}

fn parked(heart: &Heart, saga: &State) -> Vec<Parked> {
    let skeleton = heart.skeleton();
    let mut parked: Vec<Parked> = saga
        .parked(&skeleton.definition)
        .map(|(unit, operation, _)| Parked {
            step: skeleton.step(unit).id.clone(),
            operation: operation.as_str(),
        })
        .collect();
    // How many items of a step are parked makes no other way.
    parked.sort();
    parked.dedup();
    parked
}

/// What is in the world.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Left {
    /// For certain.
    there: Vec<String>,
    /// Or not, or not yet.
    open: Vec<String>,
}

/// Effects by name. One that nobody named counts when it has to be undone.
fn left(heart: &Heart, world: &World) -> Left {
    let mut found: Vec<(&str, Vec<(usize, Possible)>)> = Vec::new();
    for (unit, participant) in world.participants() {
        let facts = &heart.skeleton().units[unit];
        let nameless = match facts.undoing {
            Undoing::Undone | Undoing::Never => Some(&heart.skeleton().step(unit).id),
            Undoing::Left => None,
        };
        let Some(name) = facts.effect.as_ref().or(nameless) else {
            continue;
        };
        let of_unit = (facts.step, Possible::of(participant.possible()));
        match found.iter_mut().find(|(known, _)| *known == name) {
            Some((_, units)) => units.push(of_unit),
            None => found.push((name, vec![of_unit])),
        }
    }
    let mut left = Left::default();
    for (name, units) in found {
        match together(&units) {
            Possible::There => left.there.push(name.to_owned()),
            Possible::Perhaps => left.open.push(name.to_owned()),
            Possible::Missing => {}
        }
    }
    left
}

/// An effect that several units can have: there when all items of one step have it.
fn together(units: &[(usize, Possible)]) -> Possible {
    let of_step = |step: usize| units.iter().filter(move |(other, _)| *other == step);
    let all_there = |step| of_step(step).all(|(_, unit)| *unit == Possible::There);
    if units.iter().any(|(step, _)| all_there(*step)) {
        Possible::There
    } else if units.iter().all(|(_, unit)| *unit == Possible::Missing) {
        Possible::Missing
    } else {
        Possible::Perhaps
    }
}

/// Whether one effect of one unit is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Possible {
    There,
    Perhaps,
    Missing,
}

impl Possible {
    fn of(possible: KeptSet) -> Possible {
        if possible.iter().all(Kept::is_there) {
            Possible::There
        } else if possible.may_be_there() {
            Possible::Perhaps
        } else {
            Possible::Missing
        }
    }
}
