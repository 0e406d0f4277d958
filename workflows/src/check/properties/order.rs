//! Effects are undone in reverse order: nothing is undone under what was built on it.
//!
//! Looked at in every world, not only when an undoing is sent: a late task could bring an effect back.

use super::{Breach, Property, Scene};
use crate::check::participant::Kept;
use crate::check::skeleton::Undoing;
use crate::saga::Operation;

pub(super) fn breach(scene: Scene<'_>) -> Option<Breach> {
    scene.world.participants().find_map(|(unit, participant)| {
        let possible = participant.possible();
        let undoable = |kept| kept == Kept::Undone || Kept::is_there(kept);
        if !participant.sent().has(Operation::Compensate) {
            return None;
        }
        let undone = possible.find(undoable)?;
        let descendants = scene.skeleton.step(unit).descendants;
        let after = (0..scene.skeleton.units.len())
            .filter(|later| descendants.contains(scene.skeleton.units[*later].step));
        let later = after.into_iter().find(|later| {
            let counts = scene.skeleton.units[*later].undoing == Undoing::Undone;
            counts && scene.world.participant(*later).possible().may_be_there()
        })?;
        let there = scene.world.participant(later).possible();
        let there = there.find(Kept::is_there)?;
        let said = format!(
            "`{}` may be undone while the effect of `{}`, which was built on it, is there",
            scene.skeleton.units[unit].id, scene.skeleton.units[later].id
        );
        let truth = [(later, there), (unit, undone)];
        Some(Breach::of(Property::UndoneInOrder, said).where_true(truth))
    })
}
