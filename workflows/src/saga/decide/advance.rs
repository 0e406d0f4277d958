//! What follows by itself once the facts are in: ready steps start, compensations start when everything after
//! them is undone, and a saga that has nothing left ends.
//!
//! Called after every input. Each turn of the loop adds facts or stops; facts only move steps forward in their
//! life, so it ends.

use std::sync::Arc;

use serde_json::Value;

use super::failure::failed_for_good;
use super::{Draft, Refusal, fan, report, waiting};
use crate::definition::Kind;
use crate::saga::{Cause, Event, Forward, Operation, Phase, Problem, Undoing, UnitIndex};

pub(super) fn advance(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    loop {
        let moved = match draft.state.phase.clone() {
            Phase::Forward { turn: None } => {
                waiting::take_signals(draft)?
                    || start_ready(draft)?
                    || fan::go_on(draft)?
                    || complete(draft)?
            }
            // Wants to turn around and waits for the pivot: nothing new is started meanwhile.
            Phase::Forward { turn: Some(cause) } => turn_if_free(draft, cause)?,
            Phase::Compensating { .. } => undo_ready(draft)? || end_compensated(draft)?,
            Phase::New | Phase::Completed { .. } | Phase::Compensated { .. } => false,
        };
        if !moved {
            return Ok(());
        }
    }
}

/// Turns around, or remembers the wish while the pivot's answer is out. The first wish is the reason that
/// people read: whatever comes later finds it remembered, and `advance` follows it once it can. Past the pivot
/// there is no turning: what went wrong stands before a human (`State::parked` shows it).
pub(super) fn turn(
    draft: &mut Draft<'_>,
    cause: Cause,
    stamp: Option<String>,
) -> Result<(), Refusal> {
    if draft.state.phase != (Phase::Forward { turn: None })
        || draft.state.past_pivot(draft.definition)
    {
        return Ok(());
    }
    if draft.state.pivot_is_open(draft.definition) {
        return draft.emit(Event::TurnRequested { cause, stamp });
    }
    draft.emit(Event::Turned { cause, stamp })
}

fn turn_if_free(draft: &mut Draft<'_>, cause: Cause) -> Result<bool, Refusal> {
    if draft.state.pivot_is_open(draft.definition) {
        return Ok(false);
    }
    draft.emit(Event::Turned { cause, stamp: None })?;
    Ok(true)
}

/// Starts every step whose needs are done.
fn start_ready(draft: &mut Draft<'_>) -> Result<bool, Refusal> {
    let done = draft.state.done();
    let ready: Vec<UnitIndex> = draft
        .state
        .set_of(|step| step.forward == Forward::Pending)
        .iter()
        .filter(|&index| draft.step(index).needs.is_subset(done))
        .collect();
    let mut moved = false;
    for index in ready {
        // An earlier step of this round may have turned the saga around.
        if draft.state.phase != (Phase::Forward { turn: None }) {
            break;
        }
        start_step(draft, index)?;
        moved = true;
    }
    Ok(moved)
}

fn start_step(draft: &mut Draft<'_>, index: UnitIndex) -> Result<(), Refusal> {
    match draft.wanted(index) {
        Ok(true) => {}
        Ok(false) => {
            return draft.emit(Event::Skipped {
                step: draft.step_id(index),
            });
        }
        Err(problem) => return blocked(draft, index, problem),
    }
    let step = draft.step(index);
    match (&step.each, &step.kind) {
        (Some(each), _) => fan::out(draft, index, each),
        (None, Kind::Task(_) | Kind::Saga(_)) => send_first(draft, index),
        (None, Kind::Sleep { for_ms: after }) => waiting::begin(draft, index, *after),
        (None, Kind::Wait(wait)) => waiting::begin(draft, index, wait.within_ms),
        (None, Kind::Approve { within_ms, .. }) => waiting::begin(draft, index, *within_ms),
    }
}

/// Sends the first attempt of a unit.
pub(super) fn send_first(draft: &mut Draft<'_>, index: UnitIndex) -> Result<(), Refusal> {
    // A unit that was given up and is let go on by an operator continues its numbers, so that news of an old
    // attempt is never taken for news of the current one.
    let attempt = draft.state.steps[index].attempts.saturating_add(1);
    match draft.dispatch(index, Operation::Forward, attempt)? {
        Ok(()) => Ok(()),
        Err(problem) => blocked(draft, index, problem),
    }
}

/// What the unit needs cannot be made: it is never sent.
pub(super) fn blocked(
    draft: &mut Draft<'_>,
    index: UnitIndex,
    problem: Problem,
) -> Result<(), Refusal> {
    let step = draft.step_id(index);
    draft.emit(Event::Blocked {
        step: step.clone(),
        problem: problem.clone(),
    })?;
    failed_for_good(draft, index, Cause::Unmappable { step, problem })
}

/// Ends well, once every step is done.
fn complete(draft: &mut Draft<'_>) -> Result<bool, Refusal> {
    if draft.state.done() != draft.definition.all_steps() {
        return Ok(false);
    }
    // Everything has happened by now: an output that cannot be made must not keep the saga from ending.
    let (output, problem) = match draft.evaluate(&draft.definition.output) {
        Ok(output) => (output, None),
        Err(problem) => (Value::Null, Some(problem)),
    };
    draft.emit(Event::Completed {
        output: Arc::new(output),
        problem,
    })?;
    report::ended(draft);
    Ok(true)
}

/// Starts each compensation whose descendants owe nothing any more: reverse order, in parallel where the
/// graph allows.
fn undo_ready(draft: &mut Draft<'_>) -> Result<bool, Refusal> {
    let owing = draft.state.owing(draft.definition);
    let mut moved = false;
    for index in 0..draft.state.steps.len() {
        let owes = draft.state.owes_undo(draft.definition, index);
        let free = draft.step(index).descendants.intersection(owing).is_empty();
        if !owes || !free || draft.state.steps[index].undoing != Undoing::NotStarted {
            continue;
        }
        if let Err(problem) = draft.dispatch(index, Operation::Compensate, 1)? {
            park_unsendable(draft, index, problem)?;
        }
        moved = true;
    }
    Ok(moved)
}

/// A compensation whose input cannot be made: it is opened, so that an operator's retry has something to
/// repeat, and parked at once.
fn park_unsendable(
    draft: &mut Draft<'_>,
    index: UnitIndex,
    problem: Problem,
) -> Result<(), Refusal> {
    let step = draft.step_id(index);
    let now = draft.now();
    draft.emit(Event::Dispatched {
        step: step.clone(),
        operation: Operation::Compensate,
        attempt: 1,
        at: now,
        until: now,
    })?;
    draft.emit(Event::Parked {
        step,
        operation: Operation::Compensate,
        problem,
    })
}

/// Ends undone, once nothing is owed.
fn end_compensated(draft: &mut Draft<'_>) -> Result<bool, Refusal> {
    if !draft.state.owing(draft.definition).is_empty() {
        return Ok(false);
    }
    draft.emit(Event::Compensated {})?;
    report::ended(draft);
    Ok(true)
}
