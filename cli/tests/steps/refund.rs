//! One booking given back: well, without an answer, refused, and asked for twice.

use serde_json::json;

use crate::hall::Counts;
use crate::world::story;

const NOTHING: Counts = Counts { sold: 0, paid: 0 };
const SOLD: Counts = Counts {
    sold: 1,
    paid: 4_200,
};

#[test]
fn a_booking_is_given_back_and_its_seat_is_sold_again() {
    story(|world| async move {
        let hall = world.hall("EUR", &[("A1", 4_200)]).await;
        let reference = world.booked_in(&hall, "A1", "tok_ok").await;
        let input = json!({ "booking_ref": reference });
        let saga = world.start("refund", &reference, input).await;
        world.wait(saga, "completed").await;
        world.assert_hall(&hall, &[], NOTHING).await;
        world.booked_in(&hall, "A1", "tok_slow@void").await;
        world.assert_hall(&hall, &[], SOLD).await;
    });
}

#[test]
fn a_refund_without_an_answer_is_asked_for_and_made_once() {
    story(|world| async move {
        for (token, status) in [
            // It was made, and nobody said so.
            ("tok_timeout_charged@refund", "completed"),
            // It was not, and now never will be: the tickets are valid again.
            ("tok_timeout_uncharged@refund", "compensated"),
        ] {
            let hall = world.hall("EUR", &[("A1", 4_200)]).await;
            let reference = world.booked_in(&hall, "A1", token).await;
            let input = json!({ "booking_ref": reference });
            let saga = world.start("refund", &reference, input).await;
            world.wait(saga, status).await;
            let counts = if status == "completed" { NOTHING } else { SOLD };
            world.assert_hall(&hall, &[saga], counts).await;
        }
    });
}

#[test]
fn a_refund_that_the_provider_refuses_leaves_the_tickets_valid() {
    story(|world| async move {
        let hall = world.hall("EUR", &[("A1", 4_200)]).await;
        let reference = world.booked_in(&hall, "A1", "tok_declined@refund").await;
        let input = json!({ "booking_ref": reference });
        let saga = world.start("refund", &reference, input).await;
        world.wait(saga, "compensated").await;
        world.assert_hall(&hall, &[saga], SOLD).await;
    });
}

#[test]
fn two_refunds_of_one_booking_give_the_money_back_once() {
    story(|world| async move {
        let hall = world.hall("EUR", &[("A1", 4_200)]).await;
        let reference = world.booked_in(&hall, "A1", "tok_ok").await;
        let mut sagas = Vec::new();
        for key in ["first", "second"] {
            let key = format!("{reference} {key}");
            let input = json!({ "booking_ref": reference });
            sagas.push(world.start("refund", &key, input).await);
        }
        let mut ends = Vec::new();
        for saga in &sagas {
            ends.push(world.wait_end(*saga).await);
        }
        ends.sort();
        assert_eq!(ends, ["compensated", "completed"]);
        world.assert_hall(&hall, &sagas, NOTHING).await;
    });
}
