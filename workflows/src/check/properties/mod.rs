//! What is proved, one file each; this page names them.
//!
//! A property looks at one world (a saga and what its participants may have done by now) or at one decision
//! (`heart/conduct`), and says what it breaks. Whether every world can still end is asked of the whole graph
//! (`search/ending`).

mod ends;
mod invariants;
mod once;
mod order;
mod pivot;
mod renewal;

use serde::Serialize;

use super::heart::Unanswered;
use super::participant::Kept;
use super::skeleton::{Skeleton, Unit};
use super::world::World;
use crate::saga::State;

pub(super) use renewal::renewed_too_early;

/// A property, by its stable name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Property {
    /// A declared invariant holds at every end.
    Invariant,
    /// At every end each effect is there because it is wanted, or is gone for good.
    WantedOrUndone,
    /// Effects are undone in reverse order.
    UndoneInOrder,
    /// No effect happens twice, and none is undone twice.
    OnceOnly,
    /// Nothing is undone when the pivot has happened, or may have.
    NothingUndonePastThePivot,
    /// Nothing is sent forward once the saga turned around.
    NothingForwardOnTheWayBack,
    /// Nothing is undone while the saga goes forward.
    NothingUndoneGoingOn,
    /// A step is sent when what it needs is done, and a saga completes when all are.
    NeedsFirst,
    /// An effect is asked for under a new key only when the old one is closed.
    OneKeyAtATime,
    /// A saga that has ended does nothing any more.
    EndsAreEnds,
    /// A saga that goes by itself has an instant at which it wakes.
    NeverSilent,
    /// From everywhere, once faults stop, it ends or stands before a human.
    AlwaysEnds,
    /// From before a human, once somebody retries and faults stop, it ends.
    Mendable,
    /// Every input has an answer in every state.
    Answered,
}

impl Property {
    /// All of them, those about money first.
    pub const ALL: [Property; 14] = [
        Property::Invariant,
        Property::WantedOrUndone,
        Property::UndoneInOrder,
        Property::OnceOnly,
        Property::NothingUndonePastThePivot,
        Property::NothingForwardOnTheWayBack,
        Property::NothingUndoneGoingOn,
        Property::NeedsFirst,
        Property::OneKeyAtATime,
        Property::EndsAreEnds,
        Property::NeverSilent,
        Property::AlwaysEnds,
        Property::Mendable,
        Property::Answered,
    ];

    /// Its stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Property::Invariant => "invariant",
            Property::WantedOrUndone => "wanted-or-undone",
            Property::UndoneInOrder => "undone-in-order",
            Property::OnceOnly => "once-only",
            Property::NothingUndonePastThePivot => "nothing-undone-past-the-pivot",
            Property::NothingForwardOnTheWayBack => "nothing-forward-on-the-way-back",
            Property::NothingUndoneGoingOn => "nothing-undone-going-on",
            Property::NeedsFirst => "needs-first",
            Property::OneKeyAtATime => "one-key-at-a-time",
            Property::EndsAreEnds => "ends-are-ends",
            Property::NeverSilent => "never-silent",
            Property::AlwaysEnds => "always-ends",
            Property::Mendable => "mendable",
            Property::Answered => "answered",
        }
    }
}

/// A property that does not hold, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub property: Property,
    /// In one sentence.
    pub said: String,
    /// What has become true of these units, out of what was possible.
    pub truth: Vec<(Unit, Kept)>,
}

impl Breach {
    /// A breach that is seen in the saga alone.
    pub(super) fn of(property: Property, said: String) -> Breach {
        Breach {
            property,
            said,
            truth: Vec::new(),
        }
    }

    pub(super) fn where_true(self, truth: impl IntoIterator<Item = (Unit, Kept)>) -> Breach {
        Breach {
            truth: truth.into_iter().collect(),
            ..self
        }
    }

    pub(super) fn unanswered(skeleton: &Skeleton, unanswered: &Unanswered) -> Breach {
        let said = format!(
            "{} is not answered: {}",
            super::words::question(skeleton, unanswered.ask),
            unanswered.reason
        );
        Breach::of(Property::Answered, said)
    }
}

/// A world under judgement.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) skeleton: &'a Skeleton,
    pub(super) saga: &'a State,
    pub(super) world: &'a World,
}

/// The first property that a world breaks.
pub(super) fn breach(scene: Scene<'_>) -> Option<Breach> {
    invariants::breach(scene)
        .or_else(|| once::breach(scene))
        .or_else(|| order::breach(scene))
        .or_else(|| pivot::breach(scene))
        .or_else(|| ends::breach(scene))
}
