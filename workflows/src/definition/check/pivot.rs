//! Is there one point of no return, with a clear before and after?

use super::super::code;
use super::super::diagnostic::Diagnostic;
use super::super::file::{DefaultsFile, StepFile};
use super::super::model::{OnFailure, OnUnknown, StepIndex};
use super::super::plan::Plan;
use super::super::policy;
use super::super::read::Reader;

/// Two points of no return would leave the question which one counts.
pub(super) fn at_most_one(reader: &mut Reader<'_>, plan: &Plan<'_>) {
    let Some(first) = plan.pivot.map(|pivot| plan.steps[pivot]) else {
        return;
    };
    for (_, step) in plan.each() {
        let Some(pivot) = step.pivot.as_ref().filter(|_| step.is_pivot()) else {
            continue;
        };
        if step.id.value != first.id.value {
            let message = format!(
                "`{}` is a second pivot, after `{}`",
                step.id.value, first.id.value
            );
            reader.note(
                Diagnostic::error(code::TWO_PIVOTS, pivot.place, message)
                    .with_help("a saga has one point of no return"),
            );
        }
    }
}

/// The pivot is one effect in the world: waiting is none, and many are not one.
pub(super) fn is_a_task(reader: &mut Reader<'_>, plan: &Plan<'_>) {
    for (_, step) in plan.each() {
        let Some(pivot) = step.pivot.as_ref().filter(|_| step.is_pivot()) else {
            continue;
        };
        let what = if step.each.is_some() {
            "is done for many items"
        } else if step.saga.is_some() {
            "is a saga with ends of its own"
        } else if !step.asks() {
            "only waits"
        } else {
            continue;
        };
        let message = format!("step `{}` {what} and cannot be the pivot", step.id.value);
        reader.note(
            Diagnostic::error(code::PIVOT_KIND, pivot.place, message)
                .with_help("the pivot is one task, whose effect cannot be undone"),
        );
    }
}

/// Before it, everything can be undone; after it, nothing is given up; beside it, nothing needs undoing.
pub(super) fn check(reader: &mut Reader<'_>, plan: &Plan<'_>) {
    let Some(pivot) = plan.pivot else {
        return;
    };
    let defaults = plan.file.defaults.clone().unwrap_or_default();
    for (at, step) in plan.each() {
        if plan.is_only_forward(at) {
            undo_after(reader, step, at == pivot);
            bounded(reader, step, at == pivot, &defaults);
            turns_around(reader, step, at == pivot);
        } else if !plan.ancestors(pivot).contains(at) {
            beside(reader, plan, pivot, step);
        }
    }
}

fn undo_after(reader: &mut Reader<'_>, step: &StepFile, is_pivot: bool) {
    let Some(compensate) = step.compensate.as_ref().filter(|_| step.undo().is_some()) else {
        return;
    };
    let id = &step.id.value;
    let message = if is_pivot {
        format!("the pivot `{id}` has a compensation that never runs")
    } else {
        format!("`{id}` comes after the pivot, so its compensation never runs")
    };
    reader.note(
        Diagnostic::error(code::UNDO_AFTER_PIVOT, compensate.place, message)
            .with_help("take it away, or move the step before the pivot"),
    );
}

/// The pivot itself may stop asking, when its end is a question and not a failure.
fn bounded(reader: &mut Reader<'_>, step: &StepFile, is_pivot: bool, defaults: &DefaultsFile) {
    // A failure that does not matter, or that a human is asked about, may come.
    if !step.asks() || (!is_pivot && step.on_failure() != OnFailure::Fail) {
        return;
    }
    step_timeout(reader, step);
    let Some(attempts) = policy::forward(step, defaults).attempts_max else {
        return;
    };
    let asks = match policy::on_unknown(step, true) {
        OnUnknown::Reconcile | OnUnknown::Operator => true,
        OnUnknown::Retry | OnUnknown::Compensate => false,
    };
    if is_pivot && asks {
        return;
    }
    let own = step.retry.as_ref();
    let place = own
        .map(|retry| {
            retry
                .max_attempts
                .as_ref()
                .map_or(retry.place, |attempts| attempts.place)
        })
        .unwrap_or(step.id.place);
    let id = &step.id.value;
    let (message, help) = if is_pivot {
        (
            format!(
                "the pivot `{id}` gives up after {attempts} attempts, and nobody is asked then"
            ),
            "write `retry: { max_attempts: unlimited }`, or `on_unknown: reconcile` or `operator`",
        )
    } else {
        (
            format!("`{id}` comes after the pivot and gives up after {attempts} attempts"),
            "past the pivot a saga only goes forward: write `retry: { max_attempts: unlimited }`",
        )
    };
    reader.note(Diagnostic::error(code::BOUNDED_AFTER_PIVOT, place, message).with_help(help));
}

fn step_timeout(reader: &mut Reader<'_>, step: &StepFile) {
    let Some(timeout) = &step.step_timeout else {
        return;
    };
    let message = format!(
        "`{}` gives up after a while, and there is no way back there",
        step.id.value
    );
    reader.note(
        Diagnostic::error(code::BOUNDED_AFTER_PIVOT, timeout.place, message)
            .with_help("take `step:` away, or say `on_failure: continue` or `park`"),
    );
}

fn turns_around(reader: &mut Reader<'_>, step: &StepFile, is_pivot: bool) {
    let Some(said) = step
        .on_unknown
        .as_ref()
        .filter(|said| said.value == OnUnknown::Compensate)
    else {
        return;
    };
    let id = &step.id.value;
    let message = if is_pivot {
        format!("the pivot `{id}` may have happened: its unknown outcome cannot be compensated")
    } else {
        format!("`{id}` comes after the pivot: the saga cannot turn around there")
    };
    reader.note(
        Diagnostic::error(code::PIVOT_UNKNOWN, said.place, message)
            .with_help("write `retry`, `reconcile` or `operator`"),
    );
}

fn beside(reader: &mut Reader<'_>, plan: &Plan<'_>, pivot: StepIndex, step: &StepFile) {
    let Some(compensate) = step.compensate.as_ref().filter(|_| step.undo().is_some()) else {
        return;
    };
    let pivot = &plan.steps[pivot].id.value;
    let id = &step.id.value;
    let message = format!(
        "`{id}` may run beside the pivot `{pivot}`: it could need undoing when nothing can be undone"
    );
    let help =
        format!("add `{id}` to the `needs` of `{pivot}`, or `{pivot}` to the `needs` of `{id}`");
    reader.note(Diagnostic::error(code::BESIDE_PIVOT, compensate.place, message).with_help(help));
}
