//! What each participant did: of all lives that fit what the engine was told, the one with the fewest moves, each as
//! early as it can be.

use std::collections::BTreeMap;

use super::lines::SceneOf;
use crate::check::heart::Ask;
use crate::check::participant::{Happening, Kept, Move, Participant, life, may_have_said};
use crate::check::skeleton::{Skeleton, Unit};

/// A move, and before which scene it is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    pub(super) before: usize,
    pub(super) what: &'static Move,
}

/// The life of one participant: its moves, and what was true when each scene began.
#[derive(Clone, Debug, Default)]
pub(super) struct Life {
    pub(super) moves: Vec<Made>,
    at: Vec<Kept>,
}

impl Life {
    /// What was true when this scene began.
    pub(super) fn kept(&self, scene: usize) -> Option<Kept> {
        self.at.get(scene).copied()
    }
}

/// One life for each unit; `truth` says how some of them must end.
pub(super) fn plainest(
    skeleton: &Skeleton,
    from: &[Participant],
    scenes: &[SceneOf],
    truth: &[(Unit, Kept)],
) -> Vec<Life> {
    from.iter()
        .enumerate()
        .map(|(unit, from)| {
            let end = truth.iter().find(|(of, _)| *of == unit);
            of(skeleton, *from, scenes, unit, end.map(|(_, kept)| *kept))
        })
        .collect()
}

type Lives = BTreeMap<Kept, Life>;

fn of(
    skeleton: &Skeleton,
    from: Participant,
    scenes: &[SceneOf],
    unit: Unit,
    end: Option<Kept>,
) -> Life {
    let lapses = skeleton.units[unit].lapses;
    let mut known = from;
    // What may have happened later as well is told: a story begins with as little behind it as there can be.
    let possible = from.possible();
    let follows = |kept: Kept| {
        life().any(|what| what.to == kept && possible.has(what.from) && from.allows(what, lapses))
    };
    let begun = possible.iter().filter(|kept| !follows(*kept));
    let mut lives: Lives = begun.map(|kept| (kept, Life::default())).collect();
    for (number, scene) in scenes.iter().enumerate() {
        lives = moved(lives, known, lapses, number);
        if let Ask::Answered(of, answer) = scene.ask
            && of == unit
        {
            lives.retain(|kept, _| may_have_said(*kept, answer));
        }
        for (kept, life) in &mut lives {
            life.at.push(*kept);
        }
        if scene.outcome.renewed.contains(&unit) {
            known = Participant::untouched();
            let life = lives.into_values().min_by_key(|life| life.moves.len());
            lives = Lives::from([(Kept::Untouched, life.unwrap_or_default())]);
        }
        if scene.outcome.pinned.contains(&unit) {
            known = known.pinned();
            lives.remove(&Kept::Lapsed);
        }
        for (of, operation) in &scene.outcome.sent {
            if *of == unit {
                known = known.asked(*operation, lapses);
            }
        }
    }
    lives = moved(lives, known, lapses, scenes.len());
    let life = match end {
        Some(end) => lives.remove(&end),
        None => lives.into_values().min_by_key(|life| life.moves.len()),
    };
    life.unwrap_or_default()
}

/// Adds what may follow before a scene. What was possible earlier, or with fewer moves, stays as it is; but what
/// only time brings about is told as late as it can be.
fn moved(mut lives: Lives, known: Participant, lapses: bool, before: usize) -> Lives {
    loop {
        let mut more = Lives::new();
        for what in life() {
            let Some(life) = lives.get(&what.from) else {
                continue;
            };
            if !known.allows(what, lapses) {
                continue;
            }
            let mut life = life.clone();
            life.moves.push(Made { before, what });
            let better =
                |other: &Lives| other.get(&what.to).is_none_or(|known| beats(&life, known));
            if better(&lives) && better(&more) {
                more.insert(what.to, life);
            }
        }
        if more.is_empty() {
            return lives;
        }
        lives.extend(more);
    }
}

/// Whether one life is better to tell than another that ends the same.
fn beats(life: &Life, known: &Life) -> bool {
    let (fewer, more) = (life.moves.len(), known.moves.len());
    let later = match (life.moves.last(), known.moves.last()) {
        (Some(new), Some(old)) => match new.what.by {
            Happening::Delivered(_) => false,
            Happening::ActsLate | Happening::Forgets | Happening::Lapses => {
                old.what.from == new.what.from && old.before < new.before
            }
        },
        (None, _) | (_, None) => false,
    };
    fewer < more || (fewer == more && later)
}
