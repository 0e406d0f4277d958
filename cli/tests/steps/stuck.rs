//! Compensations: run twice, done but reported failed, and failing for good until a human helps.

use impresario_protocol::{Operation, Outcome, Problem};

use crate::faults::Fault;
use crate::world::story;

/// Declines at the charge make both compensations run.
fn declined_at_capture() -> Fault {
    Fault::Answer(Outcome::Rejected(Problem::new("no", "not today")))
}

#[test]
fn compensations_run_twice_or_lied_about_undo_once() {
    story(|world| async move {
        let lie = Fault::RunThenSay(Outcome::Failed(Problem::new(
            "lie",
            "undone, and said not to be",
        )));
        let mut sagas = Vec::new();
        for step in ["hold", "authorize"] {
            for (word, fault) in [
                ("twice", Fault::Twice),
                ("lie", lie.clone()),
                ("mute", Fault::RunThenLose),
            ] {
                let key = format!("undo {word} {step}");
                let saga = world.id_of(&key).to_string();
                world.plans.plan(
                    &saga,
                    "capture",
                    Operation::Forward,
                    1..=1,
                    declined_at_capture(),
                );
                world
                    .plans
                    .plan(&saga, step, Operation::Compensate, 1..=1, fault);
                sagas.push(world.book(&key, "tok_ok").await);
            }
        }
        for saga in sagas {
            world.wait(saga, "compensated").await;
            world.assert_nothing_left(saga).await;
        }
    });
}

#[test]
fn h10_an_undoing_that_fails_for_good_waits_for_a_human_and_names_what_is_left() {
    story(|world| async move {
        let broken = Fault::Answer(Outcome::Failed(Problem::new("away", "not today")));
        let mut sagas = Vec::new();
        for step in ["hold", "authorize"] {
            let key = format!("undo broken {step}");
            let saga = world.id_of(&key).to_string();
            world.plans.plan(
                &saga,
                "capture",
                Operation::Forward,
                1..=1,
                declined_at_capture(),
            );
            world
                .plans
                .plan(&saga, step, Operation::Compensate, 1..=99, broken.clone());
            sagas.push((step, world.book(&key, "tok_ok").await));
        }
        for (step, saga) in sagas {
            world.wait(saga, "stuck").await;
            assert!(
                world.captured(saga).await.is_empty(),
                "stuck, and still nothing charged"
            );
            world
                .plans
                .heal(&saga.to_string(), step, Operation::Compensate);
            world.retry(saga, "mended").await;
            world.wait(saga, "compensated").await;
            world.assert_nothing_left(saga).await;
        }
    });
}
