//! A lost saga is made anew, and turned around in the same moment.
//!
//! Nothing goes forward any more: what its journal said is lost, and with it what was promised. What it has done is
//! undone in the order of the graph, by effect keys, as in every saga that turns around. What left no trace but may have
//! been sent is undone as well, so that a task that comes late meets its tombstone.
//!
//! A saga that may be past its pivot, or may have ended well, is not undone by anybody's order.

use std::sync::Arc;

use super::advance::advance;
use super::{Draft, Ignored, Refusal};
use crate::definition::{Definition, Kind, OnFailure, StepSet, Undo};
use crate::saga::{Cause, Event, Left, Lost, Trace};

pub(super) fn found(draft: &mut Draft<'_>, lost: &Lost) -> Result<Option<Ignored>, Refusal> {
    let definition = draft.definition;
    if let Some(pivot) = definition.pivot
        && may_be_past(definition, lost)
    {
        return Err(Refusal::PastPivot {
            pivot: definition.steps[pivot].id.clone(),
        });
    }
    let Reach { done, unseen } = reach(definition, lost);
    if done == definition.all_steps() {
        return Err(Refusal::MayHaveCompleted);
    }
    draft.emit(Event::Found {
        at: lost.at,
        input: Arc::new(lost.input.clone()),
        items: lost.items.clone(),
        effects: lost.effects.iter().cloned().chain(unseen).collect(),
        stamp: lost.stamp.key.clone(),
        by: lost.stamp.by.clone(),
        reason: lost.stamp.reason.clone(),
    })?;
    let cause = Cause::Cancelled {
        by: lost.stamp.by.clone(),
        reason: lost.stamp.reason.clone(),
    };
    draft.emit(Event::Turned {
        cause,
        stamp: Some(lost.stamp.key.clone()),
    })?;
    advance(draft)?;
    Ok(None)
}

/// Whether the pivot has happened or may have, or something that comes after it.
fn may_be_past(definition: &Definition, lost: &Lost) -> bool {
    lost.effects.iter().any(|trace| {
        let closed = matches!(trace.left, Left::Closed { .. });
        let step = definition.step_index(step_of(&trace.step));
        // A closed effect after the pivot was asked for all the same.
        step.is_some_and(|step| {
            let step = &definition.steps[step];
            step.after_pivot || (step.pivot && !closed)
        })
    })
}

/// How far a lost saga may have come.
struct Reach {
    /// Steps that were done, or may have been.
    done: StepSet,
    /// Units that may have been sent and left no trace.
    unseen: Vec<Trace>,
}

/// A step was sent only when all that it needs was done. What leaves no trace (waits, conditions, what is only read)
/// counts as done when it may have been.
fn reach(definition: &Definition, lost: &Lost) -> Reach {
    let mut reach = Reach {
        done: StepSet::EMPTY,
        unseen: Vec::new(),
    };
    for (index, step) in definition.steps.iter().enumerate() {
        let may_be_sent = step.needs.is_subset(reach.done);
        let undone = matches!(step.undo, Undo::Compensate(_));
        let asks = matches!(step.kind, Kind::Task(_) | Kind::Saga(_));
        let leaves_traces = asks && !matches!(step.undo, Undo::Readonly);
        let lenient = step.when.is_some()
            || step.on_failure != OnFailure::Fail
            || step.each.as_ref().is_some_and(|each| each.tolerate > 0);
        let units: Vec<String> = match (&step.each, lost.items.get(&step.id)) {
            (None, _) => vec![step.id.clone()],
            (Some(_), Some(items)) => (0..items.len())
                .map(|item| format!("{}:{item}", step.id))
                .collect(),
            // Its list cannot be told: there is nothing to name its items by.
            (Some(_), None) => Vec::new(),
        };
        let (mut all_happened, mut seen) = (true, false);
        for unit in units {
            match lost.effects.iter().find(|trace| trace.step == unit) {
                Some(trace) => {
                    seen = true;
                    all_happened &= matches!(trace.left, Left::Happened { .. });
                }
                None => {
                    all_happened &= !leaves_traces;
                    if may_be_sent && undone {
                        reach.unseen.push(Trace {
                            step: unit,
                            generation: 1,
                            left: Left::Open {},
                        });
                    }
                }
            }
        }
        if (all_happened && (seen || may_be_sent)) || (may_be_sent && lenient) {
            reach.done = reach.done.with(index);
        }
    }
    reach
}

/// The step that a unit belongs to.
fn step_of(unit: &str) -> &str {
    unit.split(':').next().unwrap_or(unit)
}
