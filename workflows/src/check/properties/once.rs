//! No effect happens twice under one key, and none is undone twice.

use super::{Breach, Property, Scene};
use crate::check::participant::Kept;

pub(super) fn breach(scene: Scene<'_>) -> Option<Breach> {
    scene.world.participants().find_map(|(unit, participant)| {
        let id = &scene.skeleton.units[unit].id;
        let possible = participant.possible();
        if possible.has(Kept::Twice) {
            let said = format!("the effect of `{id}` happens twice");
            return Some(Breach::of(Property::OnceOnly, said).where_true([(unit, Kept::Twice)]));
        }
        if possible.has(Kept::UndoneTwice) {
            let said = format!("the effect of `{id}` is undone twice");
            let truth = [(unit, Kept::UndoneTwice)];
            return Some(Breach::of(Property::OnceOnly, said).where_true(truth));
        }
        None
    })
}
