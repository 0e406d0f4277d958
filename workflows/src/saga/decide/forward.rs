//! Answers about the forward effect, to `forward` and to `reconcile` tasks.
//!
//! What is final is final from any attempt: the effect key is the same over all of them. What closes nothing
//! counts only from the current attempt. While compensating, final answers are evidence: a success is covered
//! by the undoing anyway, a closed key needs no undoing.

use std::sync::Arc;

use serde_json::Value;

use super::advance::advance;
use super::attempts::{current, spend, unspent};
use super::failure::failed_for_good;
use super::{Draft, Ignored, Refusal};
use crate::saga::{
    Cause, Event, Forward, Outcome, Phase, Problem, StepResult, Undoing, UnitIndex, Wait,
};

pub(super) fn answered(
    draft: &mut Draft<'_>,
    index: UnitIndex,
    news: &StepResult,
) -> Result<Option<Ignored>, Refusal> {
    match &news.outcome {
        Outcome::Succeeded(output) | Outcome::Applied(output) => happened(draft, index, output),
        Outcome::Rejected(problem) => closed(draft, index, problem.clone(), Tombstone::NotPossible),
        Outcome::Closed(problem) => closed(draft, index, problem.clone(), Tombstone::Possible),
        Outcome::Refused => {
            let problem = Problem::new("refused", "the effect was undone or closed before it ran");
            closed(draft, index, problem, Tombstone::Possible)
        }
        Outcome::Failed(problem) => inconclusive(draft, index, news, false, problem),
        Outcome::Unknown(problem) | Outcome::StillOpen(problem) => {
            inconclusive(draft, index, news, true, problem)
        }
        Outcome::Expired => expired(draft, index, news),
        Outcome::Heartbeat => heartbeat(draft, index, news),
    }
}

fn happened(
    draft: &mut Draft<'_>,
    index: UnitIndex,
    output: &Value,
) -> Result<Option<Ignored>, Refusal> {
    let step = &draft.state.steps[index];
    if !awaits_truth(&step.forward) || step.undoing == Undoing::Done {
        return Ok(Some(Ignored::Known));
    }
    let step = draft.step_id(index);
    draft.emit(Event::Succeeded {
        step,
        output: Arc::new(output.clone()),
    })?;
    advance(draft)?;
    Ok(None)
}

/// Whether an answer that closes the key may come from the tombstone of the step's own undoing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tombstone {
    Possible,
    NotPossible,
}

fn closed(
    draft: &mut Draft<'_>,
    index: UnitIndex,
    problem: Problem,
    tombstone: Tombstone,
) -> Result<Option<Ignored>, Refusal> {
    let state = &draft.state.steps[index];
    // An undoing that is on its way may have left its tombstone and not be through: then only its own answer
    // ends the matter. A stored rejection is none of its making: there never was an effect to undo.
    let ends_the_matter = match &state.undoing {
        Undoing::NotStarted => true,
        Undoing::Open(_) => tombstone == Tombstone::NotPossible,
        Undoing::Done => false,
    };
    if !awaits_truth(&state.forward) || !ends_the_matter {
        return Ok(Some(Ignored::Known));
    }
    let step = draft.step_id(index);
    draft.emit(Event::Closed {
        step: step.clone(),
        problem: problem.clone(),
    })?;
    failed_for_good(draft, index, Cause::Rejected { step, problem })?;
    advance(draft)?;
    Ok(None)
}

/// Whether a final answer about this effect would still be news.
fn awaits_truth(forward: &Forward) -> bool {
    match forward {
        Forward::Open { .. } | Forward::GivenUp { .. } => true,
        Forward::Pending
        | Forward::Skipped
        | Forward::Blocked { .. }
        | Forward::Waiting { .. }
        | Forward::FannedOut
        | Forward::Succeeded { .. }
        | Forward::Closed { .. } => false,
    }
}

fn inconclusive(
    draft: &mut Draft<'_>,
    index: UnitIndex,
    news: &StepResult,
    doubt: bool,
    problem: &Problem,
) -> Result<Option<Ignored>, Refusal> {
    if !is_current(draft, index, news) {
        return Ok(Some(Ignored::Stale));
    }
    spend(draft, index, news.operation, doubt, problem.clone())?;
    advance(draft)?;
    Ok(None)
}

fn expired(
    draft: &mut Draft<'_>,
    index: UnitIndex,
    news: &StepResult,
) -> Result<Option<Ignored>, Refusal> {
    if !is_current(draft, index, news) {
        return Ok(Some(Ignored::Stale));
    }
    let problem = Problem::new(
        "expired",
        "the task waited too long for a worker and was not started",
    );
    unspent(draft, index, news.operation, problem)?;
    // It may have waited for a worker for too long, and failed.
    advance(draft)?;
    Ok(None)
}

fn heartbeat(
    draft: &mut Draft<'_>,
    index: UnitIndex,
    news: &StepResult,
) -> Result<Option<Ignored>, Refusal> {
    if !is_current(draft, index, news) {
        return Ok(Some(Ignored::Stale));
    }
    super::timer::extend(draft, index, news.operation)
}

/// Whether the answer is to the attempt that is waited for, in a phase where it still counts.
fn is_current(draft: &Draft<'_>, index: UnitIndex, news: &StepResult) -> bool {
    let going_forward = matches!(draft.state.phase, Phase::Forward { .. });
    going_forward
        && current(draft, index, news.operation).is_some_and(|work| {
            work.attempt == news.attempt && matches!(work.wait, Wait::Answer { .. })
        })
}
