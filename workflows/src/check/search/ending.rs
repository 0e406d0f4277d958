//! From every world, once faults have stopped, the saga ends or stands before a human.
//!
//! Worked out backwards from the ends: a world ends surely when some work is waited for, and whichever answer a
//! participant that works gives to it, what follows ends surely. Participants cannot be asked what has happened to
//! them before the faults stopped, hence "whichever".

use super::graph::{Graph, WorldId};
use crate::check::heart::Heart;
use crate::saga::Status;

/// A world from which it does not surely end; when there are some from which nothing at all leads to an end, the
/// first of those, for it shows best what is wrong.
pub(in crate::check) fn cannot_end(heart: &Heart, graph: &Graph) -> Option<WorldId> {
    let first_of_not = |ends: &[bool]| graph.ids().find(|id| !ends[*id as usize]);
    let not_surely = first_of_not(&ending(heart, graph, Answers::All))?;
    first_of_not(&ending(heart, graph, Answers::Any)).or(Some(not_surely))
}

/// How many of the possible answers to one task must lead to an end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answers {
    All,
    Any,
}

/// For each world whether it ends.
fn ending(heart: &Heart, graph: &Graph, answers: Answers) -> Vec<bool> {
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
    let mut news: Vec<WorldId> = graph.ids().filter(|id| is_end(heart, graph, *id)).collect();
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

/// Whether there is nothing more to prove: it has ended, stands before a human, or was never started.
fn is_end(heart: &Heart, graph: &Graph, id: WorldId) -> bool {
    let saga = heart.saga(graph.world(id).saga());
    let definition = &heart.skeleton().definition;
    match saga.status(definition) {
        Status::Completed | Status::Compensated | Status::Stuck => true,
        Status::Running | Status::Waiting | Status::Compensating => saga.phase == crate::saga::Phase::New,
    }
}
