//! An event is cancelled: everybody gets the money back, somebody of finance decides about much of it, and a refund
//! that fails holds nobody else up.

use impresario_workflows::SagaId;
use impresario_workflows::saga::{Stamp, Verdict};
use serde_json::{Value, json};

use crate::hall::{Counts, Hall};
use crate::world::{World, story};

const NOTHING: Counts = Counts { sold: 0, paid: 0 };

fn order(hall: &Hall) -> Value {
    json!({
        "event_id": hall.event,
        "reason": "The singer is ill.",
        "organizer_email": "org@example.org",
    })
}

async fn decide(world: &World, saga: SagaId, approved: bool) {
    world.until_waiting(saga, "approve").await;
    let verdict = Verdict {
        step: "approve".into(),
        approved,
        roles: vec!["finance".into()],
        stamp: Stamp {
            key: "decision".into(),
            by: "fin".into(),
            reason: "looked at it".into(),
        },
    };
    world.engine.decide(saga, verdict, None).await.unwrap();
}

async fn state(world: &World, hall: &Hall) -> String {
    sqlx::query_scalar("select state from catalog.event where event_id::text = $1")
        .bind(&hall.event)
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

/// Waits until two refunds are made, whichever they are.
async fn two_refunds(world: &World, saga: SagaId) {
    for _ in 0..1_000 {
        let facts = world.facts(saga).await;
        let made = |fact: &&Value| {
            let of_refund = fact["step"]
                .as_str()
                .is_some_and(|step| step.starts_with("refunds:"));
            of_refund && fact["event"] == "succeeded"
        };
        if facts.iter().filter(made).count() == 2 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{:#?}", world.facts(saga).await);
}

#[test]
fn little_money_is_given_back_without_asking() {
    story(|world| async move {
        let hall = world.hall("EUR", &[("A1", 4_000), ("A2", 3_000)]).await;
        world.booked_in(&hall, "A1", "tok_ok").await;
        // Given back before by its customer: there is nothing left to do about it.
        let earlier = world.booked_in(&hall, "A2", "tok_ok").await;
        let input = json!({ "booking_ref": earlier });
        let refund = world.start("refund", &earlier, input).await;
        world.wait(refund, "completed").await;
        let saga = world
            .start("event-cancellation", &hall.event, order(&hall))
            .await;
        world.wait(saga, "completed").await;
        world.fact(saga, "skipped", "approve").await;
        assert_eq!(state(world, &hall).await, "cancelled");
        world.assert_hall(&hall, &[], NOTHING).await;
    });
}

#[test]
fn much_money_waits_for_finance_and_a_no_opens_the_sale_again() {
    story(|world| async move {
        for approved in [true, false] {
            let hall = world.hall("EUR", &[("A1", 8_000), ("A2", 8_000)]).await;
            world.booked_in(&hall, "A1", "tok_ok").await;
            world.booked_in(&hall, "A2", "tok_ok").await;
            let saga = world
                .start("event-cancellation", &hall.event, order(&hall))
                .await;
            decide(world, saga, approved).await;
            if approved {
                world.wait(saga, "completed").await;
                world.assert_hall(&hall, &[], NOTHING).await;
            } else {
                world.wait(saga, "compensated").await;
                assert_eq!(state(world, &hall).await, "on_sale");
                let all = Counts {
                    sold: 2,
                    paid: 16_000,
                };
                world.assert_hall(&hall, &[], all).await;
            }
        }
    });
}

#[test]
fn a_sale_under_way_is_finished_and_refunded_with_the_others() {
    story(|world| async move {
        let hall = world.hall("EUR", &[("A1", 4_200)]).await;
        // Paid, and its confirmation takes its time.
        let key = format!("under way {}", hall.event);
        let id = world.id_of(&key).to_string();
        let hold_back = crate::faults::Fault::HoldBack;
        let forward = impresario_protocol::Operation::Forward;
        world.plans.plan(&id, "confirm", forward, 1..=1, hold_back);
        let buyer = world
            .start("booking", &key, hall.order("A1", "tok_ok"))
            .await;
        world.wait_task(buyer, "confirm", "forward").await;
        let saga = world
            .start("event-cancellation", &hall.event, order(&hall))
            .await;
        world.output(saga, "close").await;
        world.plans.heal(&id, "confirm", forward);
        world.plans.release(&id, "confirm", "booking");
        world.wait(buyer, "completed").await;
        world.wait(saga, "completed").await;
        world.assert_hall(&hall, &[], NOTHING).await;
    });
}

#[test]
fn a_refund_that_fails_stands_before_a_human_and_the_others_are_made() {
    story(|world| async move {
        let seats = [("A1", 2_000), ("A2", 3_000), ("A3", 4_000)];
        let hall = world.hall("EUR", &seats).await;
        for (seat, token) in [
            ("A1", "tok_ok"),
            ("A2", "tok_refund_fails@refund"),
            ("A3", "tok_ok"),
        ] {
            world.booked_in(&hall, seat, token).await;
        }
        let saga = world
            .start("event-cancellation", &hall.event, order(&hall))
            .await;
        world.wait(saga, "stuck").await;
        two_refunds(world, saga).await;
        let one_is_left = Counts {
            sold: 1,
            paid: 3_000,
        };
        world.assert_hall(&hall, &[saga], one_is_left).await;
        world.money.heal().await;
        world.retry(saga, "mended").await;
        world.wait(saga, "completed").await;
        world.assert_hall(&hall, &[saga], NOTHING).await;
    });
}
