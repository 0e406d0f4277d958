//! How one task fares: whether the participant acts, what it says, and when.
//!
//! Acting and saying are two things. A participant that acts and says nothing is why sagas need reconciling; one
//! that says "failed" after it acted is why a failure closes nothing.

use super::Micros;
use crate::saga::{Outcome, Problem};

/// What comes of one task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fate {
    /// Whether it does what it was asked: makes the effect happen, undoes it, or (asked to reconcile) looks it up
    /// and closes the key when there is none.
    pub(crate) acts: bool,
    /// What it says.
    pub(crate) says: Says,
    /// How long the task is on its way.
    pub(crate) lag: Micros,
    /// How long it is worked on.
    pub(crate) takes: Micros,
}

/// What a participant says when it has worked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Says {
    /// What its books say: happened, rejected, undone, closed.
    Truth,
    /// Business no; kept, unless the effect is there already (then that is the truth).
    Rejected(Problem),
    /// Technical failure.
    Failed(Problem),
    /// It does not know.
    Unknown(Problem),
    /// Asked to reconcile: it cannot be told yet.
    StillOpen(Problem),
    /// That the task came too late to be started.
    Expired,
    /// Just this, whatever its books say: a recorded answer.
    Verbatim(Box<Outcome>),
    /// Nothing at all.
    Nothing,
}

impl Fate {
    /// Works as it should, in `takes`.
    pub(crate) fn well(takes: Micros) -> Fate {
        Fate {
            acts: true,
            says: Says::Truth,
            lag: 0,
            takes,
        }
    }
}

/// A problem whose code says everything.
pub(crate) fn problem(code: &str) -> Problem {
    Problem::new(code, "")
}
