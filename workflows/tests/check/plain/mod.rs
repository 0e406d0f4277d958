//! A second model, written from the texts and not from the explorer: sagas as they are, participants that are in one
//! state at a time, messages that are on their way. Nothing is a set of possibilities, nothing is derived, and what
//! the explorer leaves away can be switched on ([`Switches`]).
//!
//! It is slow and good for two or three steps. What it finds at rest is compared with what the explorer finds.

mod engine;
mod participant;
mod rest;
mod world;

use std::collections::{BTreeSet, HashSet, VecDeque};

use impresario_workflows::Definition;
use serde_json::Value;

pub(crate) use engine::Engine;
pub(crate) use rest::{Rest, of_the_explorer};
pub(crate) use world::World;

/// What is modelled as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Switches {
    /// Attempts are counted, backed off and answered one by one; otherwise any may be the last.
    pub(crate) attempts_counted: bool,
    /// Tasks are published some time after the commit; otherwise with it.
    pub(crate) outbox_apart: bool,
    /// Another replica decides too, on what it has cached.
    pub(crate) replica: Replica,
}

/// The other replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replica {
    /// There is none.
    None,
    /// Its decisions count only when nothing was committed since it looked.
    Fenced,
    /// Its decisions count always: what the compare-and-set is there for.
    Unfenced,
}

impl Switches {
    /// As the explorer has it, but for sets of possibilities.
    pub(crate) const FEW: Switches = Switches {
        attempts_counted: false,
        outbox_apart: false,
        replica: Replica::None,
    };
}

/// A definition, and how it is modelled.
pub(crate) struct Plain {
    pub(crate) engine: Engine,
    pub(crate) switches: Switches,
}

impl Plain {
    pub(crate) fn new(definition: Definition, input: Value, switches: Switches) -> Plain {
        Plain {
            engine: Engine::new(definition, input, switches.attempts_counted),
            switches,
        }
    }

    /// Everything that is found at rest, and how many worlds there are.
    pub(crate) fn explored(&self) -> (BTreeSet<Rest>, usize) {
        let mut found = BTreeSet::new();
        let first = self.unborn();
        let mut seen = HashSet::from([first]);
        let mut queue = VecDeque::from([first]);
        while let Some(world) = queue.pop_front() {
            found.extend(self.rest(&world));
            for next in self.steps(&world) {
                if seen.insert(next) {
                    queue.push_back(next);
                }
            }
        }
        (found, seen.len())
    }
}
