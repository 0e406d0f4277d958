//! Steps that ask nobody: time goes by, a signal comes, a person decides.
//!
//! They have no effect, so nothing about them is ever unknown: what did not come in time is closed by the engine
//! itself, and what a late signal says finds nobody waiting.

use std::sync::Arc;

use serde_json::Value;

use super::draft::Seen;
use super::failure::failed_for_good;
use super::{Draft, Refusal};
use crate::Millis;
use crate::definition::{Kind, WaitFor};
use crate::saga::{Cause, Event, Problem, Signal, UnitIndex};

/// The step waits from now.
pub(super) fn begin(draft: &mut Draft<'_>, unit: UnitIndex, span: Millis) -> Result<(), Refusal> {
    let at = draft.now();
    draft.emit(Event::Waiting {
        step: draft.step_id(unit),
        at,
        until: at.saturating_add(span),
    })
}

/// Gives each waiting step the oldest signal that is meant for it; whether anything moved.
pub(super) fn take_signals(draft: &mut Draft<'_>) -> Result<bool, Refusal> {
    let waiting: Vec<UnitIndex> = draft.state.waiting().map(|(unit, _)| unit).collect();
    let mut moved = false;
    for unit in waiting {
        let Kind::Wait(wait) = &draft.step(unit).kind else {
            continue;
        };
        let meant = draft
            .state
            .signals
            .iter()
            .find(|signal| signal.name == wait.signal && is_meant(draft, wait, signal))
            .map(|signal| signal.key.clone());
        if let Some(key) = meant {
            draft.emit(Event::SignalTaken {
                step: draft.step_id(unit),
                key,
            })?;
            moved = true;
        }
    }
    Ok(moved)
}

/// A condition that cannot be evaluated on this payload is one that does not hold: somebody else's signal must not
/// be able to stop the saga.
fn is_meant(draft: &Draft<'_>, wait: &WaitFor, signal: &Signal) -> bool {
    let Some(matches) = &wait.matches else {
        return true;
    };
    let seen = Seen {
        item: None,
        signal: Some(&signal.payload),
    };
    draft
        .state
        .with_scope_and(draft.definition, seen, |scope| matches.evaluate(scope))
        .unwrap_or(false)
}

/// What is over by now.
pub(super) fn due(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let now = draft.now();
    let over: Vec<UnitIndex> = draft
        .state
        .waiting()
        .filter(|(_, until)| *until <= now)
        .map(|(unit, _)| unit)
        .collect();
    for unit in over {
        // An earlier one of this round may have turned the saga around.
        if draft.state.waiting().any(|(waiting, _)| waiting == unit) {
            ends(draft, unit)?;
        }
    }
    Ok(())
}

fn ends(draft: &mut Draft<'_>, unit: UnitIndex) -> Result<(), Refusal> {
    let step = draft.step_id(unit);
    match &draft.step(unit).kind {
        Kind::Sleep { .. } => draft.emit(Event::Succeeded {
            step,
            output: Arc::new(Value::Null),
        }),
        Kind::Wait(wait) => {
            let sentence = format!("the signal `{}` did not come in time", wait.signal);
            close(draft, unit, Problem::new("signal_timeout", sentence))
        }
        Kind::Approve { .. } => {
            let problem = Problem::new("approval_timeout", "nobody decided in time");
            close(draft, unit, problem)
        }
        // Tasks are never in this state.
        Kind::Task(_) | Kind::Saga(_) => Ok(()),
    }
}

/// The step ends without what it waited for.
fn close(draft: &mut Draft<'_>, unit: UnitIndex, problem: Problem) -> Result<(), Refusal> {
    let step = draft.step_id(unit);
    draft.emit(Event::Closed {
        step: step.clone(),
        problem: problem.clone(),
    })?;
    failed_for_good(draft, unit, Cause::Rejected { step, problem })
}
