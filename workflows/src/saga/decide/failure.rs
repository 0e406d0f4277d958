//! What it means for the saga that a unit of work failed for good.
//!
//! The definition says: the saga turns around, goes on without it, or a human looks. Of the items of an `each` step
//! some may be allowed to fail. Which units stand before a human follows from the facts (`State::parked`), so parking
//! writes none.

use super::advance::turn;
use super::{Draft, Refusal};
use crate::definition::OnFailure;
use crate::saga::{Cause, Event, UnitIndex};

/// A unit was closed, given up or blocked.
pub(super) fn failed_for_good(
    draft: &mut Draft<'_>,
    unit: UnitIndex,
    cause: Cause,
) -> Result<(), Refusal> {
    // Late news about what was passed over already changes nothing for the saga.
    if draft.state.steps[unit].passed {
        return Ok(());
    }
    let on_failure = if is_tolerated(draft, unit) {
        OnFailure::Continue
    } else {
        draft.step(unit).on_failure
    };
    match on_failure {
        OnFailure::Fail => turn(draft, cause, None),
        OnFailure::Continue => draft.emit(Event::PassedOver {
            step: draft.step_id(unit),
        }),
        OnFailure::Park => Ok(()),
    }
}

/// Whether it is an item, and one of those that may fail.
fn is_tolerated(draft: &Draft<'_>, unit: UnitIndex) -> bool {
    let step = draft.state.step_of(unit);
    let Some(each) = draft.definition.steps[step].each.as_ref() else {
        return false;
    };
    let units = draft.state.units_of(step);
    let passed = draft.state.steps[units.clone()]
        .iter()
        .filter(|item| item.passed)
        .count();
    units.contains(&unit) && passed < each.tolerate as usize
}
