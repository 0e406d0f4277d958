//! The waitlist: who is first, who comes next, and how one gets in.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use impresario_protocol::Task;
use impresario_worker_sdk::testing::{TestSaga, compensation, forward};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::fixture::{Catalog, EVENT, catalog};

async fn join(catalog: &Catalog, email: &str, seats: i64) -> (StatusCode, Value) {
    let body = json!({ "customer_email": email, "seats": seats });
    let request = Request::post(format!("/v1/events/{EVENT}/waitlist"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let router =
        impresario_catalog::router(catalog.database.clone(), impresario_catalog::Cache::none());
    let answer = router.oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

fn take(saga: &TestSaga, seats: &[&str]) -> Task {
    let input = json!({ "event_id": EVENT, "seats": seats });
    forward(saga, "take", "waitlist-take", input)
}

fn give_up(saga: &TestSaga) -> Task {
    compensation(saga, "take", "waitlist-return")
}

#[tokio::test]
async fn one_gets_in_once_and_only_with_sense() {
    let catalog = catalog().await;
    let (status, first) = join(&catalog, "ada@example.com", 2).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(join(&catalog, "ada@example.com", 2).await.1, first);
    assert_ne!(join(&catalog, "bob@example.com", 2).await.1, first);
    for (email, seats) in [("ada", 1), ("ada@example.com", 0), ("ada@example.com", 9)] {
        let refused = join(&catalog, email, seats).await;
        assert_eq!(refused.0, StatusCode::BAD_REQUEST, "{email} {seats}");
    }
}

#[tokio::test]
async fn the_first_who_wants_so_many_is_offered_and_comes_last_after_letting_it_pass() {
    let catalog = catalog().await;
    for (email, seats) in [("ada", 1), ("bob", 2), ("eve", 1)] {
        join(&catalog, &format!("{email}@example.com"), seats).await;
    }
    let expect = async |number: u32, email: &str| {
        let saga = TestSaga::new(number);
        let taken = catalog.done(take(&saga, &["A1"])).await;
        assert_eq!(taken["customer_email"], format!("{email}@example.com"));
        saga
    };
    let ada = expect(1, "ada").await;
    let eve = expect(2, "eve").await;
    let nobody = catalog.rejected(take(&TestSaga::new(3), &["A3"])).await;
    assert_eq!(nobody.0, "waitlist_empty", "bob wants two");
    catalog.done(give_up(&ada)).await;
    catalog.done(give_up(&eve)).await;
    join(&catalog, "new@example.com", 1).await;
    expect(4, "new").await;
    // Two offers more, and whoever let all pass is asked no longer.
    for round in 0..2u32 {
        let first = expect(10 + round, "ada").await;
        let second = expect(20 + round, "eve").await;
        catalog.done(give_up(&first)).await;
        catalog.done(give_up(&second)).await;
    }
    let nobody = catalog.rejected(take(&TestSaga::new(30), &["A1"])).await;
    assert_eq!(nobody.0, "waitlist_empty");
}

#[tokio::test]
async fn only_the_saga_that_made_the_offer_closes_the_entry() {
    let catalog = catalog().await;
    join(&catalog, "ada@example.com", 1).await;
    let (ours, other) = (TestSaga::new(1), TestSaga::new(2));
    let taken = catalog.done(take(&ours, &["A1"])).await;
    let close = |saga: &TestSaga| {
        let input = json!({ "entry_id": taken["entry_id"] });
        forward(saga, "leave", "waitlist-close", input)
    };
    assert_eq!(catalog.rejected(close(&other)).await.0, "offer_lost");
    catalog.done(close(&ours)).await;
    // Booked, one may join anew.
    join(&catalog, "ada@example.com", 1).await;
    let again = catalog.done(take(&TestSaga::new(3), &["A2"])).await;
    assert_ne!(again["entry_id"], taken["entry_id"]);
}
