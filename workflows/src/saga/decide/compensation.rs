//! Answers about the undoing of a step.
//!
//! Undone is undone, from any attempt. There is no business no to an undoing: whatever is not a success is a
//! spent attempt, and when they run out the step stands before a human while independent branches go on.

use super::advance::advance;
use super::attempts::{current, spend, unspent};
use super::{Draft, Ignored, Refusal};
use crate::saga::{Event, Outcome, Phase, Problem, StepResult, Undoing, UnitIndex, Wait};

pub(super) fn answered(
    draft: &mut Draft<'_>,
    index: UnitIndex,
    news: &StepResult,
) -> Result<Option<Ignored>, Refusal> {
    let compensating = matches!(draft.state.phase, Phase::Compensating { .. });
    let Undoing::Open(work) = &draft.state.steps[index].undoing else {
        return Ok(Some(Ignored::Known));
    };
    if !compensating || !draft.state.owes_undo(draft.definition, index) {
        return Ok(Some(Ignored::Known));
    }
    let is_current = work.attempt == news.attempt && matches!(work.wait, Wait::Answer { .. });
    match &news.outcome {
        Outcome::Succeeded(_) | Outcome::Closed(_) => {
            let step = draft.step_id(index);
            draft.emit(Event::Undone { step })?;
            advance(draft)?;
            Ok(None)
        }
        _ if !is_current => Ok(Some(Ignored::Stale)),
        Outcome::Rejected(problem) | Outcome::Failed(problem) => {
            failed(draft, index, news, false, problem)
        }
        Outcome::Unknown(problem) | Outcome::StillOpen(problem) => {
            failed(draft, index, news, true, problem)
        }
        // Asked to undo, it says that the effect is there: whatever was meant, that is not undone.
        Outcome::Applied(_) => {
            let problem =
                Problem::new("applied", "asked to undo, the participant found the effect");
            failed(draft, index, news, true, &problem)
        }
        Outcome::Refused => {
            let problem = Problem::new("refused", "the participant refused the compensation");
            failed(draft, index, news, false, &problem)
        }
        Outcome::Expired => {
            let problem = Problem::new(
                "expired",
                "the task waited too long for a worker and was not started",
            );
            unspent(draft, index, news.operation, problem)?;
            Ok(None)
        }
        Outcome::Heartbeat => super::timer::extend(draft, index, news.operation),
    }
}

fn failed(
    draft: &mut Draft<'_>,
    index: UnitIndex,
    news: &StepResult,
    doubt: bool,
    problem: &Problem,
) -> Result<Option<Ignored>, Refusal> {
    if current(draft, index, news.operation).is_none() {
        return Ok(Some(Ignored::Stale));
    }
    spend(draft, index, news.operation, doubt, problem.clone())?;
    advance(draft)?;
    Ok(None)
}
