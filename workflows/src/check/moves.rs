//! What may happen next: every question that this world can put to the heart.
//!
//! In the order in which people would think of it, so that of equally short counterexamples the plainest is found.
//! [`is_fault`] says which of it is a fault: the number of faults that an end needs is counted, and once they stop
//! everything must end ([`helpful`]).

use super::heart::{Ask, Budget, Idle, Spending};
use super::participant::{Answer, Kept, Participant};
use super::same::is_like_the_one_before;
use super::skeleton::{Skeleton, Unit};
use super::world::World;
use crate::definition::Kind;
use crate::saga::{Operation, Phase, State, Status, Wait};

/// Everything that may happen in a world. Of items that are the same in everything the first is asked about.
pub(super) fn all(skeleton: &Skeleton, saga: &State, participants: &[Participant]) -> Vec<Ask> {
    let mut asks = every(skeleton, saga, participants);
    if skeleton.merges && !skeleton.fans.is_empty() {
        let again = |unit| is_like_the_one_before(skeleton, saga, participants, unit);
        asks.retain(|ask| !ask.unit().is_some_and(again));
    }
    asks
}

fn every(skeleton: &Skeleton, saga: &State, participants: &[Participant]) -> Vec<Ask> {
    let mut asks = Vec::new();
    match saga.phase {
        Phase::New => asks.push(Ask::Start),
        Phase::Forward { .. } | Phase::Compensating { .. } => {
            answers(participants, &mut asks);
            spendings(skeleton, saga, &mut asks);
            commands(skeleton, saga, &mut asks);
            waits(skeleton, saga, &mut asks);
            idle(saga, participants, &mut asks);
        }
        Phase::Completed { .. } | Phase::Compensated { .. } => {
            answers(participants, &mut asks);
            asks.push(Ask::Idle(Idle::CommandedAtTheEnd));
            idle(saga, participants, &mut asks);
        }
    }
    asks
}

/// Final answers that participants may have given by now.
fn answers(participants: &[Participant], asks: &mut Vec<Ask>) {
    for answer in Answer::ALL {
        for (unit, participant) in participants.iter().enumerate() {
            if participant.may_say(answer) {
                asks.push(Ask::Answered(unit, answer));
            }
        }
    }
}

/// Attempts that may be spent.
fn spendings(skeleton: &Skeleton, saga: &State, asks: &mut Vec<Ask>) {
    for (unit, operation) in waited_for(saga) {
        for budget in budgets(skeleton, unit, operation) {
            for spending in Spending::ALL {
                if budget == Budget::Left || ends(skeleton, unit, operation, spending) {
                    asks.push(Ask::Spent(unit, operation, spending, budget));
                }
            }
        }
    }
}

/// Whether more attempts are possible after one is spent, and whether none may be.
fn budgets(skeleton: &Skeleton, unit: Unit, operation: Operation) -> Vec<Budget> {
    let Some(retry) = skeleton.retry(unit, operation) else {
        return Vec::new();
    };
    match retry.attempts_max {
        Some(1) => vec![Budget::Last],
        Some(_) => vec![Budget::Left, Budget::Last],
        None if retry.unless.is_empty() => vec![Budget::Left],
        None => vec![Budget::Left, Budget::Last],
    }
}

/// Whether an attempt that is spent like this can be the last one: without a bound only a code that the definition
/// lists ends it, and silence has none.
fn ends(skeleton: &Skeleton, unit: Unit, operation: Operation, spending: Spending) -> bool {
    let bounded = skeleton
        .retry(unit, operation)
        .is_some_and(|retry| retry.attempts_max.is_some());
    match spending {
        Spending::Failed | Spending::Unknown => true,
        Spending::Silence => bounded,
    }
}

/// What people, the clock and a broken engine may do.
fn commands(skeleton: &Skeleton, saga: &State, asks: &mut Vec<Ask>) {
    if skeleton.definition.deadline_ms.is_some() {
        asks.push(Ask::Deadline);
    }
    asks.push(Ask::Cancel);
    if saga.quarantine.is_none() {
        asks.push(Ask::EngineFault);
    }
    if saga.status(&skeleton.definition) == Status::Stuck {
        asks.push(Ask::Retry);
    }
    let parked = saga.parked(&skeleton.definition);
    asks.extend(parked.map(|(unit, _, _)| Ask::RetryOf(unit)));
}

/// What comes to those that wait, or does not. A sleep always ends; nothing is heard while the saga is set aside.
fn waits(skeleton: &Skeleton, saga: &State, asks: &mut Vec<Ask>) {
    if saga.quarantine.is_some() {
        return;
    }
    for (unit, _) in saga.waiting() {
        asks.push(Ask::Comes(unit));
        match skeleton.step(unit).kind {
            Kind::Wait(_) | Kind::Approve { .. } => asks.push(Ask::StaysAway(unit)),
            Kind::Sleep { .. } | Kind::Task(_) | Kind::Saga(_) => {}
        }
    }
}

