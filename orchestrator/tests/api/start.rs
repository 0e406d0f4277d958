//! Starting: once for each key, with the outcome in the same answer for those who wait.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use impresario_orchestrator::clock;
use impresario_orchestrator::store::retention;
use serde_json::json;

use crate::bench::{Bench, booking, good, start};

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_waits_gets_the_outcome() {
    let bench = Bench::start().await;
    let answer = bench.book("k1", &good()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    assert_eq!(answer.header("preference-applied"), "wait=20");
    assert_eq!(answer.header("idempotent-replayed"), "");
    let body = answer.json();
    let id = body["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), format!("/v1/bookings/{id}"));
    let expected = json!({
        "id": id,
        "status": "confirmed",
        "sentence": "Your booking is confirmed.",
        "progress": { "done": 7, "of": 7 },
        "facts": {
            "event_id": "0a3f8a52-3d3e-4f0e-9d3c-0d4b9f6f7a11",
            "seats": ["A1"],
            "price": { "amount": 8400, "currency": "EUR" },
            "booking_ref": "B-1",
            "tickets": [{ "seat": "A1", "code": "T-1" }],
        },
        "links": { "self": format!("/v1/bookings/{id}"), "events": format!("/v1/bookings/{id}/events") },
    });
    assert_eq!(body, expected);

    let read = bench.get(&format!("/v1/bookings/{id}")).await;
    assert_eq!((read.status, read.json()), (StatusCode::OK, expected));
    assert_eq!(read.header("etag"), answer.header("etag"));
    let again = Request::get(format!("/v1/bookings/{id}"))
        .header("if-none-match", read.header("etag"))
        .body(Body::empty())
        .unwrap();
    let again = bench.send(again).await;
    assert_eq!(
        (again.status, again.text.as_str()),
        (StatusCode::NOT_MODIFIED, "")
    );

    let declined = bench
        .book("k2", &booking("A1", "tok_declined", "ana@example.org"))
        .await;
    assert_eq!(declined.status, StatusCode::CREATED);
    let declined = declined.json();
    assert_eq!(declined["status"], "declined");
    assert_eq!(declined["reason"], "card_declined");
    assert_eq!(
        declined["sentence"],
        "Your bank declined the payment. You have paid nothing."
    );
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_does_not_wait_is_told_where_to_look() {
    let bench = Bench::start().await;
    let slow = booking("A1", "tok_slow", "ana@example.org").to_string();
    let answer = bench
        .send(start("/v1/bookings", "k1", slow.clone(), &[]))
        .await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    assert_eq!(answer.header("retry-after"), "1");
    // A busy machine may have come further by the time of the answer.
    let etag = answer.header("etag");
    assert!(["\"seq-1\"", "\"seq-2\""].contains(&etag), "{etag}");
    assert_eq!(answer.json()["status"], "processing");
    let location = answer.header("location").to_owned();

    let waited = start("/v1/bookings", "k1", slow.clone(), &[("prefer", "wait=1")]);
    let waited = bench.send(waited).await;
    assert_eq!(waited.status, StatusCode::ACCEPTED);
    assert_eq!(waited.header("preference-applied"), "wait=1");
    assert_eq!(waited.header("idempotent-replayed"), "true");
    assert_eq!(waited.header("location"), location);
    assert_eq!(waited.json()["progress"]["done"], 1);

    let async_ = start(
        "/v1/bookings",
        "k1",
        slow,
        &[("prefer", "respond-async, wait=5")],
    );
    assert_eq!(bench.send(async_).await.header("preference-applied"), "");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h01_a_key_is_one_intention() {
    let bench = Bench::start().await;
    let first = bench.book("k1", &good()).await;
    let rows = bench.rows().await;
    // The same in other words: key quoted, fields in another order, spaces.
    let respelt = r#" { "payment_token":"tok_visa","seats":[ "A1" ], "customer_email":"ana@example.org",
        "event_id":"0a3f8a52-3d3e-4f0e-9d3c-0d4b9f6f7a11"}"#;
    let again = bench
        .send(start(
            "/v1/bookings",
            "\"k1\"",
            respelt,
            &[("prefer", "wait=20")],
        ))
        .await;
    assert_eq!(again.status, StatusCode::OK, "{again:?}");
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.text, first.text);

    let other = bench
        .book("k1", &booking("A2", "tok_visa", "ana@example.org"))
        .await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(other.code(), "idempotency_key_reused");
    assert_eq!(bench.rows().await, rows);

    // Another definition's keys are other keys.
    let body = json!({ "id": "x" }).to_string();
    let trivial = bench
        .send(start("/v1/trivials", "k1", body, &[("prefer", "wait=20")]))
        .await;
    assert_eq!(trivial.status, StatusCode::CREATED, "{trivial:?}");
    let id = trivial.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(
        bench.get(&format!("/v1/bookings/{id}")).await.code(),
        "not_found"
    );
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h01_sixty_four_equal_requests_at_once_are_one_saga() {
    let bench = std::sync::Arc::new(Bench::start().await);
    let requests = (0..64).map(|_| {
        let bench = std::sync::Arc::clone(&bench);
        tokio::spawn(async move { bench.book("k1", &good()).await })
    });
    let mut created = 0;
    let mut bodies = std::collections::BTreeSet::new();
    for request in requests.collect::<Vec<_>>() {
        let answer = request.await.unwrap();
        assert!(answer.status.is_success(), "{answer:?}");
        created += usize::from(answer.status == StatusCode::CREATED);
        bodies.insert(answer.text);
    }
    assert_eq!((created, bodies.len()), (1, 1), "{bodies:?}");
    let sagas: i64 = sqlx::query_scalar("select count(*) from saga")
        .fetch_one(&bench.engine.database().pool)
        .await
        .unwrap();
    assert_eq!(sagas, 1);
    std::sync::Arc::into_inner(bench).unwrap().end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h32_a_caller_who_hangs_up_breaks_nothing() {
    let bench = Bench::start().await;
    let body = good();
    for turn in 0..40_u64 {
        let booked = bench.book("k1", &body);
        let patience = std::time::Duration::from_micros(turn * 150);
        tokio::time::timeout(patience, booked).await.ok();
    }
    let answer = bench.book("k1", &good()).await;
    assert!(answer.status.is_success(), "{answer:?}");
    assert_eq!(answer.json()["status"], "confirmed");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_outlives_the_record_of_what_it_started() {
    let bench = Bench::start().await;
    let first = bench.book("k1", &good()).await;
    let id = first.json()["id"].as_str().unwrap().to_owned();
    let much_later = clock::now() + 40 * 86_400_000;
    let turn = retention::turn(bench.engine.database(), much_later, 30).await;
    assert_eq!(turn.unwrap().unwrap().kept_open, []);

    let read = bench.get(&format!("/v1/bookings/{id}")).await;
    assert_eq!(read.code(), "not_found");
    let again = bench.book("k1", &good()).await;
    assert_eq!(again.status, StatusCode::GONE, "{again:?}");
    assert_eq!(again.code(), "gone");
    // Another body under the key is still another body.
    let other = booking("A2", "tok_visa", "ana@example.org");
    assert_eq!(
        bench.book("k1", &other).await.code(),
        "idempotency_key_reused"
    );
    bench.end().await;
}
