//! No answer at every step: the task lost before it ran, or the answer lost after it did.

use impresario_protocol::Operation;

use crate::faults::Fault;
use crate::once::STEPS;
use crate::world::story;

#[test]
fn h03_h04_every_step_lost_once_or_unanswered_once_is_tried_again_under_the_same_key() {
    story(|world| async move {
        let mut sagas = Vec::new();
        for (step, _) in STEPS {
            for (word, fault) in [("lost", Fault::Lose), ("mute", Fault::RunThenLose)] {
                let key = format!("{word} once {step}");
                world.plans.plan(
                    &world.id_of(&key).to_string(),
                    step,
                    Operation::Forward,
                    1..=1,
                    fault,
                );
                sagas.push(world.book(&key, "tok_ok").await);
            }
        }
        for saga in sagas {
            world.wait(saga, "completed").await;
            world.assert_booked(saga).await;
        }
    });
}

#[test]
fn h06_every_step_that_never_answers_ends_without_a_charge_or_with_everything() {
    story(|world| async move {
        let mut sagas = Vec::new();
        for step in ["hold", "authorize", "pin", "capture"] {
            for (word, fault) in [("lost", Fault::Lose), ("mute", Fault::RunThenLose)] {
                let key = format!("always {word} {step}");
                world.plans.plan(
                    &world.id_of(&key).to_string(),
                    step,
                    Operation::Forward,
                    1..=99,
                    fault,
                );
                sagas.push((step, word, world.book(&key, "tok_ok").await));
            }
        }
        for (step, word, saga) in sagas {
            // Authorize and capture are asked for: what happened is kept, what did not is closed for ever.
            let found = word == "mute" && (step == "authorize" || step == "capture");
            if found {
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
fn h06_the_provider_s_silence_after_charging_is_reconciled_to_exactly_one_charge() {
    story(|world| async move {
        let charged = world.book("silence charged", "tok_timeout_charged").await;
        let uncharged = world
            .book("silence uncharged", "tok_timeout_uncharged")
            .await;
        world.wait(charged, "completed").await;
        world.assert_booked(charged).await;
        world.wait(uncharged, "compensated").await;
        world.assert_nothing_left(uncharged).await;
    });
}
