//! The explorer: every interleaving of a definition, with the production heart.
//!
//! ```text
//! skeleton   the definition without its values; conditions and inputs turn out as the explorer wants
//! heart      decide and evolve, asked once for each pair of saga and question
//! participant  what may have become of one effect, as a set
//! world      one saga and its participants, and how it moves
//! items      over how many items `each` steps are explored; same: which worlds need not be told apart
//! moves      what may happen next; properties: what must hold; search: all of it
//! story      a counterexample as people tell it
//! ```
//!
//! What is proved holds for every run of the engine under the assumptions of `docs/proof.md`: not for values (no
//! price is looked at), not for the code of workers (they keep the promises of the barrier), and with time as order
//! only. The reductions that make it small are argued where they are made, and each is checked against a model
//! without it in `tests/check`.

mod draw;
mod ends;
mod fewer;
mod hash;
pub mod heart;
mod items;
mod moves;
pub mod participant;
pub mod properties;
mod report;
mod same;
mod search;
pub mod skeleton;
mod standing;
mod story;
mod words;
pub mod world;

pub use draw::{mermaid, svg};
pub use ends::{End, Parked, SET_ASIDE};
pub use properties::Property;
pub use report::{Counterexample, Limits, Report, Verdict};
pub use story::{Actor, Line, Story};

use heart::{Ask, Heart, Idle};
use items::Items;
use participant::Participant;
use properties::{Breach, Property as P};
use search::{Aim, Found, Goal};
use skeleton::Skeleton;
use story::Told;
use world::{Step, World};

use crate::Definition;
use crate::saga::State;

/// Explores a definition: with `each`, once for every small number of items, until one of them is not proved.
pub fn explore(definition: &Definition, limits: Limits) -> Report {
    through(definition, limits, true)
}

/// The same without the reductions of [`same`]: each world is gone through as it is. For the test that finds no
/// difference.
pub fn explore_unmerged(definition: &Definition, limits: Limits) -> Report {
    through(definition, limits, false)
}

fn through(definition: &Definition, limits: Limits, merges: bool) -> Report {
    over_lists(definition, items::variants(definition), |items| {
        let mut skeleton = Skeleton::of(definition, items);
        skeleton.merges = merges;
        explore_one(skeleton, limits)
    })
}

/// Explores from the middle of a saga's life: what may follow from where it stands, whatever its participants have
/// done by then. `state` is one of this definition; `before` is the version that it has left, under which its effects
/// were made.
pub fn explore_from(
    definition: &Definition,
    before: &Definition,
    state: &State,
    limits: Limits,
) -> Report {
    let (definition, state) = &fewer::fewer(definition, state);
    let variants = items::variants_from(definition, state);
    over_lists(definition, variants, |items| {
        explore_standing(Skeleton::of(definition, items), before, state, limits)
    })
}

/// Goes through lists of these lengths, one after the other, until something is not proved.
fn over_lists(
    definition: &Definition,
    variants: Vec<Items>,
    mut explore: impl FnMut(&Items) -> Report,
) -> Report {
    let mut whole: Option<Report> = None;
    let (mut proved_to, mut most_before) = (None, None);
    for items in variants {
        // The fewest items come first: here all that have fewer are proved.
        let most = items.iter().copied().max();
        if most > most_before && whole.is_some() {
            proved_to = most_before;
        }
        most_before = most;
        let report = explore(&items);
        let goes_on = report.verdict.is_proved();
        whole = Some(match whole {
            None => report,
            Some(before) => before.and(report),
        });
        if !goes_on {
            break;
        }
    }
    // There is always a variant: a definition without lists has one.
    let whole = whole.unwrap_or_else(|| explore(&vec![0; definition.steps.len()]));
    if !items::fans_out(definition) {
        return whole;
    }
    let items = match whole.verdict {
        Verdict::Proved => most_before,
        Verdict::Disproved(_) | Verdict::NotProved { .. } => proved_to,
    };
    Report { items, ..whole }
}

