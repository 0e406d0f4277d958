//! The saga that runs this one as a step undoes that step.
//!
//! Like a cancel, except that a completed child is undone as well: its steps are compensated in their order, as long as
//! it has no pivot behind it. Which is why a step before its saga's pivot should not be a child that has one.

use super::advance::{advance, turn};
use super::{Draft, Ignored, Refusal};
use crate::saga::{Cause, Event, Phase, Stamp};

pub(super) fn undo(draft: &mut Draft<'_>, stamp: &Stamp) -> Result<Option<Ignored>, Refusal> {
    if draft.state.stamps.contains(&stamp.key) {
        return Ok(Some(Ignored::Known));
    }
    match &draft.state.phase {
        Phase::New => return Err(Refusal::NotStarted { command: "undo" }),
        Phase::Compensated { .. } => return Ok(Some(Ignored::Ended)),
        Phase::Compensating { .. } | Phase::Forward { turn: Some(_) } => {
            return Ok(Some(Ignored::Known));
        }
        Phase::Forward { turn: None } | Phase::Completed { .. } => {}
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
    if matches!(draft.state.phase, Phase::Completed { .. }) {
        draft.emit(Event::Turned {
            cause,
            stamp: Some(stamp.key.clone()),
        })?;
    } else {
        turn(draft, cause, Some(stamp.key.clone()))?;
    }
    // A saga that was set aside only remembers it.
    if draft.state.quarantine.is_none() {
        advance(draft)?;
    }
    Ok(None)
}
