//! What a row that was already there means for the task that finds it. Pure.
//!
//! Order of the questions: a tombstone answers everybody, then another input is a loud error, then the stored
//! answer is returned as it was.

use impresario_protocol::{Outcome, Problem};
use serde_json::{Value, json};

use super::EffectState;
use super::row::{Claim, Found};
use crate::HandlerError;

/// For a forward task: its answer, or that an earlier attempt of it may have reached the provider.
#[derive(Debug, PartialEq)]
pub(crate) enum Forward {
    Answer(Outcome),
    /// An intent with the same input: the request may be repeated under the same key while the provider
    /// remembers it.
    Repeat {
        age_ms: i64,
    },
}

pub(crate) fn forward(found: &Found, claim: &Claim) -> Result<Forward, HandlerError> {
    // An effect that was adopted after a restore was asked for by an input that nobody knows any more.
    let same_hash = match found.input_hash.as_deref() {
        Some(hash) => hash == claim.input_hash.as_slice(),
        None => true,
    };
    let same_input = found.task == claim.task && same_hash;
    match found.state {
        EffectState::Tombstone | EffectState::Compensated => Ok(Forward::Answer(Outcome::Refused)),
        // Not `refused`: that would say that the key is closed, and it is not yet.
        EffectState::Closing | EffectState::Undoing => Ok(Forward::Answer(Outcome::Unknown(
            Problem::new("being_undone", "a compensation of this effect is at work"),
        ))),
        EffectState::Intent | EffectState::Succeeded | EffectState::Rejected if !same_input => {
            Ok(Forward::Answer(Outcome::Failed(input_mismatch(claim))))
        }
        EffectState::Intent => Ok(Forward::Repeat {
            age_ms: found.age_ms,
        }),
        EffectState::Succeeded => Ok(Forward::Answer(Outcome::Succeeded {
            output: found.output()?,
        })),
        EffectState::Rejected => Ok(Forward::Answer(Outcome::Rejected(found.problem()?))),
    }
}

fn input_mismatch(claim: &Claim) -> Problem {
    tracing::error!(
        effect = claim.effect,
        task = claim.task,
        "another input under the same key"
    );
    Problem::new(
        "input_mismatch",
        format!(
            "effect {} was already asked for with another input",
            claim.effect
        ),
    )
}

/// For a compensation: its answer, or what is left to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Compensate {
    Answer(Outcome),
    /// It happened: undo it.
    Undo,
    /// It may have happened at the provider: close the key there first.
    Close,
}

pub(crate) fn compensate(found: &Found) -> Result<Compensate, HandlerError> {
    Ok(match found.state {
        EffectState::Tombstone | EffectState::Rejected => Compensate::Answer(nothing_to_undo()),
        EffectState::Compensated => Compensate::Answer(Outcome::Succeeded {
            output: found.undo()?,
        }),
        EffectState::Succeeded | EffectState::Undoing => Compensate::Undo,
        EffectState::Intent | EffectState::Closing => Compensate::Close,
    })
}

/// The answer of a compensation that found no effect, and made sure that there never will be one.
pub(crate) fn nothing_to_undo() -> Outcome {
    Outcome::Succeeded {
        output: null_output(),
    }
}

pub(crate) fn null_output() -> Value {
    json!({ "null": true })
}

/// For a reconcile: its answer, or that the provider has to be asked.
#[derive(Debug, PartialEq)]
pub(crate) enum Reconcile {
    Answer(Outcome),
    Close,
}

pub(crate) fn reconcile(found: &Found) -> Result<Reconcile, HandlerError> {
    let closed =
        |code: &str, message: &str| Reconcile::Answer(Outcome::Closed(Problem::new(code, message)));
    Ok(match found.state {
        EffectState::Succeeded => Reconcile::Answer(Outcome::Applied {
            output: found.output()?,
        }),
        EffectState::Rejected => Reconcile::Answer(Outcome::Closed(found.problem()?)),
        EffectState::Tombstone => closed("never_ran", "it did not happen and never will"),
        EffectState::Compensated => closed("compensated", "it happened and was undone"),
        EffectState::Closing | EffectState::Undoing => Reconcile::Answer(Outcome::StillOpen(
            Problem::new("being_undone", "a compensation of this effect is at work"),
        )),
        EffectState::Intent => Reconcile::Close,
    })
}

/// For a missing row of a saga from before the horizon.
pub(crate) fn before_horizon() -> Outcome {
    Outcome::Unknown(Problem::new(
        "before_horizon",
        "the barrier does not reach back to the start of this saga, so a missing row proves nothing",
    ))
}
