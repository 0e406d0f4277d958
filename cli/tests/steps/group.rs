//! A group gets all of its parts or none.

use serde_json::{Value, json};

use crate::hall::{Counts, Hall};
use crate::world::story;

const NOTHING: Counts = Counts { sold: 0, paid: 0 };

fn order(parts: &[(&Hall, &[&str])]) -> Value {
    let parts: Vec<Value> = parts
        .iter()
        .map(|(hall, seats)| json!({ "event_id": hall.event, "seats": seats }))
        .collect();
    json!({
        "parts": parts,
        "customer_email": "ana@example.org",
        "payment_token": "tok_ok",
    })
}

#[test]
fn a_group_in_two_events_pays_once_and_one_booking_of_it_can_be_refunded() {
    story(|world| async move {
        let matinee = world.hall("EUR", &[("A1", 1_000), ("A2", 1_000)]).await;
        let evening = world.hall("EUR", &[("B1", 2_500)]).await;
        let order = order(&[(&matinee, &["A1", "A2"]), (&evening, &["B1"])]);
        let saga = world.start("group-booking", &matinee.event, order).await;
        world.wait(saga, "completed").await;
        assert_eq!(world.captured(saga).await, [4_500], "one charge for all");
        // The money is one charge of the group's saga, so it is counted with either hall.
        let all = Counts {
            sold: 2,
            paid: 4_500,
        };
        world.assert_hall(&matinee, &[], all).await;
        let bookings = world.output(saga, "confirm").await;
        let reference = &bookings[1]["booking_ref"];
        let input = json!({ "booking_ref": reference });
        let refund = world.start("refund", &evening.event, input).await;
        world.wait(refund, "completed").await;
        let rest = Counts {
            sold: 0,
            paid: 2_000,
        };
        world.assert_hall(&evening, &[], rest).await;
    });
}

#[test]
fn one_seat_that_is_taken_undoes_the_whole_group() {
    story(|world| async move {
        let seats = [("A1", 1_000), ("A2", 1_000), ("A3", 1_000)];
        let hall = world.hall("EUR", &seats).await;
        world.booked_in(&hall, "A2", "tok_ok").await;
        let parts: [(&Hall, &[&str]); 3] = [(&hall, &["A1"]), (&hall, &["A2"]), (&hall, &["A3"])];
        let saga = world
            .start("group-booking", &hall.event, order(&parts))
            .await;
        world.wait(saga, "compensated").await;
        let no = world.fact(saga, "closed", "hold:1").await;
        assert_eq!(no["problem"]["code"], "seats_taken");
        let other = Counts {
            sold: 1,
            paid: 1_000,
        };
        world.assert_hall(&hall, &[saga], other).await;
    });
}

#[test]
fn parts_in_two_currencies_cannot_be_paid_together() {
    story(|world| async move {
        let euro = world.hall("EUR", &[("A1", 1_000)]).await;
        let franc = world.hall("CHF", &[("A1", 1_000)]).await;
        let order = order(&[(&euro, &["A1"]), (&franc, &["A1"])]);
        let saga = world.start("group-booking", &euro.event, order).await;
        world.wait(saga, "compensated").await;
        let no = world.fact(saga, "closed", "authorize").await;
        assert_eq!(no["problem"]["code"], "bad_amount");
        world.assert_hall(&euro, &[saga], NOTHING).await;
        world.assert_hall(&franc, &[saga], NOTHING).await;
    });
}
