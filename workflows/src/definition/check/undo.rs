//! Does every step say how it is undone, or why it need not be?

use super::super::code;
use super::super::diagnostic::Diagnostic;
use super::super::file::{At, CompensateFile, StepFile};
use super::super::plan::Plan;
use super::super::read::Reader;

/// A side effect that nobody can undo is the commonest fault of sagas: it is refused.
pub(super) fn declared(reader: &mut Reader<'_>, plan: &Plan<'_>) {
    for (at, step) in plan.each() {
        // What waits has no effect; a child saga is undone by its own compensations.
        let needs_none = !step.asks() || (step.saga.is_some() && step.compensate.is_none());
        if plan.is_only_forward(at) || step.is_readonly() || needs_none {
            continue;
        }
        let id = &step.id.value;
        let (place, message, help) = match (&step.compensate, &step.reason) {
            (
                Some(At {
                    value: CompensateFile::By(_),
                    ..
                }),
                _,
            )
            | (
                Some(At {
                    value: CompensateFile::None,
                    ..
                }),
                Some(_),
            ) => continue,
            (
                Some(At {
                    value: CompensateFile::None,
                    place,
                }),
                None,
            ) => (
                *place,
                format!("step `{id}` is never undone and does not say why"),
                "add `reason:`",
            ),
            // What is wrong about it has been said, except that `readonly: false` says nothing.
            (None, _) if step.speaks_of_undo && step.readonly.is_none() => continue,
            (None, _) => (
                step.id.place,
                format!("step `{id}` does not say how it is undone"),
                "add `compensate:` with a task, or `compensate: none` with a `reason:`, or `readonly: true`",
            ),
        };
        reader.note(Diagnostic::error(code::NO_UNDO, place, message).with_help(help));
    }
}

/// Keys that contradict each other.
pub(super) fn check(reader: &mut Reader<'_>, plan: &Plan<'_>) {
    for (_, step) in plan.each() {
        pointless_reason(reader, step);
        if step.is_readonly() {
            readonly_with_effect(reader, step);
        }
        if let (Some(expires), None) = (&step.expires, &step.effect) {
            let message = "`expires` says how long an effect lasts, and there is no `effect`";
            reader.note(Diagnostic::error(
                code::POINTLESS_KEY,
                expires.place,
                message,
            ));
        }
    }
}

fn pointless_reason(reader: &mut Reader<'_>, step: &StepFile) {
    let none = matches!(
        step.compensate,
        Some(At {
            value: CompensateFile::None,
            ..
        })
    );
    if let Some(reason) = step.reason.as_ref().filter(|_| !none) {
        let message = "`reason` says why there is `compensate: none`, and there is none";
        reader.note(Diagnostic::error(
            code::POINTLESS_KEY,
            reason.place,
            message,
        ));
    }
}

fn readonly_with_effect(reader: &mut Reader<'_>, step: &StepFile) {
    let contradictions = [
        ("compensate", step.compensate.as_ref().map(|at| at.place)),
        ("effect", step.effect.as_ref().map(|at| at.place)),
        (
            "pivot",
            step.pivot
                .as_ref()
                .filter(|pivot| pivot.value)
                .map(|at| at.place),
        ),
    ];
    for (key, place) in contradictions {
        if let Some(place) = place {
            let message = format!(
                "step `{}` is read-only, so it cannot have `{key}`",
                step.id.value
            );
            reader.note(Diagnostic::error(code::POINTLESS_KEY, place, message));
        }
    }
}
