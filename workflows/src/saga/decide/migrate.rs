//! An operator lets the saga go on under another version of its definition.
//!
//! A transition like any other: it wins a seq, or whoever believes in the old version has been faster and this is
//! decided again. What the new version makes ready starts at once.

use super::advance::advance;
use super::{Draft, Ignored, Refusal};
use crate::saga::{Migration, moved};

pub(super) fn migrate<'a>(
    draft: &mut Draft<'a>,
    migration: &'a Migration,
) -> Result<Option<Ignored>, Refusal> {
    let Migration { to, stamp } = migration;
    if draft.state.stamps.contains(&stamp.key) || draft.definition.hash == to.hash {
        return Ok(Some(Ignored::Known));
    }
    let (_, fact) = moved(draft.definition, to, &draft.state, stamp)?;
    draft.definition = to;
    draft.emit(fact)?;
    // A saga that was set aside sends nothing, for it would not hear the answers.
    if draft.state.quarantine.is_none() {
        advance(draft)?;
    }
    Ok(None)
}
