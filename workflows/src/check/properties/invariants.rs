//! What the definition itself says must be true at every end.
//!
//! At some ends it cannot be told whether an effect is there: one that is never undone may have happened or not.
//! Then an invariant has to hold either way.
//!
//! The effect of a step with `each` is meant of each of its items: `charge implies seat` asks for every seat, and
//! `seat implies charge` for the charge as soon as one is there. So it is looked at as there when one of its items is,
//! and as missing when one of them is. Without items there is nothing to be there and nothing to be missing: then an
//! invariant has to hold one way or the other.

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
    let (effects, nothing): (Vec<&str>, Vec<&str>) = invariant
        .effects()
        .into_iter()
        .partition(|effect| units_of(scene, effect).next().is_some());
    let truths = 0..1_u32 << effects.len();
    let is_in = |list: &[&str], truth: u32, effect: &str| {
        let at = list.iter().position(|known| *known == effect);
        at.is_some_and(|at| truth & 1 << at != 0)
    };
    let is_there = |truth: u32, effect: &str| is_in(&effects, truth, effect);
    let holds = |truth: u32| {
        (0..1_u32 << nothing.len()).any(|other| {
            let is = |effect: &str| is_there(truth, effect) || is_in(&nothing, other, effect);
            invariant.holds(&is)
        })
    };
    let (found, truth) = truths.filter(|truth| !holds(*truth)).find_map(|truth| {
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
    let can_be = |unit: Unit| {
        let possible = scene.world.participant(unit).possible();
        let kept = possible.find(|kept| kept.is_there() == there)?;
        Some((unit, kept))
    };
    if there {
        // One of several is enough, and the others do not matter.
        return units_of(scene, effect)
            .find_map(can_be)
            .map(|one| vec![one]);
    }
    // It must be missing of every step that could have made it, and of a step with items it is when it is of one.
    let mut steps: Vec<usize> = units_of(scene, effect)
        .map(|unit| scene.skeleton.units[unit].step)
        .collect();
    steps.dedup();
    steps
        .into_iter()
        .map(|step| {
            let mut own =
                units_of(scene, effect).filter(|unit| scene.skeleton.units[*unit].step == step);
            own.find_map(can_be)
        })
        .collect()
}

/// The units with this effect.
fn units_of<'s>(scene: Scene<'s>, effect: &'s str) -> impl Iterator<Item = Unit> + 's {
    let units = scene.skeleton.units.iter().enumerate();
    units
        .filter(move |(_, facts)| facts.effect.as_deref() == Some(effect))
        .map(|(unit, _)| unit)
}
