//! Seeded chance: the same seed makes the same choices. SplitMix64, which needs no other crate.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A stream of choices.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

/// A seed for a run that was given none.
pub(crate) fn from_the_clock() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default() % 1_000_000_000
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Chance(seed)
    }

    /// Another stream, for another actor.
    pub(crate) fn branch(&self, name: u64) -> Self {
        let mut branch = Chance(self.0 ^ name.wrapping_mul(0xd1b5_4a32_d192_ed03));
        branch.next();
        branch
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap_or(1)).unwrap_or_default()
    }

    /// Whether something with this chance in a hundred happens.
    pub(crate) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    /// Some milliseconds between the two.
    pub(crate) fn millis(&mut self, from: usize, to: usize) -> Duration {
        let some = from + self.below(to.saturating_sub(from).max(1));
        Duration::from_millis(u64::try_from(some).unwrap_or_default())
    }

    /// One of them, each as often as its weight says.
    pub(crate) fn weighted<T: Copy>(&mut self, choices: &[(T, usize)]) -> T {
        let total = choices.iter().map(|(_, weight)| weight).sum();
        let mut rest = self.below(total);
        for (choice, weight) in choices {
            if rest < *weight {
                return *choice;
            }
            rest -= weight;
        }
        choices[0].0
    }

    /// Brings them into some order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
