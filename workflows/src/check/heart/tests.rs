//! The classes of `canon` against the sagas themselves: every step of a saga as it is, is a step of its class, or
//! changes nothing that the class knows of.
//!
//! Sagas as they are keep what `canon` drops: doubts, backoffs, what forward attempts were doing when the saga
//! turned around, how it ended. Each is followed together with the world of its class.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::ask::{LATER, NOW, nothing_said};
use super::fate::{Decided, every};
use super::*;
use crate::Definition;
use crate::check::moves;
use crate::check::world::{Step, World};
use crate::saga::{
    Cause, Forward, Input, Moment, Phase, Problem, Served, StepState, Undoing, Wait, Work, decide,
};

/// Every kind of step, small enough to be gone through in a debug build.
const DEFINITIONS: [&str; 5] = [
    // Asked about, with doubt; expires; an input that may not be made.
    "
saga: asked
version: 1
deadline: 15m
steps:
  hold: { task: a/hold, effect: seat, expires: 10m, compensate: { task: a/release } }
  pay:
    task: b/pay
    needs: [hold]
    input: { price: '${{ steps.hold.output.price }}' }
    retry: { max_attempts: 2 }
    on_unknown: reconcile
    reconcile: { task: b/ask, retry: { max_attempts: 2 } }
    compensate: { task: b/refund, input: { hold: '${{ steps.hold.output.id }}' } }
",
    // A pivot that is asked about, with something beside it and something after it.
    "
saga: pivoted
version: 1
deadline: 15m
steps:
  hold: { task: a/hold, compensate: { task: a/release, retry: { max_attempts: 1 } } }
  beside: { task: c/look, needs: [hold], readonly: true }
  pay:
    task: b/pay
    needs: [hold]
    pivot: true
    retry: { max_attempts: 2 }
    reconcile: { task: b/ask, retry: { max_attempts: 1 } }
  tell: { task: c/tell, needs: [pay], retry: { max_attempts: unlimited, unless: [no] } }
",
    // Side by side, with a human and with tries without end.
    "
saga: beside
version: 1
deadline: 15m
steps:
  left: { task: a/left, on_unknown: operator, compensate: { task: a/unleft } }
  right: { task: b/right, on_unknown: retry, compensate: none, reason: it does no harm }
",
    // With a condition.
    "
saga: perhaps
version: 1
input: { type: object, properties: { vip: { type: boolean } } }
steps:
  left: { task: a/left, compensate: { task: a/unleft } }
  gift: { task: c/gift, needs: [left], when: input.vip, compensate: { task: c/ungift } }
",
    include_str!("../../../sagas/trivial.yaml"),
];

#[test]
fn every_step_of_a_saga_is_a_step_of_its_class() {
    for text in DEFINITIONS {
        let definition = Definition::parse("test", text).unwrap();
        let items = vec![0; definition.steps.len()];
        let skeleton = Skeleton::of(&definition, &items);
        let (sagas, classes) = follow(skeleton);
        // Otherwise nothing was compared.
        assert!(
            sagas > classes,
            "{}: {sagas} sagas, {classes} classes",
            definition.name
        );
    }
}

/// Follows every saga beside the world of its class; how many there are of each.
fn follow(skeleton: Skeleton) -> (usize, usize) {
    let mut heart = Heart::new(skeleton.clone());
    let world = World::unborn(&mut heart);
    let saga = skeleton.unborn();
    let mut seen = BTreeSet::new();
    let mut queue = VecDeque::from([(as_it_is(&skeleton, saga), world)]);
    while let Some((saga, world)) = queue.pop_front() {
        if !seen.insert((format!("{saga:?}"), world.key())) {
            continue;
        }
        for ask in moves::all(&skeleton, &saga, world.all()) {
            for decided in every(&skeleton, &saga, ask).unwrap() {
                let Some(decision) = decided.decision.as_ref() else {
                    continue;
                };
                let after = as_it_is(&skeleton, decision.next.clone());
                let world = matched(&mut heart, &world, ask, &saga, &decided);
                queue.push_back((after, world));
            }
        }
        for after in backoffs_over(&skeleton, &saga) {
            let same = heart.number(after.clone()) == world.saga();
            assert!(same, "a backoff that is over is no news: {saga:?}");
            queue.push_back((as_it_is(&skeleton, after), world.clone()));
        }
    }
    (seen.len(), heart.met())
}

