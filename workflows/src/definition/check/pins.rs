//! Does a step that makes effects stay come after them, and would they expire?

use super::super::code;
use super::super::diagnostic::Diagnostic;
use super::super::file::{At, StepFile};
use super::super::model::StepIndex;
use super::super::plan::Plan;
use super::super::read::Reader;
use super::super::suggest;

/// Checks `pins`.
pub(super) fn check(reader: &mut Reader<'_>, plan: &Plan<'_>) {
    for (at, step) in plan.each() {
        for pinned in &step.pins {
            one(reader, plan, (at, step), pinned);
        }
    }
}

fn one(
    reader: &mut Reader<'_>,
    plan: &Plan<'_>,
    (at, step): (StepIndex, &StepFile),
    pinned: &At<String>,
) {
    let (id, name) = (&step.id.value, &pinned.value);
    let Some(before) = plan.find(name) else {
        let message = format!("step `{id}` pins `{name}`, which does not exist");
        let ids = plan.steps.iter().map(|step| step.id.value.as_str());
        let help = suggest::nearest(name, ids).map(|near| format!("did you mean `{near}`?"));
        reader
            .note(Diagnostic::error(code::UNKNOWN_STEP, pinned.place, message).with_help_if(help));
        return;
    };
    if !plan.ancestors(at).contains(before) {
        let message = format!("step `{id}` pins `{name}`, which need not be finished");
        let help = format!("add `{name}` to the `needs` of `{id}`");
        reader.note(Diagnostic::error(code::NOT_BEFORE, pinned.place, message).with_help(help));
    }
    if plan.steps[before].expires.is_none() {
        let message = format!("step `{id}` pins `{name}`, whose effect does not expire");
        let help = format!("say in `{name}` when it `expires`, or take the pin away");
        reader.note(Diagnostic::error(code::POINTLESS_KEY, pinned.place, message).with_help(help));
    }
}
