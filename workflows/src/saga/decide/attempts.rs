//! What a spent attempt means: another one, or that they have run out.
//!
//! A timeout and an answer `unknown` spend an attempt and leave a doubt: the effect may have happened. When
//! attempts run out with a doubt, the outcome is unknown, whatever the last answer said; without a doubt each
//! attempt claimed no effect, which still closes nothing.

use super::failure::failed_for_good;
use super::{Draft, Refusal, draft};
use crate::definition::{OnFailure, OnUnknown, Retry};
use crate::saga::{
    Cause, Event, Forward, Known, Operation, Problem, Undoing, UnitIndex, Wait, Work,
};

/// The work of `operation` that is under way for a step, if it is.
pub(super) fn current<'a>(
    draft: &'a Draft<'_>,
    index: UnitIndex,
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
    index: UnitIndex,
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
    index: UnitIndex,
    operation: Operation,
    problem: Problem,
) -> Result<(), Refusal> {
    let Some(work) = current(draft, index, operation) else {
        return Ok(());
    };
    let work = work.clone();
    if queued_too_long(draft, index, operation, &work)? {
        return Ok(());
    }
    let (spent, doubtful) = (work.spent, work.doubtful);
    again_later(draft, index, operation, spent, doubtful, problem)
}

/// The definition bounds how long a unit may wait for a worker: over that it fails, which closes nothing. Whether it
/// did.
pub(super) fn queued_too_long(
    draft: &mut Draft<'_>,
    index: UnitIndex,
    operation: Operation,
    work: &Work,
) -> Result<bool, Refusal> {
    let limit = match operation {
        Operation::Forward => draft.step(index).queue_timeout_ms,
        Operation::Compensate | Operation::Reconcile => None,
    };
    let waited = draft
        .now()
        .saturating_sub(work.since.unwrap_or(draft.now()));
    if limit.is_none_or(|limit| waited < limit) {
        return Ok(false);
    }
    let problem = Problem::new("queue_timeout", "no worker took the task in time");
    forward_ran_out(draft, index, work.doubtful, problem)?;
    Ok(true)
}

/// All attempts together have had their time: whoever was just asked may still act.
pub(super) fn ran_out_of_time(
    draft: &mut Draft<'_>,
    index: UnitIndex,
    work: &Work,
) -> Result<(), Refusal> {
    let asked = match work.wait {
        Wait::Answer { .. } => true,
        Wait::Backoff { .. } | Wait::Operator { .. } => false,
    };
    let problem = Problem::new("step_timeout", "all attempts together took too long");
    forward_ran_out(draft, index, work.doubtful || asked, problem)
}

fn again_later(
    draft: &mut Draft<'_>,
    index: UnitIndex,
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
    index: UnitIndex,
    doubtful: bool,
    problem: Problem,
) -> Result<(), Refusal> {
    let step = draft.step(index);
    let may_fail = !step.pivot && step.on_failure != OnFailure::Fail;
    let only_forward = !may_fail && (step.after_pivot || draft.state.past_pivot(draft.definition));
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
fn keep_trying(draft: &mut Draft<'_>, index: UnitIndex, problem: Problem) -> Result<(), Refusal> {
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
fn ask(draft: &mut Draft<'_>, index: UnitIndex, problem: Problem) -> Result<(), Refusal> {
    match draft.dispatch(index, Operation::Reconcile, 1)? {
        Ok(()) => Ok(()),
        Err(_) => park(draft, index, Operation::Forward, problem),
    }
}

/// The participant could not tell in time. Before the pivot the compensation closes the key; the pivot and
/// what comes after it stand before a human.
fn reconcile_ran_out(
    draft: &mut Draft<'_>,
    index: UnitIndex,
    problem: Problem,
) -> Result<(), Refusal> {
    let step = draft.step(index);
    let may_fail = !step.pivot && step.on_failure != OnFailure::Fail;
    let only_forward = step.pivot || step.after_pivot || draft.state.past_pivot(draft.definition);
    if only_forward && !may_fail {
        return park(draft, index, Operation::Reconcile, problem);
    }
    give_up(draft, index, Known::Unknown, problem)
}

fn give_up(
    draft: &mut Draft<'_>,
    index: UnitIndex,
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
    failed_for_good(draft, index, cause)
}

pub(super) fn park(
    draft: &mut Draft<'_>,
    index: UnitIndex,
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

fn policy<'a>(draft: &Draft<'a>, index: UnitIndex, operation: Operation) -> Option<&'a Retry> {
    let step = draft.step(index);
    match operation {
        Operation::Forward => Some(&step.retry),
        Operation::Reconcile => step.reconcile.as_ref().map(|reconcile| &reconcile.retry),
        Operation::Compensate => draft::compensation(step).map(|undo| &undo.retry),
    }
}