fn explore_standing(
    mut skeleton: Skeleton,
    before: &Definition,
    state: &State,
    limits: Limits,
) -> Report {
    let state = skeleton.standing(state);
    // An effect that was made to expire still does, whatever the new version says.
    for unit in &mut skeleton.units {
        let id = unit.id.split(':').next().unwrap_or_default();
        let step = before.step_index(id).map(|step| &before.steps[step]);
        unit.lapses |= step.is_some_and(|step| step.expires_ms.is_some());
    }
    let mut heart = Heart::new(skeleton);
    let standing = World::standing(&mut heart, &state);
    // What the version makes ready starts before anything else can happen: a look does nothing but that.
    let look = Ask::Idle(Idle::LookedAt);
    let outcomes = heart.ask(standing.saga(), look);
    let mut roots = Vec::new();
    for (number, outcome) in outcomes.iter().enumerate() {
        match standing.after(&heart, look, outcome) {
            Step::To(world) => roots.push(world),
            Step::Nothing => roots.push(standing.clone()),
            Step::Breach(breach) => {
                let way = [(standing.saga(), look, number)];
                return Report {
                    verdict: disproved(&mut heart, standing.all(), &way, breach),
                    states: 1,
                    steps: 0,
                    ends: Vec::new(),
                    items: None,
                };
            }
        }
    }
    explore_worlds(&mut heart, roots, limits, |_| Verdict::NotProved {
        walks: 0,
        seed: limits.seed,
    })
}

fn explore_one(skeleton: Skeleton, limits: Limits) -> Report {
    let mut heart = Heart::new(skeleton);
    let unborn = World::unborn(&mut heart);
    explore_worlds(&mut heart, vec![unborn], limits, |skeleton| {
        beyond(skeleton, limits)
    })
}

/// Goes through everything that follows from these worlds; `beyond` judges when that is too much.
fn explore_worlds(
    heart: &mut Heart,
    roots: Vec<World>,
    limits: Limits,
    beyond: impl FnOnce(&Skeleton) -> Verdict,
) -> Report {
    let (graph, found) = search::breadth_first(heart, roots, limits.states_max);
    let (verdict, ends) = match found {
        Found::Breach { breach, root, way } => {
            let from = graph.world(root).clone();
            let goal = Goal::Breach(&breach);
            let (told, again) = search::retraced(heart, &graph, &from, &way, goal);
            let breach = again.unwrap_or(breach);
            (disproved(heart, from.all(), &told, breach), Vec::new())
        }
        Found::TooMany => (beyond(heart.skeleton()), Vec::new()),
        Found::Everything => match unending(heart, &graph) {
            None => (Verdict::Proved, ends::of(heart, &graph)),
            Some((world, breach)) => {
                let from = graph.world(graph.root(world)).clone();
                let goal = Goal::World(graph.world(world));
                let (told, _) = search::retraced(heart, &graph, &from, &graph.way(world), goal);
                (disproved(heart, from.all(), &told, breach), Vec::new())
            }
        },
    };
    Report {
        verdict,
        states: graph.len(),
        steps: graph.steps(),
        ends,
        items: None,
    }
}

/// A world from which the saga does not come to where it should.
fn unending(heart: &Heart, graph: &search::Graph) -> Option<(search::WorldId, Breach)> {
    let aims = [
        (
            Aim::EndOrHuman,
            P::AlwaysEnds,
            "from here nothing leads to an end or before a human",
        ),
        (
            Aim::End,
            P::Mendable,
            "from here no retry of a human leads to an end",
        ),
    ];
    aims.into_iter().find_map(|(aim, property, said)| {
        let world = search::falls_short(heart, graph, aim)?;
        Some((world, Breach::of(property, said.to_owned())))
    })
}

fn disproved(heart: &mut Heart, from: &[Participant], way: &[Told], breach: Breach) -> Verdict {
    let story = story::tell(heart, from, way, &breach);
    Verdict::Disproved(Box::new(Counterexample {
        property: breach.property,
        said: breach.said,
        story,
    }))
}

/// Beyond the bound: at random.
fn beyond(skeleton: &Skeleton, limits: Limits) -> Verdict {
    match search::random_walks(skeleton, limits.walks, limits.seed) {
        None => Verdict::NotProved {
            walks: limits.walks,
            seed: limits.seed,
        },
        Some(mut broken) => {
            let way: Vec<Told> = broken
                .way
                .iter()
                .map(|(world, edge)| (world.saga(), edge.ask, edge.outcome))
                .collect();
            let from = vec![Participant::untouched(); skeleton.units.len()];
            disproved(&mut broken.heart, &from, &way, broken.breach)
        }
    }
}
