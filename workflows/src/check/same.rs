//! Which worlds need not be told apart.
//!
//! Two reductions, and for each world one that stands for all that are the same ([`representative`]).
//!
//! **What no longer leads anywhere is forgotten.** A participant is looked at in two ways: the saga hears its answers,
//! and rules look at what may be in the world. When the saga no longer hears it (it is settled on the way back, or the
//! saga has ended) and nothing more is sent to it, what may be true of it has been worked out for good. Then it only
//! counts whether the effect is there, was undone or is not, each as far as it is possible, and whether an undoing was
//! sent: that is all that rules ask, but for those that are about the moment. So rules are asked before this is forgotten
//! (`search/breadth`). And once a step has succeeded nobody listens to what a reconciling says about it.
//!
//! **Items are interchangeable.** Nothing in the model tells items of one step apart: they have the same mappings, each
//! of which may turn out each way; what comes after the step needs all of them, what comes before it is needed by each;
//! `max_parallel` and `tolerate` count them; `pins` means all of them. The engine starts them in the order of their
//! list, but all that have not started are alike, and those that an operator starts again can each be retried alone. So
//! exchanging two items of one step, in the saga and among the participants, leads from what can happen to what can
//! happen, and items can be put in order. That holds for each step by itself, also when two go over one list, for
//! nothing relates the items of one to those of another.
//!
//! Neither is believed: `tests/check/reductions.rs` goes through all worlds as they are and finds the same ends.

use super::heart::Heart;
use super::participant::{Kept, KeptSet, Participant};
use super::skeleton::{Skeleton, Undoing, Unit};
use super::world::World;
use crate::saga::{Forward, Operation, Phase, State};

/// The world that stands for this one and all that are the same.
pub(super) fn representative(heart: &mut Heart, world: &World) -> World {
    if !heart.skeleton().merges {
        return world.clone();
    }
    let skeleton = heart.skeleton();
    let saga = heart.saga(world.saga());
    let participants: Box<[Participant]> = world
        .participants()
        .map(|(unit, participant)| remembered(skeleton, saga, unit, participant))
        .collect();
    match order(heart, world, &participants) {
        None => World::of(world.saga(), participants),
        Some(order) => World::of(
            heart.reordered(world.saga(), &order),
            order.iter().map(|unit| participants[*unit]).collect(),
        ),
    }
}

/// Whether a unit is like the item before it in everything: then what may be asked about it, may be asked about that.
pub(super) fn is_like_the_one_before(
    skeleton: &Skeleton,
    saga: &State,
    participants: &[Participant],
    unit: Unit,
) -> bool {
    let is_later_item = skeleton.units[unit].item.is_some_and(|item| item > 0);
    skeleton.merges
        && is_later_item
        && participants[unit] == participants[unit - 1]
        && saga.steps[unit] == saga.steps[unit - 1]
}

/// The units with the items of each step in order; none when they are.
fn order(heart: &Heart, world: &World, participants: &[Participant]) -> Option<Vec<Unit>> {
    let codes = heart.codes(world.saga());
    let key = |unit: &Unit| (codes[*unit], participants[*unit]);
    let fans = &heart.skeleton().fans;
    let mut order: Option<Vec<Unit>> = None;
    for fan in fans {
        let items = fan.first..fan.first + fan.items.len();
        if items.clone().is_sorted_by_key(|unit| key(&unit)) {
            continue;
        }
        order.get_or_insert_with(|| (0..participants.len()).collect())[items].sort_by_key(key);
    }
    order
}

/// What still matters of a participant.
fn remembered(skeleton: &Skeleton, saga: &State, unit: Unit, known: Participant) -> Participant {
    let facts = &skeleton.units[unit];
    let is_nobodys = facts.undoing == Undoing::Left && facts.effect.is_none();
    match &saga.phase {
        Phase::New => known,
        Phase::Forward { turn: _ } => match &saga.steps[unit].forward {
            Forward::Succeeded { .. } if has_acted(known) => known.never_asked_about(),
            Forward::Succeeded { .. }
            | Forward::Pending
            | Forward::Skipped
            | Forward::Blocked { .. }
            | Forward::Waiting { .. }
            | Forward::FannedOut
            | Forward::Open { .. }
            | Forward::Closed { .. }
            | Forward::GivenUp { .. } => known,
        },
        Phase::Compensating { cause: _ } => {
            if skeleton.step(unit).pivot || !is_settled(saga, unit) {
                known
            } else if is_nobodys {
                Participant::untouched()
            } else {
                summed_up(known, true)
            }
        }
        Phase::Completed { .. } | Phase::Compensated { .. } if is_nobodys => {
            Participant::untouched()
        }
        Phase::Completed { .. } | Phase::Compensated { .. } => summed_up(known, false),
    }
}

/// Whether a reconciling finds what has happened, and nothing that it could close.
fn has_acted(known: Participant) -> bool {
    let open = |kept| matches!(kept, Kept::Untouched | Kept::Asked | Kept::Forgotten);
    known.possible().find(open).is_none()
}

/// Whether the saga owes it nothing and hears nothing about it any more; see `heart/canon`, which says so like this.
fn is_settled(saga: &State, unit: Unit) -> bool {
    match saga.steps[unit].forward {
        Forward::Closed { .. } => true,
        Forward::Pending
        | Forward::Skipped
        | Forward::Blocked { .. }
        | Forward::Waiting { .. }
        | Forward::FannedOut
        | Forward::Open { .. }
        | Forward::Succeeded { .. }
        | Forward::GivenUp { .. } => false,
    }
}

/// There, undone, or neither, as far as each is possible. At the end undone is as good as never.
fn summed_up(known: Participant, goes_on: bool) -> Participant {
    let possible = known.possible().iter().fold(KeptSet::EMPTY, |set, kept| {
        set.with(if kept.is_there() {
            Kept::Applied
        } else if kept == Kept::Undone && goes_on {
            Kept::Undone
        } else {
            Kept::Never
        })
    });
    let undoing = goes_on && known.sent().has(Operation::Compensate);
    Participant::summed_up(possible, undoing)
}
