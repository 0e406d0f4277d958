//! All worlds, breadth first.

use super::graph::{Edge, Follow, Graph, WorldId};
use crate::check::heart::{Ask, Heart, Outcome};
use crate::check::moves;
use crate::check::properties::{self, Breach, Scene};
use crate::check::world::{Step, World};

/// What came of it.
pub(in crate::check) enum Found {
    /// Every world there is, and nothing breaks.
    Everything,
    /// Something breaks; the way to it is the shortest.
    Breach {
        /// What.
        breach: Breach,
        /// How to get there.
        way: Vec<Edge>,
    },
    /// There are more worlds than were allowed.
    TooMany,
}

/// Goes through every world, as long as there are no more than `worlds_max`.
pub(in crate::check) fn breadth_first(heart: &mut Heart, worlds_max: usize) -> (Graph, Found) {
    let mut graph = Graph::default();
    let unborn = World::unborn(heart);
    graph.number(unborn, None);
    let mut next: WorldId = 0;
    while (next as usize) < graph.len() {
        if graph.len() > worlds_max {
            return (graph, Found::TooMany);
        }
        if let Some((breach, last)) = go_through(heart, &mut graph, next) {
            let mut way = graph.way(next);
            way.extend(last);
            return (graph, Found::Breach { breach, way });
        }
        next += 1;
    }
    (graph, Found::Everything)
}

/// Finds everything that follows from one world. What breaks is given with the edge to it; a world that breaks by
/// itself needs none.
fn go_through(heart: &mut Heart, graph: &mut Graph, id: WorldId) -> Option<(Breach, Option<Edge>)> {
    let world = graph.world(id).clone();
    let scene = Scene {
        skeleton: heart.skeleton(),
        saga: heart.saga(world.saga()),
        world: &world,
    };
    if let Some(breach) = properties::breach(scene) {
        return Some((breach, None));
    }
    let asks = moves::all(scene.skeleton, scene.saga, world.all());
    let helpful = moves::helpful(scene.skeleton, scene.saga, &world);
    let mut follow = Vec::new();
    let mut leads: Vec<(Ask, WorldId)> = Vec::new();
    for ask in asks {
        for (outcome, what) in heart.ask(world.saga(), ask).iter().enumerate() {
            let edge = Edge {
                from: id,
                ask,
                outcome,
            };
            let to = match world.after(heart, ask, what) {
                Step::Nothing => id,
                Step::Breach(breach) => return Some((breach, Some(edge))),
                Step::To(after) => {
                    let to = graph.number(after, Some(edge));
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
