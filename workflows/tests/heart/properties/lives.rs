//! The laws. Each decision of each life is judged by `bench::laws`; here is what holds of whole lives.

use std::collections::BTreeSet;

use impresario_workflows::definition::Undo;
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
    for (index, step) in saga.definition.steps.iter().enumerate() {
        let there = life.world.there(index);
        let id = &step.id;
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
    let mut there = vec![false; definition.steps.len()];
    for &(step, comes) in &life.world.log {
        there[step] = comes;
        if comes {
            continue;
        }
        let id = &definition.steps[step].id;
        for later in definition.steps[step].descendants.iter() {
            let counts = matches!(definition.steps[later].undo, Undo::Compensate(_));
            assert!(
                !(counts && there[later]),
                "`{id}` undone under step {later}"
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
    for _ in 0..300 {
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
    let never: Vec<String> = all.filter(|kind| !seen.contains(kind)).collect();
    assert_eq!(never, [""; 0], "never seen");
}
