//! The laws. Each decision of each life is judged by `bench::laws`; here is what holds of whole lives.

use std::collections::BTreeSet;

use impresario_workflows::definition::{Kind, Undo};
use impresario_workflows::saga::{Forward, State, Status, Wait, evolve};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::cases;
use super::definitions::any_definition;
use super::moves::{Life, Move, anything, honest};
use crate::bench::Bench;
use crate::bench::definitions::booking;

proptest! {
    #![proptest_config(cases(256))]

    /// Whatever happens, in whatever order, also what nobody honest would say: no decision breaks a law.
    #[test]
    fn nothing_that_can_happen_breaks_a_law(
        written in any_definition(),
        go in any::<bool>(),
        moves in prop::collection::vec(anything(), 0..80),
    ) {
        let mut life = Life::begun(Bench::started_with(written.definition(), json!({ "go": go })));
        for next in &moves {
            life.happens(next);
        }
        replays(&life.saga);
    }

    /// Once participants answer and time passes, every saga ends or stands before a human; with a human who
    /// lets it try again, every saga ends. Then every effect is wanted or undone, also after every task that
    /// is still on its way has arrived.
    #[test]
    fn every_life_ends_and_leaves_nothing_behind(
        written in any_definition(),
        go in any::<bool>(),
        moves in prop::collection::vec(honest(), 0..80),
    ) {
        let life = Life::begun(Bench::started_with(written.definition(), json!({ "go": go })));
        ends_well(life, &moves);
    }

    /// The shipped booking: never a charge without its seat.
    #[test]
    fn no_booking_is_charged_without_a_seat(
        moves in prop::collection::vec(honest(), 0..120),
    ) {
        let input = json!({
            "event_id": "6f0f7f8e-0d0e-4a0b-9d0c-1f2e3d4c5b6a",
            "seats": ["A1", "A2"],
            "customer_email": "ana@example.org",
            "payment_token": "tok",
        });
        let life = ends_well(Life::begun(Bench::started_with(booking(), input)), &moves);
        let there = |id: &str| {
            let step = life.saga.definition.step_index(id).expect("a step of the booking");
            !life.world.there(step).is_empty()
        };
        let booked = life.saga.status() == Status::Completed;
        for id in ["hold", "authorize", "capture", "confirm", "sell"] {
            prop_assert_eq!(there(id), booked, "{} in a saga that is {:?}", id, life.saga.status());
        }
    }
}

pub(super) fn ends_well(mut life: Life, moves: &[Move]) -> Life {
    for next in moves {
        life.happens(next);
    }
    heals(&mut life);
    replays(&life.saga);
    leaves_nothing_behind(&life);
    // What was held back on the network arrives after the end.
    for task in 0..life.saga.sent.len() {
        life.serve_well(task);
    }
    leaves_nothing_behind(&life);
    undone_in_order(&life);
    life
}

/// From now on all goes well. A human is asked only when the saga stands before one with nothing else to do.
fn heals(life: &mut Life) {
    for _ in 0..1_000 {
        let saga = &mut life.saga;
        if saga.status().is_final() {
            return;
        }
        let waits_for = saga.state.open_work().find_map(|(step, operation, work)| {
            let waits = matches!(work.wait, Wait::Answer { .. });
            waits.then_some((step, operation, work.attempt))
        });
        let set_aside = saga.state.quarantine.is_some();
        let waiting = saga.state.waiting().next().map(|(unit, _)| unit);
        if let Some((step, operation, attempt)) = waits_for.filter(|_| !set_aside) {
            let sent = |task: &impresario_workflows::saga::Dispatch| {
                (task.step, task.operation, task.attempt) == (step, operation, attempt)
            };
            let task = saga
                .sent
                .iter()
                .rposition(sent)
                .expect("what is waited for was sent");
            life.serve_well(task);
        } else if let Some(unit) = waiting.filter(|_| !set_aside) {
            comes_true(life, unit);
        } else if saga.wake().is_some() {
            saga.wakes();
        } else {
            assert_eq!(saga.status(), Status::Stuck, "silent");
            let lines = saga.retry();
            assert!(!lines[0].starts_with("refused"), "{lines:?}");
        }
    }
    panic!("does not end: {:?}", life.saga.state);
}

/// What a unit waits for.
fn comes_true(life: &mut Life, unit: usize) {
    let saga = &mut life.saga;
    let step = saga.state.unit_name(&saga.definition, unit);
    match saga.definition.steps[unit].kind {
        Kind::Wait(_) => life.signal(1),
        Kind::Approve { .. } => life.decide(step, true, true),
        Kind::Sleep { .. } | Kind::Task(_) | Kind::Saga(_) => drop(saga.wakes()),
    }
}

