//! Cancel: always compensates, or is refused with the reason.
//!
//! Before the pivot it turns the saga around. While the pivot's answer is out it waits for it. Past the pivot
//! it is refused. A saga that ended, or that is on its way back already, needs nothing: that is no error, so
//! that pressing the button twice is safe.

use super::advance::{advance, turn};
use super::{Draft, Ignored, Refusal};
use crate::saga::{Cause, Phase, Stamp};

pub(super) fn cancel(draft: &mut Draft<'_>, stamp: &Stamp) -> Result<Option<Ignored>, Refusal> {
    if draft.state.stamps.contains(&stamp.key) {
        return Ok(Some(Ignored::Known));
    }
    match &draft.state.phase {
        Phase::Completed { .. } | Phase::Compensated { .. } => return Ok(Some(Ignored::Ended)),
        Phase::Compensating { .. } | Phase::Forward { turn: Some(_) } => {
            return Ok(Some(Ignored::Known));
        }
        Phase::New => return Err(Refusal::NotStarted { command: "cancel" }),
        Phase::Forward { turn: None } => {}
    }
    if let Some(pivot) = draft.definition.pivot
        && draft.state.past_pivot(draft.definition)
    {
        return Err(Refusal::PastPivot {
            pivot: draft.step_id(pivot),
        });
    }
    let cause = Cause::Cancelled {
        by: stamp.by.clone(),
        reason: stamp.reason.clone(),
    };
    turn(draft, cause, Some(stamp.key.clone()))?;
    // A saga that was set aside sends nothing, for it would not hear the answers: the wish is remembered, and
    // followed once an operator lets the saga go on.
    if draft.state.quarantine.is_none() {
        advance(draft)?;
    }
    Ok(None)
}