/// What should change nothing.
fn idle(saga: &State, participants: &[Participant], asks: &mut Vec<Ask>) {
    let mut push = |idle| asks.push(Ask::Idle(idle));
    push(Idle::StartedAgain);
    push(Idle::Redispatched);
    push(Idle::LookedAt);
    push(Idle::Foreign);
    for (unit, operation) in waited_for(saga) {
        push(Idle::Unserved(unit, operation));
        push(Idle::Expired(unit, operation));
        push(Idle::Heartbeat(unit, operation));
    }
    for (unit, participant) in participants.iter().enumerate() {
        for operation in [
            Operation::Forward,
            Operation::Reconcile,
            Operation::Compensate,
        ] {
            if participant.sent().has(operation) {
                push(Idle::StaleFailure(unit, operation));
            }
        }
    }
}

/// The work whose answer is waited for.
pub(super) fn waited_for(saga: &State) -> impl Iterator<Item = (Unit, Operation)> + '_ {
    let heard = saga.quarantine.is_none();
    saga.open_work()
        .filter(move |(_, _, work)| heard && matches!(work.wait, Wait::Answer { .. }))
        .map(|(unit, operation, _)| (unit, operation))
}

/// Whether this only happens when something goes wrong, or somebody wants something else.
pub(super) fn is_fault(ask: Ask) -> bool {
    match ask {
        Ask::Start
        | Ask::Comes(_)
        | Ask::Retry
        | Ask::RetryOf(_)
        | Ask::Idle(_)
        | Ask::Answered(
            _,
            Answer::Succeeded | Answer::Applied | Answer::Closed | Answer::Undone | Answer::Refused,
        ) => false,
        Ask::Answered(_, Answer::Rejected)
        | Ask::Spent(..)
        | Ask::Deadline
        | Ask::Cancel
        | Ask::StaysAway(_)
        | Ask::EngineFault => true,
    }
}

/// What helps once faults have stopped: for each work that is waited for, the answers of a participant that works.
/// Which of them it is hangs on what has happened to it before, so all of one list must lead on.
///
/// A participant that works does what it is asked unless that is settled, and can tell what has happened, if need be
/// by somebody who looks: also under a key that its provider has forgotten. Before a human, the human helps.
pub(super) fn helpful(skeleton: &Skeleton, saga: &State, world: &World) -> Vec<Vec<Ask>> {
    let retry = match saga.status(&skeleton.definition) {
        Status::Stuck => Some(vec![Ask::Retry]),
        Status::Running
        | Status::Waiting
        | Status::Compensating
        | Status::Completed
        | Status::Compensated => None,
    };
    let heard = saga.quarantine.is_none();
    let comes = saga
        .waiting()
        .filter(move |_| heard)
        .map(|(unit, _)| vec![Ask::Comes(unit)]);
    // What helps an item helps the one that is like it.
    let again = |unit| is_like_the_one_before(skeleton, saga, world.all(), unit);
    waited_for(saga)
        .filter(|(unit, _)| !again(*unit))
        .map(|(unit, operation)| {
            let possible = world.participant(unit).possible();
            let mut answers: Vec<Answer> =
                possible.iter().map(|kept| helps(kept, operation)).collect();
            answers.sort_unstable();
            answers.dedup();
            // One that may have said no leads to a world of its own, which has to end too. There it is settled, and
            // only so many can have said no before faults stopped; who is asked anew does not say no again.
            if answers.contains(&Answer::Succeeded) {
                answers.retain(|answer| *answer != Answer::Rejected);
            }
            answers
                .into_iter()
                .map(|answer| Ask::Answered(unit, answer))
                .collect()
        })
        .chain(comes)
        .chain(retry)
        .collect()
}

fn helps(kept: Kept, operation: Operation) -> Answer {
    match operation {
        Operation::Forward => match kept {
            Kept::Untouched
            | Kept::Asked
            | Kept::Forgotten
            | Kept::Applied
            | Kept::Lapsed
            | Kept::Twice => Answer::Succeeded,
            Kept::Rejected => Answer::Rejected,
            Kept::HalfClosed
            | Kept::HalfUndone
            | Kept::Undone
            | Kept::Never
            | Kept::UndoneTwice => Answer::Refused,
        },
        Operation::Reconcile => match kept {
            Kept::Applied | Kept::Lapsed | Kept::Twice => Answer::Applied,
            Kept::Untouched
            | Kept::Asked
            | Kept::Forgotten
            | Kept::Rejected
            | Kept::HalfClosed
            | Kept::HalfUndone
            | Kept::Undone
            | Kept::Never
            | Kept::UndoneTwice => Answer::Closed,
        },
        Operation::Compensate => Answer::Undone,
    }
}
