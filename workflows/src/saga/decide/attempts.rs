//! What a spent attempt means: another one, or that they have run out.
//!
//! A timeout and an answer `unknown` spend an attempt and leave a doubt: the effect may have happened. When
//! attempts run out with a doubt, the outcome is unknown, whatever the last answer said; without a doubt each
//! attempt claimed no effect, which still closes nothing.

use super::advance::turn;
use super::{Draft, Refusal, draft};
use crate::StepIndex;
use crate::definition::{OnUnknown, Retry};
use crate::saga::{Cause, Event, Forward, Known, Operation, Problem, Undoing, Work};

/// The work of `operation` that is under way for a step, if it is.
pub(super) fn current<'a>(
    draft: &'a Draft<'_>,
    index: StepIndex,
    operation: Operation,
) -> Option<&'a Work> {
    let step = &draft.state.steps[index];
    match (operation, &step.forward, &step.undoing) {
        (Operation::Compensate, _, Undoing::Open(work)) => Some(work),
        (
            Operation::Forward | Operation::Reconcile,
            Forward::Open {
                operation: now,
                work,
            },
            _,
        ) if *now == operation => Some(work),
        _ => None,
    }
}

/// Spends the current attempt.
pub(super) fn spend(
    draft: &mut Draft<'_>,
    index: StepIndex,
    operation: Operation,
    doubt: bool,
    problem: Problem,
) -> Result<(), Refusal> {
    let Some(work) = current(draft, index, operation) else {
        return Ok(());
    };
    let spent = work.spent.saturating_add(1);
    let doubtful = work.doubtful || doubt;
    let Some(retry) = policy(draft, index, operation) else {
        return Ok(());
    };
    if retry.exhausted(spent) || retry.unless.contains(&problem.code) {
        return match operation {
            Operation::Forward => forward_ran_out(draft, index, doubtful, problem),
            Operation::Reconcile => reconcile_ran_out(draft, index, problem),
            Operation::Compensate => park(draft, index, operation, problem),
        };
    }
    again_later(draft, index, operation, spent, doubtful, problem)
}

/// Schedules the next attempt without spending this one: the task came too late to be started.
pub(super) fn unspent(
    draft: &mut Draft<'_>,
    index: StepIndex,
    operation: Operation,
    problem: Problem,
) -> Result<(), Refusal> {
    let Some(work) = current(draft, index, operation) else {
        return Ok(());
    };
    let (spent, doubtful) = (work.spent, work.doubtful);
    again_later(draft, index, operation, spent, doubtful, problem)
}

fn again_later(
    draft: &mut Draft<'_>,
    index: StepIndex,
    operation: Operation,
    spent: u32,
    doubtful: bool,
    problem: Problem,
) -> Result<(), Refusal> {
    let jitter = draft.moment.jitter_permille;
    let wait =
        policy(draft, index, operation).map_or(0, |retry| retry.backoff_ms(spent.max(1), jitter));
    let until = draft.now().saturating_add(wait);
    let step = draft.step_id(index);
    draft.emit(Event::RetryScheduled {
        step,
        operation,
        problem,
        spent,
        doubtful,
        until,
    })
}

/// Forward attempts ran out.
fn forward_ran_out(
    draft: &mut Draft<'_>,
    index: StepIndex,
    doubtful: bool,
    problem: Problem,
) -> Result<(), Refusal> {
    let step = draft.step(index);
    let only_forward = step.after_pivot || draft.state.past_pivot(draft.definition);
    // The pivot's failures close nothing either, and compensating it is not allowed: its outcome has to be
    // found out, as if it were unknown.
    if doubtful || step.pivot {
        return match step.on_unknown {
            OnUnknown::Retry => keep_trying(draft, index, problem),
            OnUnknown::Reconcile => ask(draft, index, problem),
            OnUnknown::Compensate if !step.pivot && !only_forward => {
                give_up(draft, index, Known::Unknown, problem)
            }
            OnUnknown::Compensate | OnUnknown::Operator => {
                park(draft, index, Operation::Forward, problem)
            }
        };
    }
    if only_forward {
        return park(draft, index, Operation::Forward, problem);
    }
    give_up(draft, index, Known::Failed, problem)
}

/// `on_unknown: retry`: the same key again, without bound, at the policy's longest wait.
fn keep_trying(draft: &mut Draft<'_>, index: StepIndex, problem: Problem) -> Result<(), Refusal> {
    let spent = current(draft, index, Operation::Forward).map_or(0, |work| work.spent);
    again_later(
        draft,
        index,
        Operation::Forward,
        spent.saturating_add(1),
        true,
        problem,
    )
}

/// `on_unknown: reconcile`: asks the participant.
fn ask(draft: &mut Draft<'_>, index: StepIndex, problem: Problem) -> Result<(), Refusal> {
    match draft.dispatch(index, Operation::Reconcile, 1)? {
        Ok(()) => Ok(()),
        Err(_) => park(draft, index, Operation::Forward, problem),
    }
}

/// The participant could not tell in time. Before the pivot the compensation closes the key; the pivot and
/// what comes after it stand before a human.
fn reconcile_ran_out(
    draft: &mut Draft<'_>,
    index: StepIndex,
    problem: Problem,
) -> Result<(), Refusal> {
    let step = draft.step(index);
    let only_forward = step.pivot || step.after_pivot || draft.state.past_pivot(draft.definition);
    if only_forward {
        return park(draft, index, Operation::Reconcile, problem);
    }
    give_up(draft, index, Known::Unknown, problem)
}

fn give_up(
    draft: &mut Draft<'_>,
    index: StepIndex,
    known: Known,
    problem: Problem,
) -> Result<(), Refusal> {
    let step = draft.step_id(index);
    draft.emit(Event::GaveUp {
        step: step.clone(),
        known,
        problem: problem.clone(),
    })?;
    let cause = match known {
        Known::Failed => Cause::Failed { step, problem },
        Known::Unknown => Cause::Unknown { step, problem },
    };
    turn(draft, cause, None)
}

pub(super) fn park(
    draft: &mut Draft<'_>,
    index: StepIndex,
    operation: Operation,
    problem: Problem,
) -> Result<(), Refusal> {
    let step = draft.step_id(index);
    draft.emit(Event::Parked {
        step,
        operation,
        problem,
    })
}

fn policy<'a>(draft: &Draft<'a>, index: StepIndex, operation: Operation) -> Option<&'a Retry> {
    let step = draft.step(index);
    match operation {
        Operation::Forward => Some(&step.retry),
        Operation::Reconcile => step.reconcile.as_ref().map(|reconcile| &reconcile.retry),
        Operation::Compensate => draft::compensation(step).map(|undo| &undo.retry),
    }
}
