//! What an engine may have been told by now, given what is true by now.
//!
//! Answers that are final, that is: those that say something about the effect for good. A message is never lost for
//! ever and never too late, so what counts is whether the answer may have been given at some time up to now: an
//! effect that is undone has happened before, and its `succeeded` may still be on its way. Answers that close
//! nothing (`failed`, `unknown`, `expired`, a heartbeat) may come from any participant at any time and say nothing;
//! they are no knowledge and so are not here.

use super::Kept;
use crate::saga::Operation;

/// A final answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Answer {
    /// Asked to act: it happened.
    Succeeded,
    /// Asked to act: no, for ever.
    Rejected,
    /// Asked to act: the key is closed, or being closed.
    Refused,
    /// Asked to reconcile: it happened.
    Applied,
    /// Asked to reconcile: closed.
    Closed,
    /// Asked to compensate: undone, or made never to happen.
    Undone,
}

impl Answer {
    /// All of them.
    pub const ALL: [Answer; 6] = [
        Answer::Succeeded,
        Answer::Rejected,
        Answer::Refused,
        Answer::Applied,
        Answer::Closed,
        Answer::Undone,
    ];

    /// What it answers.
    pub fn operation(self) -> Operation {
        match self {
            Answer::Succeeded | Answer::Rejected | Answer::Refused => Operation::Forward,
            Answer::Applied | Answer::Closed => Operation::Reconcile,
            Answer::Undone => Operation::Compensate,
        }
    }
}

/// Whether a participant in this state may have given this answer, now or earlier.
///
/// `Refused` may come from an undoing that has begun and is not through: our workers answer `unknown` then, others
/// may see the tombstone and think no further. The heart must stand that.
pub fn may_have_said(kept: Kept, answer: Answer) -> bool {
    #[cfg(feature = "seeded-defects")]
    if super::planted::may_have_said_wrongly(kept, answer) {
        return true;
    }
    match answer {
        Answer::Succeeded | Answer::Applied => match kept {
            Kept::Applied
            | Kept::Lapsed
            | Kept::HalfUndone
            | Kept::Undone
            | Kept::Twice
            | Kept::UndoneTwice => true,
            Kept::Untouched
            | Kept::Asked
            | Kept::Forgotten
            | Kept::Rejected
            | Kept::HalfClosed
            | Kept::Never => false,
        },
        Answer::Rejected => kept == Kept::Rejected,
        Answer::Refused => match kept {
            Kept::HalfClosed
            | Kept::HalfUndone
            | Kept::Undone
            | Kept::Never
            | Kept::UndoneTwice => true,
            Kept::Untouched
            | Kept::Asked
            | Kept::Forgotten
            | Kept::Applied
            | Kept::Lapsed
            | Kept::Rejected
            | Kept::Twice => false,
        },
        Answer::Closed | Answer::Undone => kept.is_closed() || kept == Kept::UndoneTwice,
    }
}
