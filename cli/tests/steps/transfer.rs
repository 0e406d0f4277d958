//! Booking by transfer: the money comes in time, its event is lost, it comes too late, or it comes and is not wanted.

use crate::hall::Counts;
use crate::world::story;

const SOLD: Counts = Counts {
    sold: 1,
    paid: 4_200,
};
const NOTHING: Counts = Counts { sold: 0, paid: 0 };

#[test]
fn money_that_comes_in_time_wakes_the_saga_up_and_buys_the_seat() {
    story(|world| async move {
        let hall = world.hall("EUR", &[("A1", 4_200)]).await;
        let order = hall.order("A1", "tok_ok");
        let saga = world.start("booking-by-transfer", &hall.event, order).await;
        world.until_waiting(saga, "paid").await;
        world.wait(saga, "waiting").await;
        let request = world.output(saga, "request").await;
        world.money.pay(&request).await;
        world.wait(saga, "completed").await;
        world.fact(saga, "signal_taken", "paid").await;
        world.assert_hall(&hall, &[saga], SOLD).await;
    });
}

#[test]
fn an_event_that_is_lost_costs_time_and_nothing_else() {
    story(|world| async move {
        let hall = world.hall("EUR", &[("A1", 4_200)]).await;
        let saga = world.id_of_a("impatient-transfer", &hall.event);
        world.money.lose_events_of(saga);
        let order = hall.order("A1", "tok_ok");
        let saga = world.start("impatient-transfer", &hall.event, order).await;
        let request = world.output(saga, "request").await;
        world.money.pay(&request).await;
        world.wait(saga, "completed").await;
        world.fact(saga, "passed_over", "paid").await;
        world.assert_hall(&hall, &[saga], SOLD).await;
    });
}

#[test]
fn money_that_comes_after_the_saga_was_undone_is_given_back() {
    story(|world| async move {
        let hall = world.hall("EUR", &[("A1", 4_200)]).await;
        let order = hall.order("A1", "tok_ok");
        let saga = world.start("impatient-transfer", &hall.event, order).await;
        world.wait(saga, "compensated").await;
        let no = world.fact(saga, "closed", "collect").await;
        assert_eq!(no["problem"]["code"], "payment_not_received");
        world.assert_hall(&hall, &[saga], NOTHING).await;
        // Somebody else has the seat by now.
        world.booked_in(&hall, "A1", "tok_ok").await;
        let request = world.output(saga, "request").await;
        world.money.pay(&request).await;
        world.money.look_for_late_money().await;
        world.assert_hall(&hall, &[saga], SOLD).await;
    });
}

#[test]
fn money_that_is_there_when_the_customer_cancels_is_given_back() {
    story(|world| async move {
        let hall = world.hall("EUR", &[("A1", 4_200)]).await;
        let saga = world.id_of_a("booking-by-transfer", &hall.event);
        world.money.lose_events_of(saga);
        let order = hall.order("A1", "tok_ok");
        let saga = world.start("booking-by-transfer", &hall.event, order).await;
        world.until_waiting(saga, "paid").await;
        let request = world.output(saga, "request").await;
        world.money.pay(&request).await;
        world.cancel(saga).await;
        world.wait(saga, "compensated").await;
        world.assert_hall(&hall, &[saga], NOTHING).await;
    });
}

#[test]
fn a_collecting_that_nobody_answers_is_asked_for() {
    story(|world| async move {
        let hall = world.hall("EUR", &[("A1", 4_200)]).await;
        let order = hall.order("A1", "tok_timeout_charged@collect");
        let saga = world.start("booking-by-transfer", &hall.event, order).await;
        world.until_waiting(saga, "paid").await;
        let request = world.output(saga, "request").await;
        world.money.pay(&request).await;
        world.wait(saga, "completed").await;
        world.assert_hall(&hall, &[saga], SOLD).await;
    });
}
