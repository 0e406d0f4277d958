//! Nothing is undone when the pivot has happened, or may have.

use super::{Breach, Property, Scene};
use crate::check::participant::Kept;
use crate::saga::Operation;

pub(super) fn breach(scene: Scene<'_>) -> Option<Breach> {
    let pivot = scene.skeleton.definition.pivot?;
    let there = scene.world.participant(pivot).possible();
    let there = there.find(Kept::is_there)?;
    let (undone, _) = scene
        .world
        .participants()
        .find(|(_, participant)| participant.sent().has(Operation::Compensate))?;
    let said = format!(
        "`{}` is undone although the pivot `{}` has happened",
        scene.skeleton.units[undone].id, scene.skeleton.units[pivot].id
    );
    Some(Breach::of(Property::NothingUndonePastThePivot, said).where_true([(pivot, there)]))
}
