//! One question, every answer: the heart is asked once for each way in which conditions and inputs may turn out.
//!
//! Which of them a decision looks at is not known before it is made. So it is made with everything well; what it
//! then turns out to have looked at is varied, and it is made again, until nothing new was looked at.
//!
//! A condition or an input that was evaluated once has its answer for ever, for what it reads never changes: a step
//! that could not be made is not made by a retry either.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::ask::{NOW, put};
use super::canon::is_unmappable;
use super::{Ask, Unanswered};
use crate::check::skeleton::{Fate, Skeleton, Unit};
use crate::saga::{Decision, Forward, Moment, Refusal, State, Undoing, Wait, decide};

/// Something whose fate a decision looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Site {
    /// The condition and the input of a unit.
    Forward(Unit),
    /// The input of a unit's compensation.
    Undo(Unit),
}

/// What was decided, and the fates that made the difference.
pub(super) struct Decided {
    pub(super) fates: Vec<(Site, Fate)>,
    /// None when the command was refused, as commands may be.
    pub(super) decision: Option<Decision>,
}

/// Every decision that may follow from a question.
pub(super) fn every(
    skeleton: &Skeleton,
    state: &State,
    ask: Ask,
) -> Result<Vec<Decided>, Unanswered> {
    let mut all = Vec::new();
    let mut rest = vec![Vec::new()];
    while let Some(fates) = rest.pop() {
        let Some(decision) = once(skeleton, state, ask, &fates)? else {
            all.push(Decided {
                fates,
                decision: None,
            });
            continue;
        };
        let Some((site, options)) = undecided(skeleton, state, &decision.next, &fates) else {
            all.push(Decided {
                fates,
                decision: Some(decision),
            });
            continue;
        };
        // The last one is taken up first: what is well comes out first.
        for fate in options.iter().rev() {
            let mut fates = fates.clone();
            fates.push((site, *fate));
            rest.push(fates);
        }
    }
    Ok(all)
}

/// The decision under these fates; none when the heart refuses a command, as it may.
pub(super) fn once(
    skeleton: &Skeleton,
    state: &State,
    ask: Ask,
    fates: &[(Site, Fate)],
) -> Result<Option<Decision>, Unanswered> {
    let mut state = state.clone();
    give(skeleton, &mut state, fates);
    let input = put(skeleton, &mut state, ask);
    let moment = Moment {
        now: NOW,
        jitter_permille: 1000,
    };
    // A heart that panics has answered nobody; the explorer reports it like any other fault.
    let decided = catch_unwind(AssertUnwindSafe(|| {
        decide(&skeleton.definition, &state, &input, moment)
    }));
    match decided {
        Ok(Ok(decision)) => Ok(Some(decision)),
        Ok(Err(refusal)) if may_be_refused(ask, &refusal) => Ok(None),
        Ok(Err(refusal)) => Err(Unanswered {
            ask,
            reason: refusal.to_string(),
        }),
        Err(_) => Err(Unanswered {
            ask,
            reason: "it panicked".to_owned(),
        }),
    }
}

/// Only commands of people may be refused, and only with a reason that they can understand.
fn may_be_refused(ask: Ask, refusal: &Refusal) -> bool {
    let commanded = match ask {
        Ask::Cancel | Ask::Retry | Ask::RetryOf(_) | Ask::Idle(super::Idle::CommandedAtTheEnd) => {
            true
        }
        Ask::Start
        | Ask::Answered(..)
        | Ask::Spent(..)
        | Ask::Deadline
        | Ask::EngineFault
        | Ask::StaysAway(_)
        | Ask::Idle(_) => false,
        // A decision or a signal that comes when nobody waits any more.
        Ask::Comes(_) => true,
    };
    let understood = match refusal {
        Refusal::PastPivot { .. }
        | Refusal::NothingParked { .. }
        | Refusal::NotParked { .. }
        | Refusal::NoSuchSignal { .. }
        | Refusal::TooManySignals { .. }
        | Refusal::NotWaiting { .. }
        | Refusal::NotAllowed { .. }
        | Refusal::NotStarted { .. } => true,
        // Nobody migrates here, and nothing is lost.
        Refusal::OtherDefinition { .. }
        | Refusal::CameTo { .. }
        | Refusal::MayHaveCompleted
        | Refusal::Unfoldable(_) => false,
    };
    commanded && understood
}

/// Gives the saga these fates, and those that were decided in an earlier life of the saga.
fn give(skeleton: &Skeleton, state: &mut State, fates: &[(Site, Fate)]) {
    let (mut forward, mut undo) = (Vec::new(), Vec::new());
    for (unit, step) in state.steps.iter().enumerate() {
        if let Forward::Blocked { .. } = step.forward {
            forward.push((unit, Fate::Unmappable));
        }
        if let Undoing::Open(work) = &step.undoing
            && let Wait::Operator { problem } = &work.wait
            && is_unmappable(problem)
        {
            undo.push((unit, Fate::Unmappable));
        }
    }
    for (site, fate) in fates {
        match site {
            Site::Forward(unit) => forward.push((*unit, *fate)),
            Site::Undo(unit) => undo.push((*unit, *fate)),
        }
    }
    skeleton.give(state, &forward, &undo);
}

/// The first site that the decision looked at, that may turn out in another way than well, and whose fate was not
/// said.
fn undecided(
    skeleton: &Skeleton,
    before: &State,
    after: &State,
    fates: &[(Site, Fate)],
) -> Option<(Site, Vec<Fate>)> {
    let said = |site| fates.iter().any(|(known, _)| *known == site);
    let forward: Vec<(Unit, Fate)> = fates
        .iter()
        .filter_map(|(site, fate)| match site {
            Site::Forward(unit) => Some((*unit, *fate)),
            Site::Undo(_) => None,
        })
        .collect();
    let saga = before;
    let units = before.steps.iter().zip(&after.steps).enumerate();
    for (unit, (before, after)) in units {
        let facts = &skeleton.units[unit];
        // What went out before could be made, and can be made again.
        let fresh = before.forward == Forward::Pending && !before.was_asked_for();
        let started = fresh && after.forward != Forward::Pending;
        let undone = before.undoing == Undoing::NotStarted && after.undoing != Undoing::NotStarted;
        if started && facts.forward != [Fate::Made] && !said(Site::Forward(unit)) {
            let options = skeleton.options(unit, saga, &forward);
            if options != [Fate::Made] {
                return Some((Site::Forward(unit), options));
            }
        }
        if undone && facts.undo != [Fate::Made] && !said(Site::Undo(unit)) {
            return Some((Site::Undo(unit), facts.undo.clone()));
        }
    }
    None
}
