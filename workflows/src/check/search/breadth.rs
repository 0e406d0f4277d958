//! All worlds, breadth first.
//!
//! A world is judged when it is found, as it is; then the one that stands for it (`same`) is gone through, once.

use super::graph::{Edge, Follow, Graph, WorldId};
use crate::check::heart::{Ask, Heart, Outcome};
use crate::check::moves;
use crate::check::properties::{self, Breach, Scene};
use crate::check::same;
use crate::check::world::{Step, World};

/// What came of it.
pub(in crate::check) enum Found {
    /// Every world there is, and nothing breaks.
    Everything,
    /// Something breaks; the way to it is the shortest.
    Breach {
        /// What.
        breach: Breach,
        /// Where it began.
        root: WorldId,
        /// How to get there.
        way: Vec<Edge>,
    },
    /// There are more worlds than were allowed.
    TooMany,
}

/// Goes through every world that follows from these, as long as there are no more than `worlds_max`.
pub(in crate::check) fn breadth_first(
    heart: &mut Heart,
    roots: Vec<World>,
    worlds_max: usize,
) -> (Graph, Found) {
    let mut graph = Graph::default();
    for root in roots {
        let same = same::representative(heart, &root);
        graph.number(same, None);
    }
    let mut next: WorldId = 0;
    while (next as usize) < graph.len() {
        if graph.len() > worlds_max {
            return (graph, Found::TooMany);
        }
        if let Some((breach, last)) = go_through(heart, &mut graph, next) {
            let (root, mut way) = (graph.root(next), graph.way(next));
            way.push(last);
            return (graph, Found::Breach { breach, root, way });
        }
        next += 1;
    }
    (graph, Found::Everything)
}

/// What follows from an outcome, judged.
pub(super) fn judged(heart: &Heart, world: &World, ask: Ask, outcome: &Outcome) -> Step {
    match world.after(heart, ask, outcome) {
        Step::To(after) => {
            let scene = Scene {
                skeleton: heart.skeleton(),
                saga: heart.saga(after.saga()),
                world: &after,
            };
            match properties::breach(scene) {
                Some(breach) => Step::Breach(breach),
                None => Step::To(after),
            }
        }
        step @ (Step::Nothing | Step::Breach(_)) => step,
    }
}

/// Finds everything that follows from one world. What breaks is given with the edge to it.
fn go_through(heart: &mut Heart, graph: &mut Graph, id: WorldId) -> Option<(Breach, Edge)> {
    let world = graph.world(id).clone();
    let (skeleton, saga) = (heart.skeleton(), heart.saga(world.saga()));
    let asks = moves::all(skeleton, saga, world.all());
    let helpful = moves::helpful(skeleton, saga, &world);
    let mut follow = Vec::new();
    let mut leads: Vec<(Ask, WorldId)> = Vec::new();
    for ask in asks {
        for (outcome, what) in heart.ask(world.saga(), ask).iter().enumerate() {
            let edge = Edge {
                from: id,
                ask,
                outcome,
            };
            let to = match judged(heart, &world, ask, what) {
                Step::Nothing => id,
                Step::Breach(breach) => return Some((breach, edge)),
                Step::To(after) => {
                    let same = same::representative(heart, &after);
                    let to = graph.number(same, Some(edge));
                    let fault = moves::is_fault(ask) || went_wrong(what);
                    follow.push(Follow { to, fault });
                    to
                }
            };
            leads.push((ask, to));
        }
    }
    graph.close(follow);
    for asks in helpful {
        let of_these = leads.iter().filter(|(ask, _)| asks.contains(ask));
        graph.helps(id, of_these.map(|(_, to)| *to).collect());
    }
    None
}

/// Whether an input could not be made.
fn went_wrong(outcome: &Outcome) -> bool {
    use crate::check::skeleton::Fate;
    outcome
        .fates
        .iter()
        .any(|(_, fate)| *fate == Fate::Unmappable)
}
