//! An operator's retry of what stands before a human.
//!
//! Work whose attempts ran out gets a new budget under the same effect key. An effect that is closed (the
//! participant's stored no) is asked for under its next generation: only an operator opens one, and only
//! because the last one is closed for ever.

use super::advance::advance;
use super::attempts::park;
use super::{Draft, Ignored, Refusal, nothing_parked};
use crate::saga::{Event, Forward, Operation, Phase, Stamp, Undoing, UnitIndex};

pub(super) fn retry(
    draft: &mut Draft<'_>,
    step: Option<&str>,
    stamp: &Stamp,
) -> Result<Option<Ignored>, Refusal> {
    if draft.state.stamps.contains(&stamp.key) {
        return Ok(Some(Ignored::Known));
    }
    let status = draft.state.status(draft.definition);
    match &draft.state.phase {
        Phase::New => return Err(Refusal::NotStarted { command: "retry" }),
        Phase::Completed { .. } | Phase::Compensated { .. } => return Err(nothing_parked(status)),
        Phase::Forward { .. } | Phase::Compensating { .. } => {}
    }
    if draft.state.quarantine.is_some() {
        return release(draft, stamp);
    }
    let parked: Vec<(UnitIndex, Operation)> = draft
        .state
        .parked(draft.definition)
        .filter(|(index, _, _)| step.is_none_or(|id| is_named(draft, *index, id)))
        .map(|(index, operation, _)| (index, operation))
        .collect();
    match (parked.is_empty(), step) {
        (true, Some(step)) => {
            return Err(Refusal::NotParked {
                step: step.to_owned(),
            });
        }
        (true, None) => return Err(nothing_parked(status)),
        (false, _) => {}
    }
    for (index, operation) in parked {
        one(draft, index, operation, stamp)?;
    }
    advance(draft)?;
    Ok(None)
}

/// A step's id means all its items, `step:item` one of them.
fn is_named(draft: &Draft<'_>, unit: UnitIndex, name: &str) -> bool {
    draft.step(unit).id == name || draft.step_id(unit) == name
}

fn one(
    draft: &mut Draft<'_>,
    index: UnitIndex,
    operation: Operation,
    stamp: &Stamp,
) -> Result<(), Refusal> {
    let step = &draft.state.steps[index];
    let closed = matches!(step.forward, Forward::Closed { .. });
    let generation = step.generation + u32::from(closed);
    let next = match (&step.forward, &step.undoing, operation) {
        (_, Undoing::Open(work), Operation::Compensate) => Some(work.attempt.saturating_add(1)),
        (Forward::Open { work, .. }, _, Operation::Forward | Operation::Reconcile) => {
            Some(work.attempt.saturating_add(1))
        }
        // Pending again: `advance` starts it.
        _ => None,
    };
    draft.emit(Event::Retried {
        step: draft.step_id(index),
        operation,
        generation,
        stamp: stamp.key.clone(),
        by: stamp.by.clone(),
        reason: stamp.reason.clone(),
    })?;
    let Some(attempt) = next else { return Ok(()) };
    match draft.dispatch(index, operation, attempt)? {
        Ok(()) => Ok(()),
        Err(problem) => park(draft, index, operation, problem),
    }
}

/// A quarantined saga goes on: what it missed meanwhile is asked for again.
fn release(draft: &mut Draft<'_>, stamp: &Stamp) -> Result<Option<Ignored>, Refusal> {
    draft.emit(Event::Released {
        stamp: stamp.key.clone(),
        by: stamp.by.clone(),
        reason: stamp.reason.clone(),
    })?;
    super::redispatch::redispatch(draft, None)?;
    advance(draft)?;
    Ok(None)
}
