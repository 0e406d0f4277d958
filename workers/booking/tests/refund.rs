//! Bookings that are given back, and lists of those that are not, against a real PostgreSQL (`DATABASE_URL`).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use impresario_protocol::{Outcome, Task};
use impresario_worker_sdk::Pool;
use impresario_worker_sdk::testing::{TestDatabase, TestSaga, compensation, forward};
use serde_json::{Value, json};

async fn booking() -> (Pool, TestDatabase) {
    let keep = TestDatabase::create().await;
    let database = impresario_booking::database(keep.url()).unwrap();
    impresario_booking::migrate(&database).await.unwrap();
    (impresario_booking::pool(&database), keep)
}

async fn done(pool: &Pool, task: Task) -> Value {
    match pool.run(task.into()).await {
        Outcome::Succeeded { output } => output,
        other => panic!("not done: {other:?}"),
    }
}

async fn code(pool: &Pool, task: Task) -> (&'static str, String) {
    match pool.run(task.into()).await {
        Outcome::Rejected(problem) => ("rejected", problem.code),
        Outcome::Failed(problem) => ("failed", problem.code),
        other => panic!("neither rejected nor failed: {other:?}"),
    }
}

async fn booked(pool: &Pool, number: u32, hold: &str, seat: &str) -> String {
    let input = json!({
        "event_id": "e1",
        "seats": [seat],
        "hold_id": hold,
        "customer_email": "ada@example.com",
        "charge_id": "ch_1",
        "price": { "amount": 9500, "currency": "EUR" },
    });
    let task = forward(&TestSaga::new(number), "confirm", "confirm", input);
    let output = done(pool, task).await;
    output["booking_ref"].as_str().unwrap().to_owned()
}

fn void(number: u32, booking_ref: &str) -> Task {
    let input = json!({ "booking_ref": booking_ref });
    forward(&TestSaga::new(number), "void", "void-tickets", input)
}

fn record(number: u32, booking_ref: &str) -> Task {
    let input = json!({ "booking_ref": booking_ref });
    forward(&TestSaga::new(number), "record", "record-refund", input)
}

fn restore(number: u32) -> Task {
    compensation(&TestSaga::new(number), "void", "restore-tickets")
}

fn list(number: u32, holds: &[&str]) -> Task {
    let input = json!({ "event_id": "e1", "holds": holds });
    forward(&TestSaga::new(number), "list", "list-bookings", input)
}

#[tokio::test]
async fn a_booking_is_given_back_by_one_saga_and_once() {
    let (pool, _keep) = booking().await;
    let reference = booked(&pool, 1, "h1", "A1").await;
    let voided = done(&pool, void(2, &reference)).await;
    assert_eq!(voided["voided"], true);
    assert_eq!(voided["hold_id"], "h1");
    assert_eq!(voided["charge_id"], "ch_1");
    assert_eq!(
        voided["price"],
        json!({ "amount": 9500, "currency": "EUR" })
    );
    assert_eq!(voided["seats"], json!(["A1"]));
    let meanwhile = code(&pool, void(3, &reference)).await;
    assert_eq!(meanwhile, ("failed", "refund_under_way".to_owned()));
    let other = code(&pool, record(3, &reference)).await;
    assert_eq!(other, ("rejected", "not_claimed".to_owned()));
    done(&pool, record(2, &reference)).await;
    let later = code(&pool, void(4, &reference)).await;
    assert_eq!(later, ("rejected", "already_refunded".to_owned()));
    let mut lenient = void(5, &reference);
    lenient.input["accept_refunded"] = json!(true);
    assert_eq!(done(&pool, lenient).await["voided"], false);
    // What did nothing undoes nothing.
    done(&pool, restore(5)).await;
    let still = code(&pool, void(6, &reference)).await;
    assert_eq!(still, ("rejected", "already_refunded".to_owned()));
    // Its seat can have another ticket.
    booked(&pool, 7, "h7", "A1").await;
    let unknown = code(&pool, void(8, "BK-NOTHING000")).await;
    assert_eq!(unknown, ("rejected", "unknown_booking".to_owned()));
}

#[tokio::test]
async fn a_refund_that_turns_around_makes_the_tickets_valid_again() {
    let (pool, _keep) = booking().await;
    let reference = booked(&pool, 1, "h1", "A1").await;
    done(&pool, void(2, &reference)).await;
    done(&pool, restore(2)).await;
    let input = json!({
        "event_id": "e1", "seats": ["A1"], "hold_id": "h2", "customer_email": "b@example.com",
        "charge_id": "ch_2", "price": { "amount": 1, "currency": "EUR" },
    });
    let second = forward(&TestSaga::new(3), "confirm", "confirm", input);
    let taken = code(&pool, second).await;
    assert_eq!(taken, ("rejected", "seat_already_ticketed".to_owned()));
    assert_eq!(done(&pool, void(4, &reference)).await["voided"], true);
}

#[tokio::test]
async fn the_list_waits_for_every_sold_hold_and_leaves_out_what_was_given_back() {
    let (pool, _keep) = booking().await;
    let first = booked(&pool, 1, "h1", "A1").await;
    let second = booked(&pool, 2, "h2", "A2").await;
    done(&pool, void(3, &second)).await;
    done(&pool, record(3, &second)).await;
    let early = code(&pool, list(4, &["h1", "h2", "h9"])).await;
    assert_eq!(early, ("failed", "bookings_missing".to_owned()));
    let third = booked(&pool, 5, "h9", "A3").await;
    let listed = done(&pool, list(4, &["h1", "h2", "h9"])).await;
    assert_eq!(
        (&listed["count"], &listed["total"]),
        (&json!(2), &json!(19_000))
    );
    let mut references: Vec<&str> = listed["bookings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|booking| booking["booking_ref"].as_str().unwrap())
        .collect();
    references.sort_unstable();
    let mut expected = [first.as_str(), third.as_str()];
    expected.sort_unstable();
    assert_eq!(references, expected);
}
