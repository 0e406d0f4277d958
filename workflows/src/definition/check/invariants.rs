//! Do invariants speak of effects that there are?

use super::super::code;
use super::super::diagnostic::Diagnostic;
use super::super::file::At;
use super::super::plan::Plan;
use super::super::read::Reader;
use super::super::suggest;

/// Checks the names in `invariants`.
pub(super) fn check(reader: &mut Reader<'_>, plan: &Plan<'_>) {
    for invariant in &plan.file.invariants {
        let text = At {
            value: invariant.value.text().to_owned(),
            place: invariant.place,
        };
        for effect in invariant.value.effects() {
            if !effects(plan).any(|known| known == effect) {
                unknown(reader, plan, &text, effect);
            }
        }
    }
}

fn effects<'p>(plan: &'p Plan<'_>) -> impl Iterator<Item = &'p str> {
    let effects = plan.steps.iter().filter_map(|step| step.effect.as_ref());
    effects.map(|effect| effect.value.as_str())
}

fn unknown(reader: &mut Reader<'_>, plan: &Plan<'_>, text: &At<String>, effect: &str) {
    let message = format!("no step has the effect `{effect}`");
    let place = match text.value.find(effect) {
        Some(byte) => {
            let at = text.value[..byte].chars().count();
            reader.within(text, at, effect.chars().count())
        }
        None => text.place,
    };
    reader.note(
        Diagnostic::error(code::UNKNOWN_EFFECT, place, message).with_help(help(plan, effect)),
    );
}

fn help(plan: &Plan<'_>, effect: &str) -> String {
    if let Some(step) = plan.find(effect).map(|at| plan.steps[at]) {
        return match &step.effect {
            Some(named) => format!("`{effect}` is a step, and its effect is `{}`", named.value),
            None => format!("`{effect}` is a step: give it an `effect`"),
        };
    }
    if let Some(near) = suggest::nearest(effect, effects(plan)) {
        return format!("did you mean `{near}`?");
    }
    let mut known: Vec<&str> = effects(plan).collect();
    known.sort_unstable();
    known.dedup();
    if known.is_empty() {
        "no step of this file has an `effect`".to_owned()
    } else {
        format!("there are: {}", known.join(", "))
    }
}
