//! When nobody knows what became of an effect, is there somebody to ask?

use super::super::code;
use super::super::diagnostic::Diagnostic;
use super::super::model::OnUnknown;
use super::super::plan::Plan;
use super::super::read::Reader;

/// `on_unknown: reconcile` needs to know how.
pub(super) fn reconcilable(reader: &mut Reader<'_>, plan: &Plan<'_>) {
    for (_, step) in plan.each() {
        let Some(said) = &step.on_unknown else {
            continue;
        };
        if said.value == OnUnknown::Reconcile && step.reconcile.is_none() {
            let message = format!("step `{}` does not say how to reconcile", step.id.value);
            reader.note(
                Diagnostic::error(code::NO_RECONCILE, said.place, message).with_help(
                    "add `reconcile:` with a `task:` that finds out what became of the effect",
                ),
            );
        }
    }
}

/// A way to ask that is never used was probably meant to be.
pub(super) fn check(reader: &mut Reader<'_>, plan: &Plan<'_>) {
    for (_, step) in plan.each() {
        let (Some(reconcile), Some(said)) = (&step.reconcile, &step.on_unknown) else {
            continue;
        };
        if said.value != OnUnknown::Reconcile {
            let message = format!("the `reconcile` of step `{}` is never used", step.id.value);
            reader.note(
                Diagnostic::warning(code::UNUSED_RECONCILE, reconcile.place, message)
                    .with_help("write `on_unknown: reconcile`, or take it away"),
            );
        }
    }
}
