//! What is true in the world and kept by the participant about one effect key, as far as it makes a difference.
//!
//! The rows of the workers' barrier (`workers/sdk`) and what the provider has done, in one word. Kinds of workers
//! are not told apart: an effect in the participant's own database knows fewer of these states than one at a
//! provider, so a proof for the latter holds for both.

use std::fmt;

/// One of the states of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kept {
    /// No row, no effect.
    Untouched,
    /// A request is with the provider. Nothing happened yet, and it may act at any time.
    Asked,
    /// The same, and the provider no longer knows the key: nobody can close it any more.
    Forgotten,
    /// The effect is there.
    Applied,
    /// It was there and went by itself, as declared; the stored answer still says that it happened.
    Lapsed,
    /// The participant said no, for ever.
    Rejected,
    /// An undoing has begun before the provider has acted on the request that it has.
    HalfClosed,
    /// The effect is there, and an undoing has begun.
    HalfUndone,
    /// It was there and is undone, for ever.
    Undone,
    /// It never happened and never will: a tombstone.
    Never,
    /// It happened twice. No barrier that keeps its promise lets this come about.
    Twice,
    /// It was undone twice. The same.
    UndoneTwice,
}

impl Kept {
    /// All of them.
    pub const ALL: [Kept; 12] = [
        Kept::Untouched,
        Kept::Asked,
        Kept::Forgotten,
        Kept::Applied,
        Kept::Lapsed,
        Kept::Rejected,
        Kept::HalfClosed,
        Kept::HalfUndone,
        Kept::Undone,
        Kept::Never,
        Kept::Twice,
        Kept::UndoneTwice,
    ];

    /// Whether the effect is in the world.
    pub fn is_there(self) -> bool {
        match self {
            Kept::Applied | Kept::HalfUndone | Kept::Twice => true,
            Kept::Untouched
            | Kept::Asked
            | Kept::Forgotten
            | Kept::Lapsed
            | Kept::Rejected
            | Kept::HalfClosed
            | Kept::Undone
            | Kept::Never
            | Kept::UndoneTwice => false,
        }
    }

    /// Whether it has been made permanent that there is no effect.
    pub fn is_closed(self) -> bool {
        match self {
            Kept::Rejected | Kept::Undone | Kept::Never => true,
            Kept::Untouched
            | Kept::Asked
            | Kept::Forgotten
            | Kept::Applied
            | Kept::Lapsed
            | Kept::HalfClosed
            | Kept::HalfUndone
            | Kept::Twice
            | Kept::UndoneTwice => false,
        }
    }
}

/// A set of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeptSet(u16);

impl KeptSet {
    /// Nothing is possible.
    pub const EMPTY: KeptSet = KeptSet(0);

    /// Only this.
    pub fn of(kept: Kept) -> KeptSet {
        KeptSet(1 << kept as u16)
    }

    /// This set and `kept`.
    #[must_use]
    pub fn with(self, kept: Kept) -> KeptSet {
        KeptSet(self.0 | KeptSet::of(kept).0)
    }

    /// This set but for `kept`.
    #[must_use]
    pub fn without(self, kept: Kept) -> KeptSet {
        KeptSet(self.0 & !KeptSet::of(kept).0)
    }

    /// Whether `kept` is in it.
    pub fn has(self, kept: Kept) -> bool {
        self.0 & KeptSet::of(kept).0 != 0
    }

    /// Whether it has none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its members.
    pub fn iter(self) -> impl Iterator<Item = Kept> {
        Kept::ALL.into_iter().filter(move |kept| self.has(*kept))
    }

    /// Those of it for which `holds`.
    #[must_use]
    pub fn filter(self, holds: impl Fn(Kept) -> bool) -> KeptSet {
        self.iter()
            .filter(|kept| holds(*kept))
            .fold(KeptSet::EMPTY, KeptSet::with)
    }

    /// The first for which `holds`.
    pub fn find(self, holds: impl Fn(Kept) -> bool) -> Option<Kept> {
        self.iter().find(|kept| holds(*kept))
    }

    /// Whether the effect may be in the world.
    pub fn may_be_there(self) -> bool {
        self.find(Kept::is_there).is_some()
    }

    pub(super) fn bits(self) -> u16 {
        self.0
    }
}

impl fmt::Debug for KeptSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
