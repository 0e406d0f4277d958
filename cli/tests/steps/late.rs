//! Compensation without a run, and the late forward task after it.

use impresario_protocol::Operation;

use crate::faults::Fault;
use crate::world::story;

#[test]
fn h08_h09_a_step_cancelled_before_it_ran_leaves_a_tombstone_that_the_late_task_meets() {
    story(|world| async move {
        let mut sagas = Vec::new();
        for (step, pool) in [("hold", "catalog"), ("authorize", "payment")] {
            let key = format!("late {step}");
            let saga = world.id_of(&key).to_string();
            world
                .plans
                .plan(&saga, step, Operation::Forward, 1..=99, Fault::HoldBack);
            let saga = world.book(&key, "tok_ok").await;
            world.wait_task(saga, step, "forward").await;
            world.cancel(saga).await;
            sagas.push((step, pool, saga));
        }
        for (step, pool, saga) in sagas {
            world.wait(saga, "compensated").await;
            world.assert_nothing_left(saga).await;
            let before = world.facts(saga).await.len();
            assert!(
                world.plans.release(&saga.to_string(), step, pool) >= 1,
                "a task was held back"
            );
            // A second saga through the same pool shows that the late task has been dealt with before.
            let after = world.book(&format!("after late {step}"), "tok_ok").await;
            world.wait(after, "completed").await;
            world.assert_nothing_left(saga).await;
            assert_eq!(
                world.facts(saga).await.len(),
                before,
                "an ended saga has no news"
            );
        }
    });
}

#[test]
fn h08_a_capture_held_back_past_its_reconciling_is_refused_by_the_provider() {
    story(|world| async move {
        let key = "late capture";
        let id = world.id_of(key).to_string();
        world
            .plans
            .plan(&id, "capture", Operation::Forward, 1..=99, Fault::HoldBack);
        let saga = world.book(key, "tok_ok").await;
        // Reconciling closed the key at the provider, so everything is undone.
        world.wait(saga, "compensated").await;
        world.assert_nothing_left(saga).await;
        assert!(world.plans.release(&id, "capture", "payment") >= 1);
        let after = world.book("after late capture", "tok_ok").await;
        world.wait(after, "completed").await;
        world.assert_nothing_left(saga).await;
    });
}

#[test]
fn cancel_at_every_step_before_the_pivot_leaves_nothing() {
    story(|world| async move {
        for step in ["hold", "authorize", "pin"] {
            let key = format!("cancel at {step}");
            let saga = world.id_of(&key).to_string();
            world
                .plans
                .plan(&saga, step, Operation::Forward, 1..=1, Fault::RunThenLose);
            let saga = world.book(&key, "tok_ok").await;
            world.wait_task(saga, step, "forward").await;
            world.cancel(saga).await;
            world.wait(saga, "compensated").await;
            world.assert_nothing_left(saga).await;
        }
    });
}

#[test]
fn h21_cancel_while_the_pivot_is_unanswered_waits_for_what_it_did() {
    story(|world| async move {
        let key = "cancel at capture";
        let saga = world.id_of(key).to_string();
        world.plans.plan(
            &saga,
            "capture",
            Operation::Forward,
            1..=1,
            Fault::RunThenLose,
        );
        let saga = world.book(key, "tok_ok").await;
        world.wait_task(saga, "capture", "forward").await;
        world.cancel(saga).await;
        // The charge had happened: only forward.
        world.wait(saga, "completed").await;
        world.assert_booked(saga).await;
    });
}

#[test]
fn a_capture_that_stays_unknown_past_the_hold_s_expiry_still_sells_the_seats() {
    story(|world| async move {
        let key = "capture past the expiry";
        let id = world.id_of(key).to_string();
        // Charged, and never said so: two timeouts and a question later it is found.
        world.plans.plan(
            &id,
            "capture",
            Operation::Forward,
            1..=99,
            Fault::RunThenLose,
        );
        let saga = world.book(key, "tok_ok").await;
        world.wait_task(saga, "capture", "forward").await;
        let hold = "update catalog.hold set expires_at = now() - interval '1 hour' where saga = $1";
        let changed = sqlx::query(hold)
            .bind(&id)
            .execute(&world.pool)
            .await
            .unwrap();
        assert_eq!(changed.rows_affected(), 1);
        world.sweep_holds().await;
        world.wait(saga, "completed").await;
        world.assert_booked(saga).await;
    });
}
