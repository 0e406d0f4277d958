//! Effects that expire by themselves: would they still be there when the saga needs them for good?
//!
//! A hold is safe once the step that pins it has succeeded (the profile names it, otherwise it is the pivot), and it
//! is no longer needed once the saga has turned around. A hold that expires before either of these has lapsed: its
//! seat may be somebody else's by then.

use super::profile::Profile;
use super::spread::Spread;
use super::units::{Share, Span};
use crate::StepIndex;
use crate::definition::Definition;
use crate::rehearse::{BEGINNING, End, Ended, MILLI, Micros, Participants};
use crate::saga::Event;

/// A step whose effect expires.
#[derive(Clone, Debug)]
pub(crate) struct Hold<'p> {
    pub(crate) step: StepIndex,
    pub(crate) lasts: Micros,
    /// Whoever makes it last; without it, nobody does.
    pub(crate) pinned_by: Option<StepIndex>,
    /// What the pinning step says when it comes too late; unless a profile names it, it notices nothing.
    lapsed: Option<&'p str>,
}

/// The holds of a definition.
pub(crate) fn holds<'p>(definition: &Definition, profile: &'p Profile) -> Vec<Hold<'p>> {
    definition
        .steps
        .iter()
        .zip(&profile.steps)
        .enumerate()
        .filter_map(|(step, (defined, assumed))| {
            let pinned = assumed.pinned_by.as_ref();
            Some(Hold {
                step,
                lasts: defined.expires_ms? * MILLI,
                pinned_by: pinned.map(|pinned| pinned.by).or(definition.pivot),
                lapsed: pinned.map(|pinned| pinned.lapsed.as_str()),
            })
        })
        .collect()
}

/// Looks after the holds of one saga while it is rehearsed.
#[derive(Clone, Debug)]
pub(crate) struct HoldWatch<'p> {
    holds: &'p [Hold<'p>],
    turned_at: Option<Micros>,
}

impl<'p> HoldWatch<'p> {
    pub(crate) fn new(holds: &'p [Hold<'p>]) -> HoldWatch<'p> {
        HoldWatch {
            holds,
            turned_at: None,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.turned_at = None;
    }

    pub(crate) fn told(&mut self, now: Micros, events: &[Event]) {
        if events
            .iter()
            .any(|event| matches!(event, Event::Turned { .. }))
        {
            self.turned_at = Some(now);
        }
    }

    /// What the pinning step answers when what it pins is gone by `at`.
    pub(crate) fn lapsed(
        &self,
        unit: StepIndex,
        at: Micros,
        participants: &Participants,
    ) -> Option<&'p str> {
        self.holds
            .iter()
            .filter(|hold| hold.pinned_by == Some(unit))
            .find(|hold| came(hold.step, participants).is_some_and(|held| at > held + hold.lasts))
            .and_then(|hold| hold.lapsed)
    }
}

/// When the effect of a step came; of one with `each` when its first item's did.
fn came(step: StepIndex, participants: &Participants) -> Option<Micros> {
    let change = participants
        .changes()
        .iter()
        .find(|change| change.step == step && change.came)?;
    Some(change.at)
}

/// One hold over all sagas.
#[derive(Clone, Debug, Default)]
pub(crate) struct HoldTally {
    held: u64,
    lapsed: u64,
    ages: Vec<Micros>,
}

impl HoldTally {
    /// A saga has ended.
    pub(crate) fn add(
        &mut self,
        hold: &Hold<'_>,
        watch: &HoldWatch<'_>,
        participants: &Participants,
        ended: &Ended,
    ) {
        let Some(held) = came(hold.step, participants) else {
            return;
        };
        self.held += 1;
        let pinned = hold.pinned_by.and_then(|step| came(step, participants));
        if let Some(pinned) = pinned {
            self.ages.push(pinned.saturating_sub(held));
        }
        let needed_until = match ended.end {
            End::Completed | End::Compensated => Some(BEGINNING + ended.after),
            // Nobody knows how long a human takes.
            End::Stuck | End::Endless => None,
        };
        let safe = pinned.into_iter().chain(watch.turned_at).min();
        let lapsed = match safe.or(needed_until) {
            Some(at) => at > held + hold.lasts,
            None => true,
        };
        self.lapsed += u64::from(lapsed);
    }

    pub(crate) fn report(mut self, hold: &Hold<'_>, definition: &Definition) -> HoldReport {
        let id = |step: StepIndex| definition.steps[step].id.clone();
        HoldReport {
            step: id(hold.step),
            lasts: Span(hold.lasts),
            pinned_by: hold.pinned_by.map(id),
            held: self.held,
            lapsed: self.lapsed,
            lapsed_share: Share::of(self.lapsed, self.held),
            age: Spread::of(&mut self.ages),
        }
    }
}

/// The risk that an effect expires while the saga still needs it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct HoldReport {
    /// The step whose effect expires.
    pub step: String,
    /// After how long.
    pub lasts: Span,
    /// The step that makes it last: the profile's, else the pivot.
    pub pinned_by: Option<String>,
    /// Sagas that had the effect.
    pub held: u64,
    /// Sagas that still needed it when it expired.
    pub lapsed: u64,
    /// Of those that had it.
    pub lapsed_share: Share,
    /// How old it was when it was pinned.
    pub age: Spread,
}
