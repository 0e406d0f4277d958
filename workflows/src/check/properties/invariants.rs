//! What the definition itself says must be true at every end.
//!
//! At some ends it cannot be told whether an effect is there: one that is never undone may have happened or not.
//! Then an invariant has to hold either way.

use super::{Breach, Property, Scene};
use crate::check::participant::Kept;
use crate::check::skeleton::Unit;
use crate::definition::Invariant;
use crate::saga::Phase;

pub(super) fn breach(scene: Scene<'_>) -> Option<Breach> {
    match scene.saga.phase {
        Phase::New | Phase::Forward { .. } | Phase::Compensating { .. } => return None,
        Phase::Completed { .. } | Phase::Compensated { .. } => {}
    }
    let invariants = &scene.skeleton.definition.invariants;
    invariants
        .iter()
        .find_map(|invariant| broken(scene, invariant))
}

fn broken(scene: Scene<'_>, invariant: &Invariant) -> Option<Breach> {
    let effects: Vec<&str> = invariant.effects().into_iter().collect();
    let truths = 0..1_u32 << effects.len();
    let is_there = |truth: u32, effect: &str| {
        let at = effects.iter().position(|known| *known == effect);
        at.is_some_and(|at| truth & 1 << at != 0)
    };
    let (found, truth) = truths
        .filter(|truth| !invariant.holds(&|effect| is_there(*truth, effect)))
        .find_map(|truth| {
            let kept = effects
                .iter()
                .map(|effect| kept_for(scene, effect, is_there(truth, effect)))
                .collect::<Option<Vec<_>>>()?;
            Some((kept.concat(), truth))
        })?;
    let facts: Vec<String> = effects
        .iter()
        .map(|effect| {
            let is = if is_there(truth, effect) {
                "is there"
            } else {
                "is not"
            };
            format!("{effect} {is}")
        })
        .collect();
    let said = format!("`{}` does not hold: {}", invariant.text(), facts.join(", "));
    Some(Breach::of(Property::Invariant, said).where_true(found))
}

/// What would have to be true of the units with this effect for it to be there, or not; none when that cannot be.
fn kept_for(scene: Scene<'_>, effect: &str, there: bool) -> Option<Vec<(Unit, Kept)>> {
    let of_effect = scene.world.participants().filter(|(unit, _)| {
        let name = scene.skeleton.units[*unit].effect.as_deref();
        name == Some(effect)
    });
    let kept = of_effect.map(|(unit, participant)| {
        let kept = participant.possible().find(|kept| kept.is_there() == there);
        kept.map(|kept| (unit, kept))
    });
    if there {
        // One of several is enough, and the others do not matter.
        kept.flatten().next().map(|one| vec![one])
    } else {
        kept.collect()
    }
}
