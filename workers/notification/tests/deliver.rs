//! Webhooks against a real PostgreSQL (`DATABASE_URL`) and a receiver over real HTTP.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use impresario_notification::{Config, Secret};
use impresario_protocol::{Outcome, Task};
use impresario_worker_sdk::Database;
use impresario_worker_sdk::testing::{TestDatabase, TestSaga, forward};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

type Received = Arc<Mutex<Vec<(HeaderMap, Value)>>>;

fn secret() -> Secret {
    Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()
}

fn task(number: u32) -> Task {
    let tickets = json!([{ "seat": "A1", "code": "T-1" }]);
    let input = json!({ "booking_ref": "BK-1", "email": "ada@example.com", "tickets": tickets,
                        "price": { "amount": 1, "currency": "EUR" } });
    forward(&TestSaga::new(number), "notify", "booking-confirmed", input)
}

async fn database() -> (Database, TestDatabase) {
    let keep = TestDatabase::create().await;
    let database = impresario_notification::database(keep.url()).unwrap();
    impresario_notification::migrate(&database).await.unwrap();
    (database, keep)
}

async fn states(database: &Database) -> Vec<String> {
    sqlx::query_scalar("select state from delivery order by created_at")
        .fetch_all(database.pool())
        .await
        .unwrap()
}

/// Receives; the first `failures` posts are answered 500.
async fn receiver(failures: usize) -> (String, Received) {
    async fn receive(
        State((received, failures)): State<(Received, usize)>,
        headers: HeaderMap,
        body: Bytes,
    ) -> StatusCode {
        let mut received = received.lock().unwrap();
        received.push((headers, serde_json::from_slice(&body).unwrap()));
        if received.len() > failures {
            StatusCode::NO_CONTENT
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
    let received = Received::default();
    let router = Router::new()
        .route("/hook", post(receive))
        .with_state((received.clone(), failures));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, received)
}

async fn wait_for(database: &Database, state: &str) {
    for _ in 0..500 {
        if states(database).await == [state] {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not {state}: {:?}", states(database).await);
}

fn config(url: String, attempts_max: i32) -> Config {
    Config {
        url: Some(url),
        attempts_max,
        retry_first: Duration::from_millis(10),
        ..Config::stored_only(secret())
    }
}

#[tokio::test]
async fn without_a_receiver_a_delivery_is_signed_and_stored_once() {
    let (database, _keep) = database().await;
    let pool = impresario_notification::pool(&database, &Config::stored_only(secret()));
    let first = pool.run(task(1).into()).await;
    let Outcome::Succeeded { output } = &first else {
        panic!("{first:?}")
    };
    assert!(output["delivery_id"].as_str().unwrap().starts_with("msg_"));
    assert_eq!(pool.run(task(1).into()).await, first);
    assert_eq!(states(&database).await, ["stored"]);
}

#[tokio::test]
async fn a_delivery_is_posted_until_it_is_taken() {
    let (database, _keep) = database().await;
    let (url, received) = receiver(2).await;
    let config = config(url, 5);
    let pool = impresario_notification::pool(&database, &config);
    pool.run(task(1).into()).await;
    assert_eq!(states(&database).await, ["pending"]);
    let stop = CancellationToken::new();
    let deliverer = impresario_notification::run_deliverer(database.clone(), config, stop.clone());
    let deliverer = tokio::spawn(deliverer);
    wait_for(&database, "delivered").await;
    let received = received.lock().unwrap().clone();
    assert_eq!(received.len(), 3);
    assert!(
        received
            .iter()
            .all(|(headers, _)| headers["webhook-id"] == received[0].0["webhook-id"])
    );
    let (headers, body) = &received[2];
    assert!(
        headers["webhook-signature"]
            .to_str()
            .unwrap()
            .starts_with("v1,")
    );
    assert!(
        headers["webhook-timestamp"]
            .to_str()
            .unwrap()
            .parse::<i64>()
            .unwrap()
            > 1_700_000_000
    );
    assert_eq!(body["type"], "booking.confirmed");
    assert_eq!(body["data"]["booking_ref"], "BK-1");
    assert_eq!(body["data"]["price"]["amount"], 1);
    stop.cancel();
    deliverer.await.unwrap();
}

#[tokio::test]
async fn a_receiver_that_never_takes_it_is_given_up() {
    let (database, _keep) = database().await;
    let (url, received) = receiver(usize::MAX).await;
    let config = config(url, 2);
    impresario_notification::pool(&database, &config)
        .run(task(1).into())
        .await;
    let stop = CancellationToken::new();
    let deliverer = impresario_notification::run_deliverer(database.clone(), config, stop.clone());
    let deliverer = tokio::spawn(deliverer);
    wait_for(&database, "failed").await;
    assert_eq!(received.lock().unwrap().len(), 2);
    stop.cancel();
    deliverer.await.unwrap();
}

#[tokio::test]
async fn each_kind_says_its_name_and_asks_for_what_it_needs() {
    let (database, _keep) = database().await;
    let pool = impresario_notification::pool(&database, &Config::stored_only(secret()));
    let inputs = [
        ("booking-refunded", "booking.refunded", "booking_ref"),
        ("event-cancelled", "event.cancelled", "event_id"),
        ("seat-offered", "seat.offered", "seats"),
    ];
    for (number, (task, kind, needed)) in (1..).zip(inputs) {
        let mut input = json!({ "customer_email": "ada@example.com", "entry_id": "w1" });
        input[needed] = json!("something");
        let saga = TestSaga::new(number);
        let sent = pool.run(forward(&saga, "notify", task, input.clone()).into());
        assert!(matches!(sent.await, Outcome::Succeeded { .. }), "{task}");
        let (stored, body): (String, String) =
            sqlx::query_as("select kind, body from delivery where saga = $1")
                .bind(&saga.id)
                .fetch_one(database.pool())
                .await
                .unwrap();
        assert_eq!(stored, kind);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (&body["type"], &body["data"][needed]),
            (&json!(kind), &json!("something"))
        );
        assert_eq!(body["data"]["email"], "ada@example.com");
        input[needed] = Value::Null;
        let saga = TestSaga::new(100 + number);
        let incomplete = pool.run(forward(&saga, "notify", task, input).into()).await;
        assert!(
            matches!(&incomplete, Outcome::Failed(problem) if problem.code == "bad_input"),
            "{incomplete:?}"
        );
    }
}
