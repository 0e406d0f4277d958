//! What is under way in a rehearsal: tasks that somebody works on, and inputs on their way to the saga.
//!
//! Ordered by time, and what was sent first comes first at one instant. A saga has a handful of letters at a time:
//! looking through them is faster than a heap.

use super::fate::Fate;
use super::{Micros, Task};
use crate::saga::Input;

/// Something that will happen.
#[derive(Clone, Debug)]
pub(crate) enum Letter {
    /// A participant has worked on a task.
    Worked(Task, Fate),
    /// News for the saga.
    News(Input),
}

/// Letters with their instants.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    letters: Vec<(Micros, u64, Letter)>,
    posted: u64,
}

impl Mail {
    /// Forgets everything, for the next saga.
    pub(crate) fn clear(&mut self) {
        self.letters.clear();
        self.posted = 0;
    }

    /// Sends a letter.
    pub(crate) fn post(&mut self, at: Micros, letter: Letter) {
        self.letters.push((at, self.posted, letter));
        self.posted += 1;
    }

    /// Everything that is under way, in the order in which it was sent.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (Micros, Letter)> {
        self.letters.drain(..).map(|(at, _, letter)| (at, letter))
    }

    /// When the next letter arrives.
    pub(crate) fn next_at(&self) -> Option<Micros> {
        self.letters.iter().map(|(at, _, _)| *at).min()
    }

    /// The next letter, if it arrives by `now`.
    pub(crate) fn take_by(&mut self, now: Micros) -> Option<Letter> {
        let (place, _) = self
            .letters
            .iter()
            .enumerate()
            .filter(|(_, (at, _, _))| *at <= now)
            .min_by_key(|(_, (at, order, _))| (*at, *order))?;
        let (_, _, letter) = self.letters.swap_remove(place);
        Some(letter)
    }
}
