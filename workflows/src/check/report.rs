//! What the explorer has found out about a definition.

use super::ends::End;
use super::properties::Property;
use super::story::Story;

/// How far the explorer may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Worlds that are gone through before it walks at random instead.
    pub states_max: usize,
    /// Random walks then.
    pub walks: usize,
    /// What makes the same walks again.
    pub seed: u64,
}

/// A million worlds are some seconds and some hundred megabytes.
const STATES_MAX: usize = 1_000_000;

/// A walk takes about as long as so many worlds.
const WORLDS_PER_WALK: usize = 50;

/// Fewer walks than this say nothing.
const WALKS_MIN: usize = 200;

impl Limits {
    /// As many walks as take about as long as the worlds before them.
    pub fn walks_for(states_max: usize) -> usize {
        (states_max / WORLDS_PER_WALK).max(WALKS_MIN)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            states_max: STATES_MAX,
            walks: Limits::walks_for(STATES_MAX),
            seed: 1,
        }
    }
}

/// The result.
#[derive(Clone, Debug)]
pub struct Report {
    /// What it comes to.
    pub verdict: Verdict,
    /// Worlds that were gone through.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// Every way to end, when all worlds were gone through.
    pub ends: Vec<End>,
    /// For how many items of each `each` step everything was looked at, and for all that are fewer; none when the
    /// definition has no such step, or not even the fewest items were gone through.
    pub items: Option<usize>,
}

impl Report {
    /// Both together: what `next` comes to, with everything that was gone through for both.
    pub(super) fn and(self, next: Report) -> Report {
        let mut ends = self.ends;
        for end in next.ends {
            if !ends.contains(&end) {
                ends.push(end);
            }
        }
        Report {
            verdict: next.verdict,
            states: self.states.saturating_add(next.states),
            steps: self.steps.saturating_add(next.steps),
            ends,
            items: next.items,
        }
    }
}

impl Verdict {
    /// Whether everything was looked at, and holds.
    pub fn is_proved(&self) -> bool {
        match self {
            Verdict::Proved => true,
            Verdict::Disproved(_) | Verdict::NotProved { .. } => false,
        }
    }
}

/// What it comes to.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Every interleaving was looked at, and everything holds.
    Proved,
    /// Something does not hold.
    Disproved(Box<Counterexample>),
    /// Nothing was found, and not everything was looked at.
    NotProved {
        /// Random walks beyond the worlds that were gone through.
        walks: usize,
        /// Their seed.
        seed: u64,
    },
}

/// How it can happen that something does not hold.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// What does not hold.
    pub property: Property,
    /// In one sentence.
    pub said: String,
    /// The shortest way there.
    pub story: Story,
}
