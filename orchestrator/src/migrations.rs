//! Whether a running saga would end well under another version of its definition.
//!
//! The explorer starts from where the saga stands and must prove it. Sagas that stand alike share one exploration, and
//! what was found out is remembered: content of definitions never changes, so neither does the answer. What is decided
//! on it is guarded by the saga's seq, like everything else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use impresario_workflows::Definition;
use impresario_workflows::check::{Limits, Property, Story, Verdict, explore_from};
use impresario_workflows::saga::{Stamp, State, moved, position};

/// Worlds that one place is worth: a second or two. A saga in the middle of its life has fewer before it than one that
/// begins.
const STATES_MAX: usize = 100_000;

/// Answers that are remembered at most; past it, all are forgotten. A definition has tens of places at which sagas
/// stand at the same time.
const KNOWN_MAX: usize = 1_000;

/// What is to be expected of the sagas at one place.
#[derive(Clone, Debug)]
pub enum Prospect {
    /// They end well, whatever happens.
    Proved {
        /// Worlds that were gone through.
        states: usize,
        /// So many items of each list were looked at, of longer ones in the place of all.
        items: Option<usize>,
    },
    /// They may not.
    Disproved {
        /// What does not hold.
        property: Property,
        /// In one sentence.
        said: String,
        /// The shortest way there.
        story: Story,
    },
    /// There is more than can be looked at.
    NotProved {
        /// Worlds that were gone through.
        states: usize,
    },
    /// The other version does not know them.
    Refused {
        /// Why not.
        why: String,
    },
}

impl Prospect {
    /// Whether they may go on under the other version.
    pub fn is_good(&self) -> bool {
        match self {
            Prospect::Proved { .. } => true,
            Prospect::Disproved { .. } | Prospect::NotProved { .. } | Prospect::Refused { .. } => {
                false
            }
        }
    }

    /// The word in answers.
    pub fn as_str(&self) -> &'static str {
        match self {
            Prospect::Proved { .. } => "proved",
            Prospect::Disproved { .. } => "disproved",
            Prospect::NotProved { .. } => "not_proved",
            Prospect::Refused { .. } => "refused",
        }
    }
}

/// From one version to another, for sagas that stand there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Question {
    from: String,
    to: String,
    place: String,
}

/// Everything that was found out, and what is being found out.
#[derive(Debug, Default)]
pub struct Prospects {
    known: Mutex<HashMap<Question, Arc<Prospect>>>,
    /// One exploration at a time: it takes a whole core.
    exploring: tokio::sync::Mutex<()>,
}

impl Prospects {
    /// The place at which a saga stands, and what is to be expected from there. It may compute for a while, beside the
    /// tasks that serve.
    pub async fn of(
        &self,
        from: &Arc<Definition>,
        to: &Arc<Definition>,
        state: &State,
    ) -> (String, Arc<Prospect>) {
        let place = position(from, state);
        let question = Question {
            from: from.hash.clone(),
            to: to.hash.clone(),
            place: place.clone(),
        };
        if let Some(known) = self.known().get(&question) {
            return (place, Arc::clone(known));
        }
        let turn = self.exploring.lock().await;
        // Whoever was before us may have asked the same.
        if let Some(known) = self.known().get(&question) {
            return (place, Arc::clone(known));
        }
        let (before, after, standing) = (Arc::clone(from), Arc::clone(to), state.clone());
        let explored =
            tokio::task::spawn_blocking(move || prospect(&before, &after, &standing)).await;
        drop(turn);
        let found = match explored {
            Ok(found) => Arc::new(found),
            // A panic says nothing about the saga, and is asked again.
            Err(error) => {
                tracing::error!(%error, place, "an exploration ended badly");
                let why = "the explorer failed".to_owned();
                return (place, Arc::new(Prospect::Refused { why }));
            }
        };
        let mut known = self.known();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(question, Arc::clone(&found));
        (place, found)
    }

    /// The map holds plain values: a panic elsewhere while it was locked cannot have left it half-changed.
    fn known(&self) -> MutexGuard<'_, HashMap<Question, Arc<Prospect>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn prospect(from: &Definition, to: &Definition, state: &State) -> Prospect {
    let nobody = Stamp {
        key: String::new(),
        by: String::new(),
        reason: String::new(),
    };
    let standing = match moved(from, to, state, &nobody) {
        Ok((standing, _)) => standing,
        Err(refusal) => {
            return Prospect::Refused {
                why: refusal.to_string(),
            };
        }
    };
    let limits = Limits {
        states_max: STATES_MAX,
        ..Limits::default()
    };
    let report = explore_from(to, from, &standing, limits);
    let (states, items) = (report.states, report.items);
    match report.verdict {
        Verdict::Proved => Prospect::Proved { states, items },
        Verdict::NotProved { .. } => Prospect::NotProved { states },
        Verdict::Disproved(found) => Prospect::Disproved {
            property: found.property,
            said: found.said,
            story: found.story,
        },
    }
}