/// The world of the class after the same step; itself when the step is nothing to it. What was sent before is
/// nothing when it is sent again.
fn matched(heart: &mut Heart, world: &World, ask: Ask, saga: &State, decided: &Decided) -> World {
    let decision = decided.decision.as_ref().unwrap();
    let fresh = |sent: &[(usize, Operation)]| -> Vec<(usize, Operation)> {
        let is_new = |&&(unit, operation): &&(usize, Operation)| {
            !world.participant(unit).sent().has(operation)
        };
        sent.iter().filter(is_new).copied().collect()
    };
    let tasks = dispatches(&decision.commands);
    let sent: Vec<(usize, Operation)> = tasks
        .iter()
        .map(|task| (task.step, task.operation))
        .collect();
    let next = heart.number(decision.next.clone());
    for outcome in heart.ask(world.saga(), ask).iter() {
        let same = outcome.next == next && outcome.fates == decided.fates;
        if same && fresh(&outcome.sent) == fresh(&sent) {
            assert_eq!(outcome.renewed, renewed(saga, decision));
            match world.after(heart, ask, outcome) {
                Step::To(after) => return after,
                Step::Nothing => return world.clone(),
                Step::Breach(breach) => panic!("{breach:?}"),
            }
        }
    }
    assert!(
        next == world.saga() && fresh(&sent).is_empty(),
        "{ask:?} leads a saga out of its class:\n{saga:?}\n{:?}",
        decision.events
    );
    world.clone()
}

/// What follows when a backoff is over, for each that there is.
fn backoffs_over(skeleton: &Skeleton, saga: &State) -> Vec<State> {
    let served = Served {
        results_read_until: NOW,
        drained_at: skeleton
            .definition
            .pools()
            .into_iter()
            .map(|pool| (pool, NOW))
            .collect(),
        stored_wake: None,
    };
    let moment = Moment {
        now: NOW,
        jitter_permille: 0,
    };
    let over = |unit: usize| {
        let mut saga = saga.clone();
        let step = &mut saga.steps[unit];
        let backoff = Wait::Backoff { until: 0 };
        match (&mut step.forward, &mut step.undoing) {
            (_, Undoing::Open(work)) | (Forward::Open { operation: _, work }, _) => {
                work.wait = backoff
            }
            _ => panic!("no work"),
        }
        let timer = Input::Timer(served.clone());
        decide(&skeleton.definition, &saga, &timer, moment)
            .unwrap()
            .next
    };
    let heard = saga.quarantine.is_none();
    saga.open_work()
        .filter(|(_, _, work)| heard && matches!(work.wait, Wait::Backoff { .. }))
        .map(|(unit, _, _)| over(unit))
        .collect()
}

/// The saga without instants, numbers and texts, and with everything else.
fn as_it_is(skeleton: &Skeleton, mut saga: State) -> State {
    let nothing = || Arc::new(serde_json::Value::Null);
    saga.started_at = NOW;
    saga.input = Arc::clone(&skeleton.all_made);
    saga.stamps.clear();
    saga.quarantine = saga.quarantine.map(|_| nothing_said());
    saga.phase = match saga.phase {
        Phase::New => Phase::New,
        Phase::Forward { turn } => Phase::Forward {
            turn: turn.map(|_| Cause::Deadline),
        },
        Phase::Compensating { .. } => Phase::Compensating {
            cause: Cause::Deadline,
        },
        Phase::Completed { .. } => Phase::Completed { output: nothing() },
        Phase::Compensated { .. } => Phase::Compensated {
            cause: Cause::Deadline,
        },
    };
    for step in &mut saga.steps {
        plain(step);
    }
    saga
}

fn plain(step: &mut StepState) {
    step.generation = 1;
    step.attempts = step.attempts.min(1);
    match &mut step.forward {
        Forward::Open { operation: _, work } => plain_work(work),
        Forward::Closed { problem }
        | Forward::GivenUp { problem }
        | Forward::Blocked { problem } => {
            *problem = nothing_said();
        }
        Forward::Succeeded { output } => *output = Arc::new(serde_json::Value::Null),
        Forward::Waiting { since, until } => (*since, *until) = (NOW, LATER),
        Forward::Pending | Forward::Skipped | Forward::FannedOut => {}
    }
    if let Undoing::Open(work) = &mut step.undoing {
        plain_work(work);
    }
}

fn plain_work(work: &mut Work) {
    (work.attempt, work.spent) = (1, 0);
    match &mut work.wait {
        Wait::Answer { sent_at, until } => (*sent_at, *until) = (NOW, LATER),
        Wait::Backoff { until } => *until = LATER,
        Wait::Operator { problem } => {
            let code = if canon::is_unmappable(problem) {
                "unmappable"
            } else {
                ""
            };
            *problem = Problem::new(code, "");
        }
    }
}
