//! An instant came: what is due?
//!
//! Waits for answers that are over, backoffs that are over, the deadline. An outage spends nothing: a wait is
//! over only if the attempt's task was surely taken by a worker (its pool was seen with a consumer and an
//! empty queue since) and an answer would surely have been read (the partition's results are read past the
//! end of the wait). Otherwise it is not over yet; after another whole timeout it is moved out, so that an
//! outage does not keep thousands of wake-ups in the past.
//!
//! Subtle: a look that finds nothing due still writes when the stored wake-up is in the past. Moving it out
//! has to win a seq like everything else, or a step that is being committed meanwhile would lose its timer.

use super::advance::{advance, turn};
use super::attempts::{current, park, queued_too_long, ran_out_of_time, spend};
use super::{Draft, Ignored, Refusal, waiting};
use crate::Millis;
use crate::definition::Step;
use crate::saga::{Cause, Event, Operation, Phase, Problem, Served, UnitIndex, Wait, Work};

pub(super) fn timer(draft: &mut Draft<'_>, served: &Served) -> Result<Option<Ignored>, Refusal> {
    deadline(draft)?;
    waiting::due(draft)?;
    let due: Vec<(UnitIndex, Operation, Work)> = draft
        .state
        .open_work()
        .filter(|(index, operation, work)| is_due(draft, *index, *operation, work))
        .map(|(index, operation, work)| (index, operation, work.clone()))
        .collect();
    for (index, operation, work) in due {
        // An earlier one of this round may have turned the saga around.
        if current(draft, index, operation) == Some(&work) && is_active(draft, operation) {
            one_due(draft, index, operation, &work, served)?;
        }
    }
    advance(draft)?;
    if draft.has_events() {
        return Ok(None);
    }
    move_wake(draft, served, Ignored::NotDue)
}

fn is_due(draft: &Draft<'_>, index: UnitIndex, operation: Operation, work: &Work) -> bool {
    match work.wait {
        Wait::Answer { until, .. } | Wait::Backoff { until } => {
            until <= draft.now() || is_out_of_time(draft, index, operation, work)
        }
        Wait::Operator { .. } => false,
    }
}

/// Whether all attempts together have had their time.
fn is_out_of_time(draft: &Draft<'_>, index: UnitIndex, operation: Operation, work: &Work) -> bool {
    draft
        .state
        .step_limit(draft.definition, index, operation, work)
        .is_some_and(|limit| limit <= draft.now())
}

/// Forward work counts while the saga goes forward, undoing while it compensates.
fn is_active(draft: &Draft<'_>, operation: Operation) -> bool {
    match (&draft.state.phase, operation) {
        (Phase::Forward { .. }, Operation::Forward | Operation::Reconcile) => true,
        (Phase::Compensating { .. }, Operation::Compensate) => true,
        (
            Phase::New
            | Phase::Forward { .. }
            | Phase::Compensating { .. }
            | Phase::Completed { .. }
            | Phase::Compensated { .. },
            Operation::Forward | Operation::Reconcile | Operation::Compensate,
        ) => false,
    }
}

fn one_due(
    draft: &mut Draft<'_>,
    index: UnitIndex,
    operation: Operation,
    work: &Work,
    served: &Served,
) -> Result<(), Refusal> {
    if is_out_of_time(draft, index, operation, work) {
        return ran_out_of_time(draft, index, work);
    }
    match work.wait {
        Wait::Backoff { .. } => {
            match draft.dispatch(index, operation, work.attempt.saturating_add(1))? {
                Ok(()) => Ok(()),
                Err(problem) => park(draft, index, operation, problem),
            }
        }
        Wait::Answer { sent_at, until } => {
            if !silence_counts(draft, index, operation, sent_at, until, served) {
                if queued_too_long(draft, index, operation, work)? {
                    return Ok(());
                }
                return postpone(draft, index, operation, sent_at, until);
            }
            let problem = Problem::new("timeout", "no answer in time");
            spend(draft, index, operation, true, problem)
        }
        Wait::Operator { .. } => Ok(()),
    }
}

