//! The participants: what is true and kept under one effect key, and what of it the engine may be told.
//!
//! A participant is a small machine ([`life`]) that moves by itself: a worker gets a task that was sent, once or
//! five times, now or after the end of the saga; it acts and its answer is lost; a provider acts on a request that
//! it had long ago; a hold lapses. The engine sees none of this, only answers ([`answer`]). So the model does not
//! follow one life but all that are possible at once: [`Participant::possible`] is the set of what may be true by
//! now, closed under every move that the engine cannot see. An answer that reaches the engine leaves those lives
//! in which it may have been given.
//!
//! That is the subset construction of automata. It is exact, because participants of different units never speak to
//! each other: every combination of what is possible for each of them is possible for all. It is also what makes
//! duplicates, losses, reordering, crashes and lateness free of charge: they are moves inside of the set.

mod answer;
mod kept;
mod life;
#[cfg(feature = "seeded-defects")]
mod planted;
#[cfg(test)]
mod tests;

pub use answer::{Answer, may_have_said};
pub use kept::{Kept, KeptSet};
pub use life::{Happening, Move, life};

use crate::saga::Operation;

/// One effect key: what may be true by now, what was sent, and whether a later step has made the effect stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Participant {
    possible: KeptSet,
    sent: Sent,
    stays: bool,
}

/// The operations that were sent at least once. A task that was sent may be delivered for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sent(u8);

impl Sent {
    /// This and `operation`.
    #[must_use]
    pub fn with(self, operation: Operation) -> Sent {
        Sent(self.0 | Sent::bit(operation))
    }

    /// Whether `operation` was sent.
    pub fn has(self, operation: Operation) -> bool {
        self.0 & Sent::bit(operation) != 0
    }

    fn bit(operation: Operation) -> u8 {
        match operation {
            Operation::Forward => 1,
            Operation::Compensate => 2,
            Operation::Reconcile => 4,
        }
    }
}

impl Participant {
    /// Nobody was asked.
    pub fn untouched() -> Participant {
        Participant {
            possible: KeptSet::of(Kept::Untouched),
            sent: Sent::default(),
            stays: false,
        }
    }

    /// One that nobody asks and nobody hears any more: what may be true of it, and whether an undoing was sent.
    pub(super) fn summed_up(possible: KeptSet, undoing: bool) -> Participant {
        let nothing = Sent::default();
        Participant {
            possible,
            sent: if undoing {
                nothing.with(Operation::Compensate)
            } else {
                nothing
            },
            stays: false,
        }
    }

    /// The same, as if no reconciling had been sent.
    #[must_use]
    pub(super) fn never_asked_about(self) -> Participant {
        Participant {
            sent: Sent(self.sent.0 & !Sent::bit(Operation::Reconcile)),
            ..self
        }
    }

    /// What may be true by now, or become true without the engine.
    pub fn possible(self) -> KeptSet {
        self.possible
    }

    /// What was sent.
    pub fn sent(self) -> Sent {
        self.sent
    }

    /// Whether the effect no longer goes by itself.
    pub fn stays(self) -> bool {
        self.stays
    }

    /// A task was sent.
    #[must_use]
    pub fn asked(self, operation: Operation, lapses: bool) -> Participant {
        Participant {
            sent: self.sent.with(operation),
            ..self
        }
        .settled(lapses)
    }

    /// Whether the engine may be told this.
    pub fn may_say(self, answer: Answer) -> bool {
        let says = |kept| may_have_said(kept, answer);
        self.sent.has(answer.operation()) && self.possible.find(says).is_some()
    }

    /// The engine was told this: lives in which it cannot have been said are none. What may follow on the others is
    /// added again; from participants that keep their promises nothing does that was not there before.
    #[must_use]
    pub fn said(self, answer: Answer, lapses: bool) -> Participant {
        let possible = self.possible.filter(|kept| may_have_said(kept, answer));
        Participant { possible, ..self }.settled(lapses)
    }

    /// The engine was told one of these, and does not remember which.
    #[must_use]
    pub fn said_one_of(self, answers: &[Answer], lapses: bool) -> Participant {
        let told = |kept| answers.iter().any(|answer| may_have_said(kept, *answer));
        let possible = self.possible.filter(told);
        Participant { possible, ..self }.settled(lapses)
    }

    /// A later step has made the effect stay, which it can only do while the effect is there.
    #[must_use]
    pub fn pinned(self) -> Participant {
        Participant {
            possible: self.possible.without(Kept::Lapsed),
            stays: true,
            ..self
        }
    }

    /// Everything that may follow without the engine has followed or not.
    fn settled(self, lapses: bool) -> Participant {
        let mut possible = self.possible;
        loop {
            let before = possible;
            for step in life() {
                if possible.has(step.from) && self.allows(step, lapses) {
                    possible = possible.with(step.to);
                }
            }
            if possible == before {
                return Participant { possible, ..self };
            }
        }
    }

    /// Whether this move may happen now.
    pub fn allows(self, step: &Move, lapses: bool) -> bool {
        match step.by {
            Happening::Delivered(operation) => self.sent.has(operation),
            Happening::ActsLate | Happening::Forgets => true,
            Happening::Lapses => lapses && !self.stays,
        }
    }

    /// The sixteen bits that tell it apart.
    pub(crate) fn code(self) -> u16 {
        self.possible.bits() | u16::from(self.sent.0) << 12 | u16::from(self.stays) << 15
    }
}
