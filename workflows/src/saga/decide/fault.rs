//! The engine could not decide this saga: it is set aside in front of a human, and its neighbours go on.

use super::{Draft, Ignored, Refusal};
use crate::saga::{Event, Problem};

pub(super) fn quarantine(
    draft: &mut Draft<'_>,
    problem: &Problem,
) -> Result<Option<Ignored>, Refusal> {
    if draft.state.quarantine.is_some() {
        return Ok(Some(Ignored::Known));
    }
    draft.emit(Event::Quarantined {
        problem: problem.clone(),
    })?;
    Ok(None)
}
