//! What must be true at the ends, whatever is still on its way and arrives later.
//!
//! A participant's possibilities are closed under everything that may still arrive, so it is enough to look at them.
//! What has expired as declared is neither missing nor left over; whoever needs it says so in an invariant.

use super::{Breach, Property, Scene};
use crate::check::participant::Kept;
use crate::check::skeleton::{Undoing, Unit};
use crate::saga::{Operation, Phase};

pub(super) fn breach(scene: Scene<'_>) -> Option<Breach> {
    match scene.saga.phase {
        Phase::New | Phase::Forward { .. } | Phase::Compensating { .. } => None,
        Phase::Completed { .. } => missing(scene),
        Phase::Compensated { .. } => left_over(scene),
    }
}

/// A completed saga: what was asked for is there.
fn missing(scene: Scene<'_>) -> Option<Breach> {
    first(scene, |participant_is_asked, unit, kept| {
        let wanted = kept == Kept::Applied || kept == Kept::Lapsed;
        // Its author said that the saga goes on without it.
        let may_be_missing = scene.skeleton.units[unit].may_be_passed;
        participant_is_asked && !wanted && !may_be_missing
    })
    .map(|(unit, kept)| {
        let said = format!(
            "the saga is completed, and the effect of `{}` is not there",
            scene.skeleton.units[unit].id
        );
        Breach::of(Property::WantedOrUndone, said).where_true([(unit, kept)])
    })
}

/// A saga that was undone: nothing is there, nor comes, but for what the definition leaves.
fn left_over(scene: Scene<'_>) -> Option<Breach> {
    first(scene, |_, unit, kept| {
        let must_go = match scene.skeleton.units[unit].undoing {
            Undoing::Undone | Undoing::Never => true,
            Undoing::Left => false,
        };
        must_go && kept.is_there()
    })
    .map(|(unit, kept)| {
        let said = format!(
            "the saga is undone, and the effect of `{}` is there",
            scene.skeleton.units[unit].id
        );
        Breach::of(Property::WantedOrUndone, said).where_true([(unit, kept)])
    })
}

/// The first unit of which something is possible that `breaks`.
fn first(scene: Scene<'_>, breaks: impl Fn(bool, Unit, Kept) -> bool) -> Option<(Unit, Kept)> {
    scene.world.participants().find_map(|(unit, participant)| {
        let asked = participant.sent().has(Operation::Forward);
        let kept = participant
            .possible()
            .find(|kept| breaks(asked, unit, kept))?;
        Some((unit, kept))
    })
}
