//! Does every key of a step mean something for what the step is?
//!
//! A step that only waits has nobody to ask, so it has no input, attempts, effect or undoing. A child saga has those
//! of its own definition. What belongs to a list means nothing without one.

use super::super::code;
use super::super::diagnostic::Diagnostic;
use super::super::file::{At, CompensateFile, StepFile};
use super::super::model::OnUnknown;
use super::super::node::Place;
use super::super::plan::Plan;
use super::super::policy;
use super::super::read::Reader;

/// Checks each step by itself.
pub(super) fn check(reader: &mut Reader<'_>, plan: &Plan<'_>) {
    for (at, step) in plan.each() {
        if !step.asks() {
            pointless(reader, step, "only waits", &of_asking(step));
        }
        if step.saga.is_some() {
            pointless(reader, step, "is a saga of its own", &of_a_task(step));
        }
        if step.each.is_none() {
            pointless(reader, step, "has no `each`", &of_a_list(step));
        }
        once(reader, step, plan.is_only_forward(at));
        no_end(reader, step);
    }
}

type Keys<'s> = Vec<(&'s str, Option<Place>)>;

/// Keys that say something about a task that is sent.
fn of_asking(step: &StepFile) -> Keys<'_> {
    let mut keys = of_a_task(step);
    keys.extend([
        ("each", step.each.as_ref().map(|list| list.node.place)),
        ("input", step.input.as_ref().map(|input| input.node.place)),
        ("retry", step.retry.as_ref().map(|retry| retry.place)),
        ("timeout", step.timeout.as_ref().map(|at| at.place)),
        ("compensate", step.compensate.as_ref().map(|at| at.place)),
        ("readonly", step.readonly.as_ref().map(|at| at.place)),
        ("effect", step.effect.as_ref().map(|at| at.place)),
        ("output", step.output.as_ref().map(|node| node.place)),
    ]);
    keys
}

/// Keys that say something about a task of a pool.
fn of_a_task(step: &StepFile) -> Keys<'_> {
    let by = step.compensate.as_ref().filter(|at| match at.value {
        CompensateFile::By(_) => true,
        CompensateFile::None => false,
    });
    vec![
        ("dispatch", step.dispatch.as_ref().map(|at| at.place)),
        ("on_unknown", step.on_unknown.as_ref().map(|at| at.place)),
        ("reconcile", step.reconcile.as_ref().map(|at| at.place)),
        ("expires", step.expires.as_ref().map(|at| at.place)),
        (
            "timeout.queue",
            step.queue_timeout.as_ref().map(|at| at.place),
        ),
        (
            "timeout.heartbeat",
            step.heartbeat.as_ref().map(|at| at.place),
        ),
        ("compensate", by.map(|at| at.place)),
    ]
}

fn of_a_list(step: &StepFile) -> Keys<'_> {
    vec![
        (
            "max_parallel",
            step.max_parallel.as_ref().map(|at| at.place),
        ),
        ("tolerate", step.tolerate.as_ref().map(|at| at.place)),
    ]
}

fn pointless(reader: &mut Reader<'_>, step: &StepFile, because: &str, keys: &Keys<'_>) {
    let mut said = Vec::new();
    for (key, place) in keys {
        if let Some(place) = place.filter(|_| !said.contains(key)) {
            let message = format!(
                "step `{}` {because}, so `{key}` means nothing there",
                step.id.value
            );
            reader.note(Diagnostic::error(code::POINTLESS_KEY, place, message));
            said.push(*key);
        }
    }
}

/// `on_unknown: retry` goes on without bound, so a bound over all attempts cannot end it.
fn no_end(reader: &mut Reader<'_>, step: &StepFile) {
    let retries = step
        .on_unknown
        .as_ref()
        .is_some_and(|said| said.value == OnUnknown::Retry);
    if let Some(timeout) = step.step_timeout.as_ref().filter(|_| retries) {
        let message = format!(
            "step `{}` is tried for ever when its outcome is unknown, so `timeout.step` means nothing there",
            step.id.value
        );
        reader.note(Diagnostic::error(
            code::POINTLESS_KEY,
            timeout.place,
            message,
        ));
    }
}

/// Who cannot be asked twice cannot be undone by key either: somebody has to find out.
fn once(reader: &mut Reader<'_>, step: &StepFile, only_forward: bool) {
    let Some(At { place, .. }) = &step.dispatch else {
        return;
    };
    match policy::on_unknown(step, only_forward) {
        OnUnknown::Reconcile | OnUnknown::Operator => {}
        OnUnknown::Retry | OnUnknown::Compensate => {
            let message = format!(
                "step `{}` is sent once, and nobody finds out what became of it when no answer comes",
                step.id.value
            );
            reader.note(
                Diagnostic::error(code::ONCE_IN_DOUBT, *place, message).with_help(
                    "write `on_unknown: operator`, or `reconcile` with a task that can tell",
                ),
            );
        }
    }
}
