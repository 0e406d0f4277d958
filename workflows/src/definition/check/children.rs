//! Can a child saga be undone where its parent may have to undo it?
//!
//! A parent that turns around has its child undone, completed or not. A child that is past its own pivot goes only
//! forward and refuses, so the parent could never end. Whoever checks says what is known of other definitions; of a
//! child that nobody knows nothing is said.

use super::super::code;
use super::super::diagnostic::Diagnostic;
use super::super::plan::Plan;
use super::super::read::Reader;

/// Whether the saga with this name has a pivot; none when nobody knows it.
pub type Pivots<'k> = dyn Fn(&str) -> Option<bool> + 'k;

/// Looks at each child that its parent undoes.
pub(super) fn check(reader: &mut Reader<'_>, plan: &Plan<'_>, pivots: &Pivots<'_>) {
    for (at, step) in plan.each() {
        let left = step.compensate.is_some() || step.is_readonly();
        let Some(child) = step.saga.as_ref() else {
            continue;
        };
        if left || plan.is_only_forward(at) || pivots(&child.value) != Some(true) {
            continue;
        }
        let message = format!(
            "step `{}` runs saga `{}`, which has a pivot: past it nothing can undo the step",
            step.id.value, child.value
        );
        reader.note(
            Diagnostic::error(code::CHILD_PAST_PIVOT, child.place, message).with_help(
                "move the step after this saga's own pivot, or write `compensate: none` with a `reason:`",
            ),
        );
    }
}
