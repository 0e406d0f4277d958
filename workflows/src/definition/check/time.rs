//! Do timeouts, retries and the deadline fit together?

use super::super::code;
use super::super::diagnostic::Diagnostic;
use super::super::duration;
use super::super::file::{Attempts, DefaultsFile, RetryFile, StepFile};
use super::super::plan::Plan;
use super::super::policy;
use super::super::read::Reader;

/// Checks every step that may still turn around: past the pivot the deadline means nothing.
pub(super) fn check(reader: &mut Reader<'_>, plan: &Plan<'_>) {
    let defaults = plan.file.defaults.clone().unwrap_or_default();
    let deadline = plan.file.deadline.as_ref().map(|deadline| deadline.value);
    for (at, step) in plan.each() {
        for retry in retries(step) {
            waits(reader, retry);
        }
        if let (false, Some(deadline)) = (plan.is_only_forward(at), deadline) {
            waits_past_deadline(reader, step, deadline);
        }
        if !plan.is_only_forward(at) && step.asks() && step.saga.is_none() {
            match (policy::forward(step, &defaults).attempts_max, deadline) {
                (Some(attempts), Some(deadline)) => {
                    past_deadline(reader, step, &defaults, attempts, deadline);
                }
                (None, None) => unbounded(reader, step),
                (Some(_), None) | (None, Some(_)) => {}
            }
        }
    }
    if let Some(retry) = &defaults.retry {
        waits(reader, retry);
    }
    if let (Some(on_deadline), None) = (&plan.file.on_deadline, deadline) {
        let message = "`on_deadline` says what happens at the `deadline`, and there is none";
        reader.note(Diagnostic::error(
            code::POINTLESS_KEY,
            on_deadline.place,
            message,
        ));
    }
}

fn retries(step: &StepFile) -> impl Iterator<Item = &RetryFile> {
    let undo = step.undo().and_then(|undo| undo.retry.as_ref());
    let reconcile = step
        .reconcile
        .as_ref()
        .and_then(|reconcile| reconcile.value.retry.as_ref());
    [step.retry.as_ref(), undo, reconcile].into_iter().flatten()
}

fn waits(reader: &mut Reader<'_>, retry: &RetryFile) {
    if let (Some(initial), Some(max)) = (&retry.initial, &retry.max)
        && initial.value > max.value
    {
        let message = format!(
            "the first wait ({}) is longer than the longest ({})",
            duration::display(initial.value),
            duration::display(max.value)
        );
        reader.note(Diagnostic::error(code::WRONG_VALUE, initial.place, message));
    }
}

fn past_deadline(
    reader: &mut Reader<'_>,
    step: &StepFile,
    defaults: &DefaultsFile,
    attempts: u32,
    deadline: u64,
) {
    let timeout = policy::timeout_ms(step, defaults);
    let longest = timeout.saturating_mul(u64::from(attempts));
    if longest <= deadline {
        return;
    }
    let place = step
        .timeout
        .as_ref()
        .map_or(step.id.place, |timeout| timeout.place);
    let message = format!(
        "step `{}` may take {attempts} × {} = {}, longer than the deadline of {}",
        step.id.value,
        duration::display(timeout),
        duration::display(longest),
        duration::display(deadline)
    );
    reader.note(
        Diagnostic::warning(code::PAST_DEADLINE, place, message)
            .with_help("the last attempts will never be made"),
    );
}

fn waits_past_deadline(reader: &mut Reader<'_>, step: &StepFile, deadline: u64) {
    let waits = [
        step.sleep.as_ref(),
        step.wait.as_ref().and_then(|at| at.value.timeout.as_ref()),
        step.approve
            .as_ref()
            .and_then(|at| at.value.timeout.as_ref()),
    ];
    let Some(wait) = waits.into_iter().flatten().next() else {
        return;
    };
    if wait.value >= deadline {
        let message = format!(
            "step `{}` waits for {}, not shorter than the deadline of {}",
            step.id.value,
            duration::display(wait.value),
            duration::display(deadline)
        );
        reader.note(
            Diagnostic::warning(code::PAST_DEADLINE, wait.place, message)
                .with_help("the saga turns around before that"),
        );
    }
}

fn unbounded(reader: &mut Reader<'_>, step: &StepFile) {
    let place = step
        .retry
        .as_ref()
        .and_then(|retry| retry.max_attempts.as_ref())
        .filter(|attempts| attempts.value == Attempts::Unlimited)
        .map_or(step.id.place, |attempts| attempts.place);
    let message = format!(
        "step `{}` is tried without end, and the saga has no deadline at which it turns around",
        step.id.value
    );
    reader.note(
        Diagnostic::warning(code::UNBOUNDED, place, message)
            .with_help("add `deadline:`, or bound `max_attempts`"),
    );
}
