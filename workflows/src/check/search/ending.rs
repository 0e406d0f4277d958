//! From every world, once faults have stopped, the saga ends or stands before a human; and from before a human, once
//! somebody retries, it ends.
//!
//! Worked out backwards from the ends: a world ends surely when some work is waited for, and whichever answer a
//! participant that works gives to it, what follows ends surely. Participants cannot be asked what has happened to
//! them before the faults stopped, hence "whichever".
//!
//! No retry helps a step whose input cannot be made: what it reads never changes. Such a saga stands before a human
//! for good, and that is as far as this goes.

use super::graph::{Graph, WorldId};
use crate::check::heart::{Heart, is_unmappable};
use crate::saga::{Forward, Phase, State, Status};

/// What a saga should come to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::check) enum Aim {
    /// To an end, or before a human.
    EndOrHuman,
    /// To an end, with the help of humans.
    End,
}

/// A world from which it does not surely come to that; when there are some from which nothing at all leads to an end, the
/// first of those, for it shows best what is wrong.
pub(in crate::check) fn falls_short(heart: &Heart, graph: &Graph, aim: Aim) -> Option<WorldId> {
    let first_of_not = |ends: &[bool]| graph.ids().find(|id| !ends[*id as usize]);
    let not_surely = first_of_not(&ending(heart, graph, aim, Answers::All))?;
    first_of_not(&ending(heart, graph, aim, Answers::Any)).or(Some(not_surely))
}

/// How many of the possible answers to one task must lead to an end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answers {
    All,
    Any,
}

/// For each world whether it comes to that.
fn ending(heart: &Heart, graph: &Graph, aim: Aim, answers: Answers) -> Vec<bool> {
    let helpful = graph.helpful();
    let mut missing: Vec<usize> = helpful
        .iter()
        .map(|helpful| match answers {
            Answers::All => helpful.to.len(),
            Answers::Any => 1,
        })
        .collect();
    let mut reached_by: Vec<Vec<u32>> = vec![Vec::new(); graph.len()];
    for (which, helpful) in (0_u32..).zip(helpful) {
        for to in &helpful.to {
            reached_by[*to as usize].push(which);
        }
    }
    let mut ends = vec![false; graph.len()];
    let mut news: Vec<WorldId> = graph
        .ids()
        .filter(|id| is_there(heart, graph, aim, *id))
        .collect();
    for id in &news {
        ends[*id as usize] = true;
    }
    while let Some(id) = news.pop() {
        for which in &reached_by[id as usize] {
            let which = *which as usize;
            missing[which] = missing[which].saturating_sub(1);
            let from = helpful[which].from;
            if missing[which] == 0 && !ends[from as usize] {
                ends[from as usize] = true;
                news.push(from);
            }
        }
    }
    ends
}

/// Whether there is nothing more to prove.
fn is_there(heart: &Heart, graph: &Graph, aim: Aim, id: WorldId) -> bool {
    let saga = heart.saga(graph.world(id).saga());
    let definition = &heart.skeleton().definition;
    match (saga.status(definition), aim) {
        (Status::Completed | Status::Compensated, _) | (Status::Stuck, Aim::EndOrHuman) => true,
        (Status::Stuck, Aim::End) => cannot_be_made(heart, saga),
        // A saga that nobody has started has nothing to come to.
        (Status::Running | Status::Waiting | Status::Compensating, _) => {
            saga.phase == Phase::New
        }
    }
}

/// Whether something stands before a human because its input cannot be made.
fn cannot_be_made(heart: &Heart, saga: &State) -> bool {
    let parked = saga.parked(&heart.skeleton().definition);
    let mut blocked = parked.filter(|(unit, _, problem)| {
        is_unmappable(problem) || matches!(saga.steps[*unit].forward, Forward::Blocked { .. })
    });
    blocked.next().is_some()
}
