//! What a step's timeout, retries and unknown outcomes are when the file does not say.
//!
//! A stored definition is read again by every later version of the program, so a number here is part of the
//! meaning of definitions that exist: it is never changed, only overruled in files.

use super::file::{Attempts, DefaultsFile, RetryFile, StepFile};
use crate::Millis;
use crate::definition::{OnFailure, OnUnknown, Retry};

/// One attempt, when neither the step nor `defaults` says.
pub(crate) const TIMEOUT_MS: Millis = 10_000;

/// A child saga answers when it has ended; until then it is asked this often, in case its answer was lost, and says
/// each time that it is still at it.
pub(crate) const CHILD_TIMEOUT_MS: Millis = 3_600_000;

/// Retries of a forward task. Short: somebody is waiting for the answer.
const FORWARD: Built = Built {
    attempts_max: Some(5),
    initial_ms: 200,
    max_ms: 10_000,
};

/// Retries of a compensation. Long, because it must succeed; bounded, because in the end a human must know.
/// `defaults.retry` is not for them: who makes forward steps give up early does not mean their undoing.
const UNDO: Built = Built {
    attempts_max: Some(20),
    initial_ms: 500,
    max_ms: 60_000,
};

/// Retries of a reconciliation.
const RECONCILE: Built = Built {
    attempts_max: Some(10),
    initial_ms: 500,
    max_ms: 30_000,
};

/// A child saga is asked until it has ended: it has limits of its own.
const CHILD: Built = Built {
    attempts_max: None,
    initial_ms: 1_000,
    max_ms: 60_000,
};

struct Built {
    attempts_max: Option<u32>,
    initial_ms: Millis,
    max_ms: Millis,
}

/// Timeout of a step's forward task.
pub(crate) fn timeout_ms(step: &StepFile, defaults: &DefaultsFile) -> Millis {
    match (&step.timeout, &defaults.timeout) {
        (Some(said), _) => said.value,
        (None, _) if step.saga.is_some() => CHILD_TIMEOUT_MS,
        (None, Some(said)) => said.value,
        (None, None) => TIMEOUT_MS,
    }
}

/// Retries of a step's forward task.
pub(crate) fn forward(step: &StepFile, defaults: &DefaultsFile) -> Retry {
    if step.saga.is_some() {
        return resolve(&[step.retry.as_ref()], &CHILD);
    }
    let retry = resolve(&[step.retry.as_ref(), defaults.retry.as_ref()], &FORWARD);
    Retry {
        attempts_max: match step.dispatch {
            Some(_) => Some(1),
            None => retry.attempts_max,
        },
        ..retry
    }
}

/// Retries of a compensation.
pub(crate) fn undo(retry: Option<&RetryFile>) -> Retry {
    resolve(&[retry], &UNDO)
}

/// Retries of a reconciliation.
pub(crate) fn reconcile(retry: Option<&RetryFile>) -> Retry {
    resolve(&[retry], &RECONCILE)
}

/// What attempts that ran out without an answer mean.
///
/// Who says how to ask wants to ask. Otherwise a saga that may turn around does, and one that may not goes on: with
/// the step, or, when its failure does not matter, without it.
pub(crate) fn on_unknown(step: &StepFile, only_forward: bool) -> OnUnknown {
    match (&step.on_unknown, &step.reconcile) {
        (Some(said), _) => said.value,
        (None, Some(_)) => OnUnknown::Reconcile,
        (None, None) if only_forward && step.on_failure() == OnFailure::Fail => OnUnknown::Retry,
        (None, None) => OnUnknown::Compensate,
    }
}

/// The first that says something counts, for each key by itself.
fn resolve(said: &[Option<&RetryFile>], built: &Built) -> Retry {
    let said = || said.iter().copied().flatten();
    let attempts = said().find_map(|retry| retry.max_attempts.as_ref());
    let initial = said().find_map(|retry| retry.initial.as_ref());
    let max = said().find_map(|retry| retry.max.as_ref());
    let initial_ms = initial.map_or(built.initial_ms, |at| at.value);
    Retry {
        attempts_max: match attempts.map(|at| at.value) {
            Some(Attempts::Unlimited) => None,
            Some(Attempts::Bounded(count)) => Some(count),
            None => built.attempts_max,
        },
        initial_ms,
        // A long first wait lifts a limit that nobody wrote.
        max_ms: max.map_or(built.max_ms.max(initial_ms), |at| at.value),
        unless: said()
            .find_map(|retry| retry.unless.clone())
            .unwrap_or_default(),
    }
}
