//! An effect is asked for under a new key only when the old one is closed: otherwise both may happen.

use super::{Breach, Property};
use crate::check::participant::{Kept, Participant};
use crate::check::skeleton::{Skeleton, Unit};

/// The breach, when the old key may still come true.
pub(in crate::check) fn renewed_too_early(
    skeleton: &Skeleton,
    unit: Unit,
    old: Participant,
) -> Option<Breach> {
    let open = old.possible().find(|kept| !Kept::is_closed(kept))?;
    let said = format!(
        "the effect of `{}` is asked for under a new key although the old one is not closed",
        skeleton.units[unit].id
    );
    Some(Breach::of(Property::OneKeyAtATime, said).where_true([(unit, open)]))
}
