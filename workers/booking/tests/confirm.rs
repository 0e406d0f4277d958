//! Bookings and tickets against a real PostgreSQL (`DATABASE_URL`).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures::future::join_all;
use http_body_util::BodyExt;
use impresario_protocol::{Outcome, Task};
use impresario_worker_sdk::testing::{TestDatabase, TestSaga, compensation, forward};
use impresario_worker_sdk::{Database, Pool};
use serde_json::{Value, json};
use tower::ServiceExt;

async fn booking() -> (Pool, Database, TestDatabase) {
    let keep = TestDatabase::create().await;
    let database = impresario_booking::database(keep.url()).unwrap();
    impresario_booking::migrate(&database).await.unwrap();
    (impresario_booking::pool(&database), database, keep)
}

fn confirm(saga: &TestSaga, seats: &[&str]) -> Task {
    let input = json!({
        "event_id": "e1",
        "seats": seats,
        "hold_id": "h1",
        "customer_email": "ada@example.com",
        "charge_id": "ch_1",
        "price": { "amount": 9500, "currency": "EUR" },
    });
    forward(saga, "confirm", "confirm", input)
}

#[tokio::test]
async fn a_booking_has_a_ticket_for_each_seat_and_can_be_looked_up() {
    let (pool, database, _keep) = booking().await;
    let saga = TestSaga::new(1);
    let Outcome::Succeeded { output } = pool.run(confirm(&saga, &["A1", "A2"]).into()).await else {
        panic!("not confirmed");
    };
    assert_eq!(output["tickets"][1]["seat"], "A2");
    assert_ne!(output["tickets"][0]["code"], output["tickets"][1]["code"]);
    let reference = output["booking_ref"].as_str().unwrap();
    let request = Request::get(format!("/v1/confirmations/{reference}"))
        .body(Body::empty())
        .unwrap();
    let answer = impresario_booking::router(database.clone())
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["seats"], json!(["A1", "A2"]));
    assert_eq!(body["state"], "confirmed");
    let request = Request::get("/v1/confirmations/BK-NOTHING")
        .body(Body::empty())
        .unwrap();
    let answer = impresario_booking::router(database)
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_has_one_live_ticket_whatever_anybody_believes() {
    let (pool, database, _keep) = booking().await;
    // A second pool has its own batches, so the unique index is what decides.
    let other = impresario_booking::pool(&database);
    let tasks = (0..40u32).map(|number| {
        let seats = [format!("B{}", number % 5), format!("B{}", (number + 1) % 5)];
        let pool = if number % 2 == 0 {
            pool.clone()
        } else {
            other.clone()
        };
        async move {
            let seats: Vec<&str> = seats.iter().map(String::as_str).collect();
            loop {
                let outcome = pool
                    .run(confirm(&TestSaga::new(number), &seats).into())
                    .await;
                // Who loses the race to the index itself is told to try again, and then sees the winner.
                if !matches!(outcome, Outcome::Failed(_)) {
                    return outcome;
                }
            }
        }
    });
    let mut confirmed = 0;
    for outcome in join_all(tasks).await {
        match outcome {
            Outcome::Succeeded { .. } => confirmed += 1,
            Outcome::Rejected(problem) => assert_eq!(problem.code, "seat_already_ticketed"),
            other => panic!("{other:?}"),
        }
    }
    assert!(
        (1..=2).contains(&confirmed),
        "{confirmed} of pairs among five seats"
    );
}

#[tokio::test]
async fn a_cancelled_booking_frees_its_seats_for_other_tickets() {
    let (pool, _database, _keep) = booking().await;
    let (first, second) = (TestSaga::new(1), TestSaga::new(2));
    pool.run(confirm(&first, &["C1"]).into()).await;
    let taken = pool.run(confirm(&second, &["C1"]).into()).await;
    assert!(matches!(taken, Outcome::Rejected(_)), "{taken:?}");
    let undone = pool
        .run(compensation(&first, "confirm", "cancel-booking").into())
        .await;
    assert!(matches!(undone, Outcome::Succeeded { .. }), "{undone:?}");
    let third = pool.run(confirm(&TestSaga::new(3), &["C1"]).into()).await;
    assert!(matches!(third, Outcome::Succeeded { .. }), "{third:?}");
}
