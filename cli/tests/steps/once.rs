//! Each step run twice, and each step done but reported failed: effects happen once.

use impresario_protocol::{Operation, Outcome, Problem};

use crate::faults::Fault;
use crate::world::story;

/// All steps, and whether they come before the pivot or are it.
pub(crate) const STEPS: [(&str, bool); 7] = [
    ("hold", true),
    ("authorize", true),
    ("pin", true),
    ("capture", true),
    ("confirm", false),
    ("sell", false),
    ("notify", false),
];

#[test]
fn h02_every_step_run_twice_side_by_side_happens_once() {
    story(|world| async move {
        let mut sagas = Vec::new();
        for (step, _) in STEPS {
            let key = format!("twice {step}");
            world.plans.plan(
                &world.id_of(&key).to_string(),
                step,
                Operation::Forward,
                1..=1,
                Fault::Twice,
            );
            sagas.push(world.book(&key, "tok_ok").await);
        }
        for saga in sagas {
            world.wait(saga, "completed").await;
            world.assert_booked(saga).await;
        }
    });
}

#[test]
fn h04_every_step_done_but_reported_failed_once_goes_on_with_the_stored_answer() {
    story(|world| async move {
        let lie = Outcome::Failed(Problem::new("lie", "done, and said not to be"));
        let mut sagas = Vec::new();
        for (step, _) in STEPS {
            let key = format!("lie once {step}");
            let fault = Fault::RunThenSay(lie.clone());
            world.plans.plan(
                &world.id_of(&key).to_string(),
                step,
                Operation::Forward,
                1..=1,
                fault,
            );
            sagas.push(world.book(&key, "tok_ok").await);
        }
        for saga in sagas {
            world.wait(saga, "completed").await;
            world.assert_booked(saga).await;
        }
    });
}

#[test]
fn every_step_done_but_always_reported_failed_is_undone_before_the_pivot_and_found_at_it() {
    story(|world| async move {
        let lie = Outcome::Failed(Problem::new("lie", "done, and said not to be"));
        let mut sagas = Vec::new();
        for step in ["hold", "authorize", "pin", "capture"] {
            let key = format!("always lie {step}");
            let fault = Fault::RunThenSay(lie.clone());
            world.plans.plan(
                &world.id_of(&key).to_string(),
                step,
                Operation::Forward,
                1..=99,
                fault,
            );
            sagas.push((step, world.book(&key, "tok_ok").await));
        }
        for (step, saga) in sagas {
            if step == "capture" {
                // `failed` closes nothing: the pivot's outcome is asked for, and it did happen.
                world.wait(saga, "completed").await;
                world.assert_booked(saga).await;
            } else {
                world.wait(saga, "compensated").await;
                world.assert_nothing_left(saga).await;
            }
        }
    });
}

#[test]
fn every_step_rejected_is_undone_before_the_pivot_and_stands_before_a_human_after_it() {
    story(|world| async move {
        let no = Outcome::Rejected(Problem::new("no", "not today"));
        let mut sagas = Vec::new();
        for (step, before) in STEPS {
            let key = format!("rejected {step}");
            let fault = Fault::Answer(no.clone());
            world.plans.plan(
                &world.id_of(&key).to_string(),
                step,
                Operation::Forward,
                1..=1,
                fault,
            );
            sagas.push((step, before, world.book(&key, "tok_ok").await));
        }
        for (step, before, saga) in sagas {
            if before {
                world.wait(saga, "compensated").await;
                world.assert_nothing_left(saga).await;
                continue;
            }
            world.wait(saga, "stuck").await;
            world
                .plans
                .heal(&saga.to_string(), step, Operation::Forward);
            world.retry(saga, "mended").await;
            world.wait(saga, "completed").await;
            let generations: Vec<u32> = world
                .plans
                .seen(&saga.to_string())
                .iter()
                .filter(|task| task.step == step)
                .map(|task| task.effect.generation)
                .collect();
            assert_eq!(
                generations,
                [1, 2],
                "an operator's retry after a final no is a new generation"
            );
            world.assert_booked(saga).await;
        }
    });
}
