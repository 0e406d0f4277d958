//! What a decision has to keep by itself, whatever the participants have done.

use crate::check::properties::{Breach, Property};
use crate::check::skeleton::Skeleton;
use crate::saga::{Command, Decision, Event, Operation, Phase, State, Status};

/// The first rule that a decision breaks. One that changes nothing breaks none.
pub(super) fn breach(skeleton: &Skeleton, before: &State, decision: &Decision) -> Option<Breach> {
    if decision.events.is_empty() && decision.commands.is_empty() {
        return None;
    }
    end_that_moved(skeleton, before)
        .or_else(|| forward_on_the_way_back(skeleton, decision))
        .or_else(|| sent_before_its_needs(skeleton, decision))
        .or_else(|| undone_going_on(skeleton, decision))
        .or_else(|| completed_early(skeleton, &decision.next))
        .or_else(|| silent(skeleton, &decision.next))
}

/// Once compensation has begun, nothing is sent forward any more. A task that left before the turn, be it in the same
/// decision, is one that may be on its way: its undoing covers it. Events tell the order within a decision that turns;
/// one that does not turn is all after it, and what it sends again (`redispatch`) is in no event, only in its commands.
fn forward_on_the_way_back(skeleton: &Skeleton, decision: &Decision) -> Option<Breach> {
    let Phase::Compensating { .. } = decision.next.phase else {
        return None;
    };
    let turned = |event: &Event| matches!(event, Event::Turned { .. });
    let late = match decision.events.iter().position(turned) {
        Some(turn) => dispatched_forward(&decision.events[turn..])?,
        None => {
            let unit = sent(decision, |operation| operation != Operation::Compensate)?;
            skeleton.units[unit].id.as_str()
        }
    };
    let said = format!("`{late}` is sent although the saga is being undone");
    Some(Breach::of(Property::NothingForwardOnTheWayBack, said))
}

/// The first step that one of these events sends forward, or asks about.
fn dispatched_forward(events: &[Event]) -> Option<&str> {
    events.iter().find_map(|event| match event {
        Event::Dispatched {
            step,
            operation: Operation::Forward | Operation::Reconcile,
            ..
        } => Some(step.as_str()),
        _ => None,
    })
}

/// A step is sent only when everything that it needs is done.
fn sent_before_its_needs(skeleton: &Skeleton, decision: &Decision) -> Option<Breach> {
    let done = decision.next.done();
    let forward = tasks(decision).filter(|(_, operation)| *operation == Operation::Forward);
    let (unit, missing) = forward
        .filter_map(|(unit, _)| {
            let missing = skeleton.step(unit).needs.minus(done).iter().next()?;
            Some((unit, missing))
        })
        .next()?;
    let (id, missing) = (&skeleton.units[unit].id, &skeleton.units[missing].id);
    let said = format!("`{id}` is sent before `{missing}` is done, which it needs");
    Some(Breach::of(Property::NeedsFirst, said))
}

/// A saga that goes forward undoes nothing.
fn undone_going_on(skeleton: &Skeleton, decision: &Decision) -> Option<Breach> {
    let Phase::Forward { .. } = decision.next.phase else {
        return None;
    };
    sent(decision, |operation| operation == Operation::Compensate).map(|unit| {
        let id = &skeleton.units[unit].id;
        let said = format!("`{id}` is undone although the saga goes forward");
        Breach::of(Property::NothingUndoneGoingOn, said)
    })
}

/// An end is an end.
fn end_that_moved(skeleton: &Skeleton, before: &State) -> Option<Breach> {
    let ended = before.status(&skeleton.definition).is_final();
    ended.then(|| {
        let said = "a saga that had ended did something".to_owned();
        Breach::of(Property::EndsAreEnds, said)
    })
}

/// A saga that has not ended and does not stand before a human has an instant at which it will be looked at: answers
/// may be lost, so nothing else keeps it alive.
fn silent(skeleton: &Skeleton, saga: &State) -> Option<Breach> {
    let definition = &skeleton.definition;
    let status = saga.status(definition);
    let goes_by_itself = match status {
        Status::Running | Status::Waiting | Status::Compensating => saga.phase != Phase::New,
        Status::Completed | Status::Compensated | Status::Stuck => false,
    };
    (goes_by_itself && saga.next_wake(definition).is_none()).then(|| {
        let said = format!(
            "the saga is {} and nothing will ever wake it",
            status.as_str()
        );
        Breach::of(Property::NeverSilent, said)
    })
}

/// A completed saga has done every step, or skipped it.
fn completed_early(skeleton: &Skeleton, saga: &State) -> Option<Breach> {
    let Phase::Completed { .. } = saga.phase else {
        return None;
    };
    let missing = skeleton.definition.all_steps().minus(saga.done());
    missing.iter().next().map(|unit| {
        let id = &skeleton.units[unit].id;
        let said = format!("the saga is completed and `{id}` is not done");
        Breach::of(Property::NeedsFirst, said)
    })
}

/// The first unit that something is sent for, of an operation that `counts`.
fn sent(decision: &Decision, counts: impl Fn(Operation) -> bool) -> Option<usize> {
    tasks(decision)
        .find(|(_, operation)| counts(*operation))
        .map(|(unit, _)| unit)
}

fn tasks(decision: &Decision) -> impl Iterator<Item = (usize, Operation)> + '_ {
    decision
        .commands
        .iter()
        .filter_map(|command| match command {
            Command::Dispatch(task) => Some((task.step, task.operation)),
            Command::Report(_) => None,
        })
}
