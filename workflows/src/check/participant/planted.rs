//! Participants with one known fault, when one is planted (`crate::defect`).

use super::life::{ACT, Move, UNDO, line};
use super::{Answer, Kept};
use crate::defect::{Defect, planted};

const FORGETS_NO: Move = line(
    Kept::Rejected,
    ACT,
    Kept::Applied,
    "forgets its no, and does it",
);
const ACTS_TWICE: Move = line(Kept::Applied, ACT, Kept::Twice, "does it a second time");
const UNDOES_TWICE: Move = line(
    Kept::Undone,
    UNDO,
    Kept::UndoneTwice,
    "undoes it a second time",
);

/// What a participant with this fault does besides.
pub(super) fn more() -> &'static [Move] {
    match planted() {
        Some(Defect::RejectionForgotten) => &[FORGETS_NO],
        Some(Defect::ActsTwice) => &[ACTS_TWICE],
        Some(Defect::UndoesTwice) => &[UNDOES_TWICE],
        Some(_) | None => &[],
    }
}

/// What a participant with this fault says besides.
pub(super) fn may_have_said_wrongly(kept: Kept, answer: Answer) -> bool {
    match planted() {
        Some(Defect::NoTombstone) => kept == Kept::Untouched && answer == Answer::Undone,
        Some(Defect::DuplicateRejected) => kept == Kept::Applied && answer == Answer::Rejected,
        Some(Defect::UndoAnsweredEarly) => kept == Kept::HalfUndone && answer == Answer::Undone,
        Some(_) | None => false,
    }
}
