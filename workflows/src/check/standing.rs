//! From the middle of a saga's life: what its participants may have done by then.
//!
//! The saga remembers what it was told, not all that it has asked: which attempts there were, whether it has been
//! reconciled. So its participants get everything that is possible given what it remembers, which is at least what may
//! be true; a proof from there holds, and a counterexample may be one that did not come about.

use super::participant::{Answer, Participant};
use super::skeleton::{Skeleton, Unit};
use crate::StepSet;
use crate::definition::OnUnknown;
use crate::saga::{Forward, Operation, State, StepState, Undoing};

/// The participants of all units.
pub(super) fn participants(skeleton: &Skeleton, state: &State) -> Box<[Participant]> {
    let pinned = pinned(skeleton, state);
    let units = state.steps.iter().enumerate();
    units
        .map(|(unit, step)| {
            let known = participant(skeleton, unit, step);
            if pinned.contains(unit) {
                known.pinned()
            } else {
                known
            }
        })
        .collect()
}

/// The units whose effects were made to stay.
fn pinned(skeleton: &Skeleton, state: &State) -> StepSet {
    let succeeded = |step: &StepState| matches!(step.forward, Forward::Succeeded { .. });
    state
        .set_of(succeeded)
        .iter()
        .fold(StepSet::EMPTY, |pinned, unit| {
            pinned.union(skeleton.units[unit].pins)
        })
}

fn participant(skeleton: &Skeleton, unit: Unit, step: &StepState) -> Participant {
    let lapses = skeleton.units[unit].lapses;
    let untouched = Participant::untouched();
    // Attempts are counted in each generation: what was asked for in an earlier one is closed.
    if step.attempts == 0 || skeleton.step(unit).task().is_none() {
        return untouched;
    }
    let mut asked = untouched.asked(Operation::Forward, lapses);
    if may_be_reconciled(skeleton, unit, step) {
        asked = asked.asked(Operation::Reconcile, lapses);
    }
    let undone = match step.undoing {
        Undoing::NotStarted => None,
        Undoing::Open(_) => Some(false),
        Undoing::Done => Some(true),
    };
    if undone.is_some() {
        asked = asked.asked(Operation::Compensate, lapses);
    }
    let told = match step.forward {
        Forward::Succeeded { .. } => {
            asked.said_one_of(&[Answer::Succeeded, Answer::Applied], lapses)
        }
        Forward::Closed { .. } => {
            let closing = [Answer::Rejected, Answer::Refused, Answer::Closed];
            asked.said_one_of(&closing, lapses)
        }
        Forward::Pending
        | Forward::Skipped
        | Forward::Blocked { .. }
        | Forward::Waiting { .. }
        | Forward::FannedOut
        | Forward::Open { .. }
        | Forward::GivenUp { .. } => asked,
    };
    if undone == Some(true) {
        told.said(Answer::Undone, lapses)
    } else {
        told
    }
}

/// Whether the participant may have been asked what became of the effect.
fn may_be_reconciled(skeleton: &Skeleton, unit: Unit, step: &StepState) -> bool {
    let asks = skeleton.step(unit).on_unknown == OnUnknown::Reconcile;
    let not_yet = matches!(
        step.forward,
        Forward::Open {
            operation: Operation::Forward,
            ..
        }
    );
    asks && !not_yet
}
