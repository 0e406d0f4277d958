//! Attempts: no more than the definition allows, no sooner than it allows.
//!
//! What a participant answers without starting (`expired`), and what an operator lets go on, spends nothing: the
//! budget is what the journal itself says was spent.

use impresario_workflows::definition::{OnUnknown, Retry, Undo};
use impresario_workflows::saga::{Event, Operation, State, Wait, evolve};
use impresario_workflows::{Definition, Millis};

use super::Check;
use crate::verify::case::{Case, Findings, unit};
use crate::verify::rule::Rule;
use crate::verify::table::Table;

pub(super) const CHECK: Check = Check {
    needs: &[Table::Saga, Table::Journal, Table::Definition],
    rules: &[Rule::AttemptsAreBounded, Rule::BackoffIsKept],
    run: check,
};

/// Two replicas' clocks may differ by so much: the one that schedules an attempt need not be the one that sends it.
pub(crate) const SKEW_MS: Millis = 500;

fn check(case: &Case<'_>, found: &mut Findings) {
    for (id, saga, mut definition) in case.readable_from_the_start() {
        let mut state = State::unborn(id, definition);
        for entry in &saga.journal {
            for event in &entry.body.events {
                let scheduled = spent(definition, event, entry.body.at);
                let sent = early(definition, &state, event);
                for (rule, what) in scheduled.into_iter().chain(sent) {
                    found.report(rule, Some(id), format!("row {}: {what}", entry.seq));
                }
                definition = case.goes_on_under(event).unwrap_or(definition);
                if evolve(definition, &mut state, event).is_err() {
                    break; // Told by `stored`.
                }
            }
        }
    }
}

/// A scheduled attempt is one of those that the policy has, and at the earliest when it says.
fn spent(definition: &Definition, event: &Event, at: Millis) -> Option<(Rule, String)> {
    let Event::RetryScheduled {
        step,
        operation,
        spent,
        until,
        ..
    } = event
    else {
        return None;
    };
    let (retry, unbounded) = policy(definition, step, *operation)?;
    if retry.exhausted(*spent) && !unbounded {
        let what = format!(
            "{} of `{step}` goes on after {spent} attempts",
            operation.as_str()
        );
        return Some((Rule::AttemptsAreBounded, what));
    }
    let earliest = at.saturating_add(retry.backoff_ms((*spent).max(1), 0));
    (until.saturating_add(SKEW_MS) < earliest).then(|| {
        let early = earliest - until;
        let what = format!(
            "{} of `{step}` is scheduled {early} ms early",
            operation.as_str()
        );
        (Rule::BackoffIsKept, what)
    })
}

/// An attempt that waits for its time is not sent before it.
fn early(definition: &Definition, state: &State, event: &Event) -> Option<(Rule, String)> {
    let Event::Dispatched {
        step,
        operation,
        attempt,
        at,
        ..
    } = event
    else {
        return None;
    };
    let index = unit(definition, state, step)?;
    let (_, _, work) = state
        .open_work()
        .find(|(open, now, _)| *open == index && now == operation)?;
    let Wait::Backoff { until } = work.wait else {
        return None;
    };
    (at.saturating_add(SKEW_MS) < until).then(|| {
        let early = until - at;
        let what = format!(
            "{} #{attempt} of `{step}` is {early} ms early",
            operation.as_str()
        );
        (Rule::BackoffIsKept, what)
    })
}

/// The retry policy of some work, and whether it goes on without bound by `on_unknown: retry`.
pub(crate) fn policy<'d>(
    definition: &'d Definition,
    step: &str,
    operation: Operation,
) -> Option<(&'d Retry, bool)> {
    let id = step.split(':').next().unwrap_or(step);
    let spec = &definition.steps[definition.step_index(id)?];
    match operation {
        Operation::Forward => Some((&spec.retry, spec.on_unknown == OnUnknown::Retry)),
        Operation::Reconcile => Some((&spec.reconcile.as_ref()?.retry, false)),
        Operation::Compensate => match &spec.undo {
            Undo::Compensate(undo) => Some((&undo.retry, false)),
            Undo::Nothing { .. } | Undo::Readonly | Undo::OnlyForward => None,
        },
    }
}