/// Whether no answer by `until` means that there was none.
fn silence_counts(
    draft: &Draft<'_>,
    index: UnitIndex,
    operation: Operation,
    sent_at: Millis,
    until: Millis,
    served: &Served,
) -> bool {
    let taken = pool_and_timeout(draft.step(index), operation)
        .is_some_and(|(pool, _)| served.drained_at.get(pool).is_some_and(|&at| at >= sent_at));
    taken && served.results_read_until >= until
}

/// An outage moves a wait out by at most this, or by the timeout when that is longer: it is also how long after
/// the outage a worker that died with the task may go unnoticed.
const POSTPONED_MAX_MS: Millis = 60_000;

/// Moves a wait out that an outage has made meaningless, once it is a whole timeout over: by as long as it has
/// lasted, so that a long outage costs a saga few facts.
fn postpone(
    draft: &mut Draft<'_>,
    index: UnitIndex,
    operation: Operation,
    sent_at: Millis,
    until: Millis,
) -> Result<(), Refusal> {
    let timeout_ms = pool_and_timeout(draft.step(index), operation).map_or(0, |(_, ms)| ms);
    if draft.now() < until.saturating_add(timeout_ms) {
        return Ok(());
    }
    let lasted = draft.now().saturating_sub(sent_at);
    let wait = lasted.min(POSTPONED_MAX_MS).max(timeout_ms);
    let (step, until) = (draft.step_id(index), draft.now().saturating_add(wait));
    draft.emit(Event::Postponed {
        step,
        operation,
        until,
    })
}

fn pool_and_timeout(step: &Step, operation: Operation) -> Option<(&str, Millis)> {
    match operation {
        Operation::Forward => step
            .task()
            .map(|task| (task.pool.as_str(), step.timeout_ms)),
        Operation::Reconcile => step
            .reconcile
            .as_ref()
            .map(|r| (r.task.pool.as_str(), r.timeout_ms)),
        Operation::Compensate => {
            super::draft::compensation(step).map(|c| (c.task.pool.as_str(), c.timeout_ms))
        }
    }
}

/// A heartbeat moves the wait out, at most about twice a timeout, so that it costs few facts. Where the definition
/// says how long a worker may be silent, it moves it by that, and the attempt's own timeout stays the end.
pub(super) fn extend(
    draft: &mut Draft<'_>,
    index: UnitIndex,
    operation: Operation,
) -> Result<Option<Ignored>, Refusal> {
    let Some(&Work {
        wait: Wait::Answer { sent_at, until },
        ..
    }) = current(draft, index, operation)
    else {
        return Ok(Some(Ignored::Stale));
    };
    let timeout_ms = pool_and_timeout(draft.step(index), operation).map_or(0, |(_, ms)| ms);
    let (silence_ms, end) = match draft.step(index).heartbeat_ms {
        Some(heartbeat) if operation == Operation::Forward => {
            (heartbeat, sent_at.saturating_add(timeout_ms))
        }
        Some(_) | None => (timeout_ms, Millis::MAX),
    };
    if until > draft.now().saturating_add(silence_ms / 2) || until >= end {
        return Ok(Some(Ignored::Known));
    }
    let until = draft.now().saturating_add(silence_ms).min(end);
    let step = draft.step_id(index);
    draft.emit(Event::Postponed {
        step,
        operation,
        until,
    })?;
    Ok(None)
}

fn deadline(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let Some(after) = draft.definition.deadline_ms else {
        return Ok(());
    };
    let over = draft.now() >= draft.state.started_at.saturating_add(after);
    if over && draft.state.phase == (Phase::Forward { turn: None }) {
        turn(draft, Cause::Deadline, None)?;
    }
    Ok(())
}

/// Nothing is due: moves the stored wake-up out if it is past, or ignores the look for this reason.
pub(super) fn move_wake(
    draft: &mut Draft<'_>,
    served: &Served,
    otherwise: Ignored,
) -> Result<Option<Ignored>, Refusal> {
    let stale = served
        .stored_wake
        .is_some_and(|stored| stored <= draft.now());
    let until = draft.state.next_wake(draft.definition);
    if !stale || until == served.stored_wake {
        return Ok(Some(otherwise));
    }
    draft.emit(Event::WakeMoved { until })?;
    Ok(None)
}
