//! The worlds that were found, how each was reached first, and what follows from each.
//!
//! Kept small, for there may be a million: a world is its saga's number and two bytes for each participant, what
//! follows from it is a list of numbers.

use std::collections::HashMap;

use crate::check::hash::Hashes;
use crate::check::heart::Ask;
use crate::check::world::World;

/// Number of a world, in the order of discovery.
pub(in crate::check) type WorldId = u32;

/// How a world was reached first.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Edge {
    /// From where.
    pub(in crate::check) from: WorldId,
    /// By which question.
    pub(in crate::check) ask: Ask,
    /// And which of its outcomes.
    pub(in crate::check) outcome: usize,
}

/// Worlds and what follows from them.
#[derive(Debug, Default)]
pub(in crate::check) struct Graph {
    worlds: Vec<World>,
    numbers: HashMap<Box<[u16]>, WorldId, Hashes>,
    reached: Vec<Option<Edge>>,
    /// For each world that was gone through, where what follows from it ends in `follow`.
    ends: Vec<usize>,
    follow: Vec<Follow>,
    /// What a participant that works leads to: for each work that is waited for one list.
    helpful: Vec<Helpful>,
}

/// A world that follows; the sign tells whether a fault leads there.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Follow {
    pub(in crate::check) to: WorldId,
    pub(in crate::check) fault: bool,
}

/// Worlds of which one follows, whichever participant answers.
#[derive(Clone, Debug)]
pub(in crate::check) struct Helpful {
    pub(in crate::check) from: WorldId,
    pub(in crate::check) to: Box<[WorldId]>,
}

impl Graph {
    /// The number of a world; `edge` is how it was reached, which is kept when it is new.
    pub(super) fn number(&mut self, world: World, edge: Option<Edge>) -> WorldId {
        let key = world.key();
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = WorldId::try_from(self.worlds.len()).unwrap_or(WorldId::MAX);
        self.worlds.push(world);
        self.reached.push(edge);
        self.numbers.insert(key, number);
        number
    }

    /// The world with this number.
    pub(in crate::check) fn world(&self, id: WorldId) -> &World {
        &self.worlds[id as usize]
    }

    /// How many there are.
    pub(in crate::check) fn len(&self) -> usize {
        self.worlds.len()
    }

    /// How many steps lead from one to another.
    pub(in crate::check) fn steps(&self) -> usize {
        self.follow.len()
    }

    /// All worlds.
    pub(in crate::check) fn ids(&self) -> impl Iterator<Item = WorldId> + use<> {
        0..WorldId::try_from(self.worlds.len()).unwrap_or(WorldId::MAX)
    }

    /// What follows from the world that is gone through next is complete.
    pub(super) fn close(&mut self, mut follow: Vec<Follow>) {
        follow.sort_unstable_by_key(|follow| (follow.to, follow.fault));
        follow.dedup_by_key(|follow| follow.to);
        self.follow.extend(follow);
        self.ends.push(self.follow.len());
    }

    pub(super) fn helps(&mut self, from: WorldId, mut to: Vec<WorldId>) {
        to.sort_unstable();
        to.dedup();
        let to = to.into();
        self.helpful.push(Helpful { from, to });
    }

    pub(super) fn helpful(&self) -> &[Helpful] {
        &self.helpful
    }

    /// What follows from a world.
    pub(super) fn follow(&self, id: WorldId) -> &[Follow] {
        let end = |id: usize| self.ends.get(id).copied().unwrap_or(self.follow.len());
        let start = (id as usize).checked_sub(1).map_or(0, end);
        &self.follow[start..end(id as usize)]
    }

    /// The worlds from which it began.
    pub(super) fn roots(&self) -> impl Iterator<Item = WorldId> + '_ {
        self.ids()
            .take_while(|id| self.reached[*id as usize].is_none())
    }

    /// The world from which this one was reached first.
    pub(in crate::check) fn root(&self, of: WorldId) -> WorldId {
        let mut at = of;
        while let Some(edge) = self.reached[at as usize] {
            at = edge.from;
        }
        at
    }

    /// The way by which a world was reached first: the shortest.
    pub(in crate::check) fn way(&self, to: WorldId) -> Vec<Edge> {
        let mut way = Vec::new();
        let mut at = to;
        while let Some(edge) = self.reached[at as usize] {
            way.push(edge);
            at = edge.from;
        }
        way.reverse();
        way
    }
}
