//! Everything that a participant does by itself: the moves that the engine cannot see.
//!
//! One table, read by the model and by the storyteller. Each line is what one delivery of one task, or time alone,
//! may do to one effect key. A worker that dies is the line that stops halfway (`Asked`, `HalfUndone`); one that
//! dies after acting is the line alone, without the answer.

use super::Kept;
use crate::saga::Operation;

/// Why a participant moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Happening {
    /// A task of this operation is delivered (again).
    Delivered(Operation),
    /// The provider acts on a request that it has.
    ActsLate,
    /// The provider's memory of the key is over.
    Forgets,
    /// The effect goes by itself, as the definition says with `expires`.
    Lapses,
}

/// One line.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    /// What was.
    pub from: Kept,
    /// Why it changes.
    pub by: Happening,
    /// What is.
    pub to: Kept,
    /// In words, after the pool's name.
    pub told: &'static str,
}

pub(super) const fn line(from: Kept, by: Happening, to: Kept, told: &'static str) -> Move {
    Move { from, by, to, told }
}

pub(super) const ACT: Happening = Happening::Delivered(Operation::Forward);
pub(super) const UNDO: Happening = Happening::Delivered(Operation::Compensate);
const ASK: Happening = Happening::Delivered(Operation::Reconcile);

/// All lines, those that people would think of first before the others.
pub fn life() -> impl Iterator<Item = &'static Move> {
    #[cfg(feature = "seeded-defects")]
    return LIFE.iter().chain(super::planted::more());
    #[cfg(not(feature = "seeded-defects"))]
    LIFE.iter()
}

const LIFE: &[Move] = &[
    line(Kept::Untouched, ACT, Kept::Applied, "does it"),
    line(Kept::Untouched, ACT, Kept::Rejected, "says no, for good"),
    line(
        Kept::Untouched,
        ACT,
        Kept::Asked,
        "asks its provider and hears nothing",
    ),
    line(
        Kept::Asked,
        ACT,
        Kept::Applied,
        "asks again under the same key, and it is done",
    ),
    line(
        Kept::Asked,
        ACT,
        Kept::Rejected,
        "asks again under the same key, and the answer is no",
    ),
    line(
        Kept::Asked,
        Happening::ActsLate,
        Kept::Applied,
        "does it, late: the request was still there",
    ),
    line(
        Kept::Asked,
        Happening::Forgets,
        Kept::Forgotten,
        "forgets the key: its life is over",
    ),
    line(
        Kept::Forgotten,
        Happening::ActsLate,
        Kept::Applied,
        "does it, though the key is forgotten",
    ),
    line(
        Kept::Applied,
        Happening::Lapses,
        Kept::Lapsed,
        "lets it expire",
    ),
    line(Kept::Applied, UNDO, Kept::Undone, "undoes it"),
    line(
        Kept::Applied,
        UNDO,
        Kept::HalfUndone,
        "begins to undo it and does not get through",
    ),
    line(Kept::HalfUndone, UNDO, Kept::Undone, "undoes it"),
    line(
        Kept::Lapsed,
        UNDO,
        Kept::Undone,
        "finds that it has expired, and closes the key",
    ),
    line(
        Kept::Untouched,
        UNDO,
        Kept::Never,
        "has nothing to undo, and leaves a tombstone",
    ),
    line(
        Kept::Asked,
        UNDO,
        Kept::Never,
        "closes the key at its provider",
    ),
    line(
        Kept::Asked,
        UNDO,
        Kept::HalfClosed,
        "begins to close the key and does not get through",
    ),
    line(
        Kept::HalfClosed,
        UNDO,
        Kept::Never,
        "closes the key at its provider",
    ),
    line(
        Kept::HalfClosed,
        Happening::ActsLate,
        Kept::HalfUndone,
        "does it, late: the key was not closed yet",
    ),
    line(
        Kept::Untouched,
        ASK,
        Kept::Never,
        "finds nothing, and closes the key",
    ),
    line(
        Kept::Asked,
        ASK,
        Kept::Never,
        "finds nothing done, and closes the key at its provider",
    ),
];
