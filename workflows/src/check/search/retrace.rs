//! A way through worlds that stand for others, gone once more through worlds as they are.
//!
//! Representatives have forgotten what no longer leads anywhere, and their items change places: nobody wants to read
//! that. So from the start, in each world the first thing is done that leads to one for which the next of the way
//! stands. There always is one, for a world and its representative can do the same.

use super::breadth::judged;
use super::graph::{Edge, Graph};
use crate::check::heart::{Ask, Heart};
use crate::check::moves;
use crate::check::properties::Breach;
use crate::check::same;
use crate::check::story::Told;
use crate::check::world::{Step, World};

/// The way as it happens, for whoever tells it; and what breaks at its end, when something does.
pub(in crate::check) fn retraced(
    heart: &mut Heart,
    graph: &Graph,
    from: &World,
    way: &[Edge],
    goal: Goal<'_>,
) -> (Vec<Told>, Option<Breach>) {
    let mut told = Vec::with_capacity(way.len());
    let mut world = from.clone();
    for (at, edge) in way.iter().enumerate() {
        let next = match (way.get(at + 1), goal) {
            (Some(next), _) => graph.world(next.from),
            (None, Goal::World(goal)) => goal,
            (None, Goal::Breach(breach)) => {
                let found = breaking(heart, &world, breach);
                let breach = found.map(|(ask, outcome, breach)| {
                    told.push((world.saga(), ask, outcome));
                    breach
                });
                return (told, breach);
            }
        };
        let Some((ask, outcome, after)) = leading(heart, &world, edge.ask, next) else {
            break;
        };
        told.push((world.saga(), ask, outcome));
        world = after;
    }
    (told, None)
}

/// Where a way ends.
#[derive(Clone, Copy)]
pub(in crate::check) enum Goal<'g> {
    /// In this world.
    World(&'g World),
    /// Where this breaks.
    Breach(&'g Breach),
}

/// What leads to a world that `next` stands for; what led the representative there comes first.
fn leading(
    heart: &mut Heart,
    world: &World,
    first: Ask,
    next: &World,
) -> Option<(Ask, usize, World)> {
    let mut asks = asks(heart, world);
    asks.sort_by_key(|ask| *ask != first);
    for ask in asks {
        for (number, outcome) in heart.ask(world.saga(), ask).iter().enumerate() {
            if let Step::To(after) = world.after(heart, ask, outcome)
                && same::representative(heart, &after) == *next
            {
                return Some((ask, number, after));
            }
        }
    }
    None
}

/// What breaks the same rule.
fn breaking(heart: &mut Heart, world: &World, breach: &Breach) -> Option<(Ask, usize, Breach)> {
    for ask in asks(heart, world) {
        for (number, outcome) in heart.ask(world.saga(), ask).iter().enumerate() {
            if let Step::Breach(found) = judged(heart, world, ask, outcome)
                && found.property == breach.property
            {
                return Some((ask, number, found));
            }
        }
    }
    None
}

fn asks(heart: &Heart, world: &World) -> Vec<Ask> {
    let saga = heart.saga(world.saga());
    moves::all(heart.skeleton(), saga, world.all())
}
