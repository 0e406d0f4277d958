//! A world: one saga and its participants, and how it moves.
//!
//! Engine and network hold nothing of their own here. A decision and its commands are one transition, for the engine
//! commits both together and publishing can be put off or repeated without anybody noticing anything but lateness;
//! a crash of the engine is a decision that was not made; a second replica or a stale cache makes decisions that lose
//! the compare-and-set, which is nothing at all. Messages are what participants were sent and may have said.

use super::heart::{Ask, Heart, Outcome, SagaId};
use super::participant::Participant;
use super::properties::{self, Breach};
use super::skeleton::Unit;
use super::standing;
use crate::saga::State;

/// One world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    saga: SagaId,
    participants: Box<[Participant]>,
}

/// A world that follows, or why there is none.
#[derive(Debug)]
pub(super) enum Step {
    /// This one.
    To(World),
    /// Nothing that anybody but us would notice.
    Nothing,
    /// A rule was broken on the way.
    Breach(Breach),
}

impl World {
    /// Before the start.
    pub fn unborn(heart: &mut Heart) -> World {
        let saga = heart.unborn();
        let units = heart.skeleton().units.len();
        World {
            saga,
            participants: vec![Participant::untouched(); units].into(),
        }
    }

    /// This saga with these participants.
    pub(super) fn of(saga: SagaId, participants: Box<[Participant]>) -> World {
        World { saga, participants }
    }

    /// A saga in the middle of its life, and whatever its participants may have done by then.
    pub fn standing(heart: &mut Heart, state: &State) -> World {
        let participants = standing::participants(heart.skeleton(), state);
        let saga = heart.meet(state.clone());
        World { saga, participants }
    }

    /// Its saga.
    pub fn saga(&self) -> SagaId {
        self.saga
    }

    /// The participant of a unit.
    pub fn participant(&self, unit: Unit) -> Participant {
        self.participants[unit]
    }

    /// All participants, by unit.
    pub fn all(&self) -> &[Participant] {
        &self.participants
    }

    /// All participants, each with its unit.
    pub fn participants(&self) -> impl Iterator<Item = (Unit, Participant)> + '_ {
        self.participants.iter().copied().enumerate()
    }

    /// What tells it from every other world.
    pub(super) fn key(&self) -> Box<[u16]> {
        let halves = [self.saga as u16, (self.saga >> 16) as u16];
        let participants = self
            .participants
            .iter()
            .map(|participant| participant.code());
        halves.into_iter().chain(participants).collect()
    }

    /// The world after one outcome of a question.
    ///
    /// An answer that changes nothing in the saga only teaches us; the world that knows less can do whatever the
    /// one that knows more can, so there is no need to follow it.
    pub(super) fn after(&self, heart: &Heart, ask: Ask, outcome: &Outcome) -> Step {
        if let Some(breach) = &outcome.breach {
            return Step::Breach(breach.clone());
        }
        if outcome.next == self.saga && outcome.sent.is_empty() {
            return Step::Nothing;
        }
        let skeleton = heart.skeleton();
        let mut participants = self.participants.clone();
        if let Ask::Answered(unit, answer) = ask {
            let lapses = skeleton.units[unit].lapses;
            participants[unit] = participants[unit].said(answer, lapses);
        }
        for &unit in &outcome.renewed {
            let old = participants[unit];
            if let Some(breach) = properties::renewed_too_early(skeleton, unit, old) {
                return Step::Breach(breach);
            }
            participants[unit] = Participant::untouched();
        }
        for &unit in &outcome.pinned {
            participants[unit] = participants[unit].pinned();
        }
        for &(unit, operation) in &outcome.sent {
            let lapses = skeleton.units[unit].lapses;
            participants[unit] = participants[unit].asked(operation, lapses);
        }
        let world = World {
            saga: outcome.next,
            participants,
        };
        if world == *self {
            Step::Nothing
        } else {
            Step::To(world)
        }
    }
}
