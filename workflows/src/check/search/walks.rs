//! Random walks through more worlds than can be gone through: they may find what breaks and prove nothing.
//!
//! The seed makes the same walks again, on every machine.

use super::graph::Edge;
use crate::check::heart::Heart;
use crate::check::moves;
use crate::check::properties::{self, Breach, Scene};
use crate::check::skeleton::Skeleton;
use crate::check::world::{Step, World};

/// A walk that has not ended by then goes in circles.
const MOVES_MAX: usize = 400;

/// So many sagas are remembered at a time: what the heart said about more would fill the memory.
const SAGAS_MAX: usize = 200_000;

/// A walk that broke something.
pub(in crate::check) struct Broken {
    /// What.
    pub(in crate::check) breach: Breach,
    /// The heart whose numbers `way` speaks of.
    pub(in crate::check) heart: Heart,
    /// The worlds of the walk, and the question and outcome that led on from each.
    pub(in crate::check) way: Vec<(World, Edge)>,
}

/// Walks `walks` times from the start, until something breaks.
pub(in crate::check) fn random_walks(
    skeleton: &Skeleton,
    walks: usize,
    seed: u64,
) -> Option<Broken> {
    let mut chance = Chance(seed);
    let mut heart = Heart::new(skeleton.clone());
    for _ in 0..walks {
        if heart.met() > SAGAS_MAX {
            heart = Heart::new(skeleton.clone());
        }
        let (way, breach) = one(&mut heart, &mut chance);
        if let Some(breach) = breach {
            return Some(Broken { breach, heart, way });
        }
    }
    None
}

fn one(heart: &mut Heart, chance: &mut Chance) -> (Vec<(World, Edge)>, Option<Breach>) {
    let mut world = World::unborn(heart);
    let mut way = Vec::new();
    for _ in 0..MOVES_MAX {
        let scene = Scene {
            skeleton: heart.skeleton(),
            saga: heart.saga(world.saga()),
            world: &world,
        };
        if let Some(breach) = properties::breach(scene) {
            return (way, Some(breach));
        }
        let asks = moves::all(scene.skeleton, scene.saga, world.all());
        let Some(ask) = chance.pick(&asks).copied() else {
            break;
        };
        let outcomes = heart.ask(world.saga(), ask);
        let outcome = chance.below(outcomes.len());
        let Some(what) = outcomes.get(outcome) else {
            continue;
        };
        let edge = Edge {
            from: 0,
            ask,
            outcome,
        };
        match world.after(heart, ask, what) {
            Step::Nothing => {}
            Step::Breach(breach) => {
                way.push((world.clone(), edge));
                return (way, Some(breach));
            }
            Step::To(after) => way.push((std::mem::replace(&mut world, after), edge)),
        }
    }
    (way, None)
}

/// A small generator of numbers, the same on every machine (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; zero when there is none.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next())
            .unwrap_or(0)
            .checked_rem(bound)
            .unwrap_or(0)
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.below(list.len()))
    }
}