/// The journal alone gives the state.
fn replays(saga: &Bench) {
    let mut state = State::unborn(&saga.state.id, &saga.definition);
    for event in saga.rows.iter().flatten() {
        evolve(&saga.definition, &mut state, event).expect("a stored fact folds");
    }
    assert_eq!(state, saga.state);
}

fn leaves_nothing_behind(life: &Life) {
    let saga = &life.saga;
    let completed = saga.status() == Status::Completed;
    for index in 0..saga.state.steps.len() {
        let there = life.world.there(index);
        let step = &saga.definition.steps[saga.state.step_of(index)];
        let id = saga.state.unit_name(&saga.definition, index);
        if completed && saga.state.steps[index].passed {
            // What was given up and passed over may have happened: its author said that it does not matter.
            continue;
        }
        // Only who is asked has an effect: not what waits, and of an `each` step its items.
        let is_asked =
            step.task().is_some() && (step.each.is_none() || index >= saga.state.own_steps());
        if !is_asked {
            assert_eq!(there, [0_u32; 0], "effects of `{id}`, which asks nobody");
            continue;
        }
        if completed {
            let wanted = match saga.state.steps[index].forward {
                Forward::Succeeded { .. } => vec![saga.state.steps[index].generation],
                _ => Vec::new(),
            };
            assert_eq!(there, wanted, "effects of `{id}` in a completed saga");
            continue;
        }
        match step.undo {
            Undo::Compensate(_) | Undo::OnlyForward => {
                assert_eq!(there, [0_u32; 0], "effects of `{id}` in an undone saga");
            }
            Undo::Nothing { .. } | Undo::Readonly => {}
        }
    }
}

/// Nothing is undone while something that was built on it is there, and nothing at all past the pivot.
fn undone_in_order(life: &Life) {
    let definition = &life.saga.definition;
    let state = &life.saga.state;
    let mut there = vec![false; state.steps.len()];
    for &(unit, comes) in &life.world.log {
        there[unit] = comes;
        if comes {
            continue;
        }
        let step = &definition.steps[state.step_of(unit)];
        let id = &step.id;
        for later in (0..there.len()).filter(|later| there[*later]) {
            let built_on = state.step_of(later);
            let counts = matches!(definition.steps[built_on].undo, Undo::Compensate(_));
            assert!(
                !(counts && step.descendants.contains(built_on)),
                "`{id}` undone under unit {later}"
            );
        }
        let pivot = definition.pivot.is_some_and(|pivot| there[pivot]);
        assert!(!pivot, "`{id}` undone past the pivot");
    }
}

/// The laws say nothing about what never happens: random lives come by every kind of fact, every cause and every
/// status.
#[test]
fn everything_that_can_happen_does() {
    let mut runner = TestRunner::deterministic();
    let lives = (
        any_definition(),
        any::<bool>(),
        prop::collection::vec(anything(), 0..80),
    );
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for _ in 0..900 {
        let (written, go, moves) = lives.new_tree(&mut runner).expect("a life").current();
        let mut life = Life::begun(Bench::started_with(
            written.definition(),
            json!({ "go": go }),
        ));
        for next in &moves {
            life.happens(next);
            seen.insert(life.saga.status().as_str().to_owned());
        }
        for event in life.saga.rows.iter().flatten() {
            let event = serde_json::to_value(event).expect("a fact is JSON");
            let said = |key: &str| event[key].as_str().map(str::to_owned);
            seen.extend(said("event"));
            seen.extend(said("known").map(|known| format!("known {known}")));
            seen.extend(
                event["cause"]["cause"]
                    .as_str()
                    .map(|cause| format!("because {cause}")),
            );
        }
    }
    let causes = crate::golden::causes()
        .into_iter()
        .map(|cause| format!("because {cause}"));
    let known = ["known failed", "known unknown"].map(str::to_owned);
    let statuses = Status::ALL.map(|status| status.as_str().to_owned());
    let all = crate::golden::kinds_of_facts()
        .into_iter()
        .chain(causes)
        .chain(known)
        .chain(statuses);
    // Another version takes another definition, and what was lost has no life before: `scenarios::migration`, `found`.
    let never: Vec<String> = all
        .filter(|kind| !seen.contains(kind) && kind != "migrated" && kind != "found")
        .collect();
    assert_eq!(never, [""; 0], "never seen");
}
