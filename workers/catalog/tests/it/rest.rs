//! What customers see.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use impresario_worker_sdk::testing::TestSaga;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::fixture::{Catalog, EVENT, catalog, hold, pin, sell};

async fn get(catalog: &Catalog, path: &str) -> (StatusCode, Value) {
    let router =
        impresario_catalog::router(catalog.database.clone(), impresario_catalog::Cache::none());
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = router.oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn events_come_in_pages_soonest_first() {
    let catalog = catalog().await;
    let (_, first) = get(&catalog, "/v1/events?limit=2").await;
    let titles: Vec<&str> = first["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["title"].as_str().unwrap())
        .collect();
    assert_eq!(titles, ["The Small Hours Quartet", "Midnight Orchestra"]);
    let next = first["next_cursor"].as_str().unwrap();
    let (_, second) = get(&catalog, &format!("/v1/events?limit=2&cursor={next}")).await;
    assert_eq!(second["data"][0]["title"], "Paper Moons");
    assert_eq!(second["data"].as_array().unwrap().len(), 1);
    assert_eq!(second.get("next_cursor"), None);
}

#[tokio::test]
async fn an_event_tells_what_is_left() {
    let catalog = catalog().await;
    catalog.done(hold(&TestSaga::new(1), &["A1"])).await;
    let (status, event) = get(&catalog, &format!("/v1/events/{EVENT}")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(event["seats"], 400);
    assert_eq!(event["seats_free"], 399);
    assert_eq!(event["price_from"], 3500);
}

#[tokio::test]
async fn the_seat_map_shows_free_held_and_sold() {
    let catalog = catalog().await;
    let saga = TestSaga::new(1);
    let sold = catalog.done(hold(&saga, &["A1"])).await;
    catalog.done(pin(&saga, &sold["hold_id"])).await;
    catalog.done(sell(&saga, &sold["hold_id"])).await;
    catalog.done(hold(&TestSaga::new(2), &["A10"])).await;
    let (_, page) = get(&catalog, &format!("/v1/events/{EVENT}/seats?limit=3")).await;
    let statuses: Vec<(&str, &str)> = page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|seat| {
            (
                seat["seat"].as_str().unwrap(),
                seat["status"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(statuses, [("A1", "sold"), ("A10", "held"), ("A11", "free")]);
    assert_eq!(
        page["data"][0]["price"],
        json!({ "amount": 9500, "currency": "EUR" })
    );
    assert_eq!(page["next_cursor"], "A11");
    let (_, all) = get(&catalog, &format!("/v1/events/{EVENT}/seats?limit=500")).await;
    assert_eq!(all["data"].as_array().unwrap().len(), 400);
    assert_eq!(all.get("next_cursor"), None);
}

#[tokio::test]
async fn errors_are_problem_documents() {
    let catalog = catalog().await;
    let nowhere = "/v1/events/00000000-0000-4000-8000-000000000000";
    for (path, status, code) in [
        (nowhere.to_owned(), 404, "not_found"),
        (format!("{nowhere}/seats"), 404, "not_found"),
        ("/v1/events/tonight".into(), 400, "bad_request"),
        ("/v1/events?limit=0".into(), 400, "bad_request"),
        ("/v1/events?limit=100000".into(), 400, "bad_request"),
        ("/v1/events?offset=3".into(), 400, "bad_request"),
        (
            format!("/v1/events/{EVENT}/seats?limit=x"),
            400,
            "bad_request",
        ),
    ] {
        let (seen, body) = get(&catalog, &path).await;
        assert_eq!(
            (seen.as_u16(), body["code"].as_str()),
            (status, Some(code)),
            "{path}"
        );
        assert_eq!(body["status"], status, "{path}");
    }
}

#[tokio::test]
async fn seeding_twice_changes_nothing() {
    let catalog = catalog().await;
    let options = impresario_catalog::SeedOptions { hot_event: true };
    for _ in 0..2 {
        let ids = impresario_catalog::seed(&catalog.database, options)
            .await
            .unwrap();
        assert_eq!(ids.len(), 4);
    }
    let (_, events) = get(&catalog, "/v1/events").await;
    let seats: Vec<i64> = events["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["seats"].as_i64().unwrap())
        .collect();
    assert_eq!(seats, [60, 400, 160, 20_000]);
}
