//! A person decides about a step that waits for a decision.

use super::advance::advance;
use super::failure::failed_for_good;
use super::{Draft, Ignored, Refusal};
use crate::definition::Kind;
use crate::saga::{Cause, Event, Phase, Verdict};

pub(super) fn decide(draft: &mut Draft<'_>, verdict: &Verdict) -> Result<Option<Ignored>, Refusal> {
    if draft.state.stamps.contains(&verdict.stamp.key) {
        return Ok(Some(Ignored::Known));
    }
    match draft.state.phase {
        Phase::New => return Err(Refusal::NotStarted { command: "decide" }),
        Phase::Completed { .. } | Phase::Compensated { .. } => return Ok(Some(Ignored::Ended)),
        Phase::Forward { .. } | Phase::Compensating { .. } => {}
    }
    let not_waiting = || Refusal::NotWaiting {
        step: verdict.step.clone(),
    };
    let unit = draft
        .state
        .unit(draft.definition, &verdict.step)
        .filter(|unit| draft.state.waiting().any(|(waiting, _)| waiting == *unit))
        .ok_or_else(not_waiting)?;
    let Kind::Approve { roles, .. } = &draft.step(unit).kind else {
        return Err(not_waiting());
    };
    if !roles.is_empty() && !roles.iter().any(|role| verdict.roles.contains(role)) {
        return Err(Refusal::NotAllowed {
            step: verdict.step.clone(),
            roles: roles.join(" or "),
        });
    }
    let step = draft.step_id(unit);
    draft.emit(Event::Decided {
        step: step.clone(),
        approved: verdict.approved,
        stamp: verdict.stamp.key.clone(),
        by: verdict.stamp.by.clone(),
        reason: verdict.stamp.reason.clone(),
    })?;
    if let Some(problem) = draft.state.steps[unit].failure().cloned() {
        failed_for_good(draft, unit, Cause::Rejected { step, problem })?;
    }
    // A saga that was set aside only remembers it.
    if draft.state.quarantine.is_none() {
        advance(draft)?;
    }
    Ok(None)
}
