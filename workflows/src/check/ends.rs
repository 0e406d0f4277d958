//! The ways in which a saga can come to rest, and what each of them leaves in the world.
//!
//! At rest means that nothing goes on by itself: it has ended, or it stands before a human and waits for nothing
//! else. Ways that differ only in how they came about are one; the fewest faults that lead there are told.

use std::collections::BTreeMap;

use serde::Serialize;

use super::heart::Heart;
use super::participant::KeptSet;
use super::search::{Graph, fewest_faults};
use super::world::World;
use crate::saga::{State, Status};

/// One way to end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct End {
    /// `completed`, `compensated` or `stuck`.
    pub status: &'static str,
    /// What stands before a human.
    pub parked: Vec<Parked>,
    /// Effects that are there.
    pub there: Vec<String>,
    /// Effects that may be there or not, or may still come.
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
    let mut found: BTreeMap<(Status, Vec<Parked>, Vec<String>, Vec<String>), u32> = BTreeMap::new();
    for (id, faults) in graph.ids().zip(faults) {
        let world = graph.world(id);
        let saga = heart.saga(world.saga());
        let Some(status) = rest(heart, saga) else {
            continue;
        };
        let (there, open) = left(heart, world);
        let key = (status, parked(heart, saga), there, open);
        let fewest = found.entry(key).or_insert(faults);
        *fewest = faults.min(*fewest);
    }
    let mut ends: Vec<(u8, End)> = found
        .into_iter()
        .map(|((status, parked, there, open), faults)| {
            let end = End {
                status: status.as_str(),
                parked,
                there,
                open,
                faults,
            };
            (rank(status), end)
        })
        .collect();
    ends.sort_by(|(a, one), (b, other)| (a, one.faults, one).cmp(&(b, other.faults, other)));
    ends.into_iter().map(|(_, end)| end).collect()
}

/// The status of a saga at rest.
fn rest(heart: &Heart, saga: &State) -> Option<Status> {
    let definition = &heart.skeleton().definition;
    let status = saga.status(definition);
    match status {
        Status::Completed | Status::Compensated => Some(status),
        Status::Stuck if saga.next_wake(definition).is_none() => Some(status),
        Status::Running | Status::Compensating | Status::Stuck => None,
    }
}

fn rank(status: Status) -> u8 {
    match status {
        Status::Completed => 0,
        Status::Compensated => 1,
        Status::Running | Status::Compensating | Status::Stuck => 2,
    }
}

fn parked(heart: &Heart, saga: &State) -> Vec<Parked> {
    let skeleton = heart.skeleton();
    if saga.quarantine.is_some() {
        return vec![Parked {
            step: String::new(),
            operation: "engine_error",
        }];
    }
    saga.parked(&skeleton.definition)
        .map(|(unit, operation, _)| Parked {
            step: skeleton.units[unit].id.clone(),
            operation: operation.as_str(),
        })
        .collect()
}

/// Effects that are there, and those of which it cannot be told.
fn left(heart: &Heart, world: &World) -> (Vec<String>, Vec<String>) {
    let (mut there, mut open) = (Vec::new(), Vec::new());
    for (unit, participant) in world.participants() {
        let facts = &heart.skeleton().units[unit];
        let possible = participant.possible();
        if facts.readonly || !possible.may_be_there() {
            continue;
        }
        let name = facts.effect.as_ref().unwrap_or(&facts.id).clone();
        if is_certain(possible) {
            there.push(name);
        } else {
            open.push(name);
        }
    }
    (there, open)
}

fn is_certain(possible: KeptSet) -> bool {
    possible.iter().all(super::participant::Kept::is_there)
}
