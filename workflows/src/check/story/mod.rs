//! A counterexample as a story: who does what, in order, as support staff would tell it.
//!
//! The explorer's worlds hold everything that participants may have done; a story needs one thing that they did.
//! [`lives`] finds for each participant the plainest life that fits everything the engine was told, and ends where
//! the rule is broken; [`lines`] puts them between the facts of the decisions.

mod lines;
mod lives;

use serde::Serialize;

use super::heart::{Ask, Heart, SagaId};
use super::participant::Participant;
use super::properties::Breach;

/// Somebody in a story.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Actor {
    /// Who starts and cancels.
    Customer,
    /// Who retries.
    Operator,
    /// The engine.
    Engine,
    /// The workers of a pool, and whoever they ask.
    Pool(String),
}

impl Actor {
    /// Their name.
    pub fn name(&self) -> &str {
        match self {
            Actor::Customer => "customer",
            Actor::Operator => "operator",
            Actor::Engine => "engine",
            Actor::Pool(pool) => pool,
        }
    }
}

impl Serialize for Actor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// One line of a story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Who does it, or says it.
    pub who: Actor,
    /// To whom it is said, when it is a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Actor>,
    /// What.
    pub text: String,
}

/// A story.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Story {
    /// What happens, in order.
    pub lines: Vec<Line>,
}

/// A question that was put to a saga, and which of its outcomes followed.
pub(super) type Told = (SagaId, Ask, usize);

/// Tells how it came to a breach, from where participants were like this.
pub(super) fn tell(
    heart: &mut Heart,
    from: &[Participant],
    way: &[Told],
    breach: &Breach,
) -> Story {
    let scenes: Vec<lines::SceneOf> = way
        .iter()
        .filter_map(|(saga, ask, outcome)| {
            let outcome = heart.ask(*saga, *ask).get(*outcome)?.clone();
            let (events, tasks) = heart.facts(*saga, *ask, &outcome);
            Some(lines::SceneOf {
                ask: *ask,
                outcome,
                events,
                tasks,
            })
        })
        .collect();
    let lives = lives::plainest(heart.skeleton(), from, &scenes, &breach.truth);
    lines::write(heart.skeleton(), &scenes, &lives)
}

impl Story {
    /// Everybody in it, in the order of their first line; the engine is always one of them.
    pub fn cast(&self) -> Vec<Actor> {
        let mut cast: Vec<Actor> = Vec::new();
        let both = |line: &Line| [Some(line.who.clone()), line.to.clone()];
        for actor in self.lines.iter().flat_map(both).flatten() {
            if !cast.contains(&actor) {
                cast.push(actor);
            }
        }
        // People stand to the left of the engine, pools to its right.
        cast.sort_by_key(|actor| match actor {
            Actor::Customer => 0,
            Actor::Operator => 1,
            Actor::Engine => 2,
            Actor::Pool(_) => 3,
        });
        cast
    }
}
