//! Are customers' sentences about situations that exist?

use super::super::code;
use super::super::diagnostic::Diagnostic;
use super::super::file::At;
use super::super::plan::Plan;
use super::super::read::Reader;
use super::super::suggest;

/// Situations that a sentence can be about; running, waiting and compensated also with a name behind a dot.
const SITUATIONS: [&str; 6] = [
    "running",
    "waiting",
    "compensating",
    "completed",
    "compensated",
    "stuck",
];

/// Checks the keys of `customer.sentences`.
pub(super) fn check(reader: &mut Reader<'_>, plan: &Plan<'_>) {
    for (situation, _) in plan
        .file
        .customer
        .iter()
        .flat_map(|customer| &customer.sentences)
    {
        one(reader, plan, situation);
    }
}

fn one(reader: &mut Reader<'_>, plan: &Plan<'_>, situation: &At<String>) {
    match situation.value.split_once('.') {
        None if SITUATIONS.contains(&situation.value.as_str()) => {}
        // The code of a rejection: the workers' business, so any is good.
        Some(("compensated", code)) if !code.is_empty() => {}
        Some(("running" | "waiting", step)) if plan.find(step).is_some() => {}
        Some((word @ ("running" | "waiting"), step)) => {
            let ids = plan.steps.iter().map(|step| step.id.value.as_str());
            let message = format!("there is no step `{step}`");
            let help =
                suggest::nearest(step, ids).map(|near| format!("did you mean `{word}.{near}`?"));
            reader.note(
                Diagnostic::error(code::UNKNOWN_STEP, situation.place, message).with_help_if(help),
            );
        }
        None | Some(_) => {
            let message = format!("`{}` is no situation of a saga", situation.value);
            let help = suggest::nearest(&situation.value, SITUATIONS).map_or_else(
                || {
                    format!(
                        "there are: {}, running.<step>, waiting.<step>, compensated.<code>",
                        SITUATIONS.join(", ")
                    )
                },
                |near| format!("did you mean `{near}`?"),
            );
            reader.note(
                Diagnostic::error(code::UNKNOWN_KEY, situation.place, message).with_help(help),
            );
        }
    }
}
