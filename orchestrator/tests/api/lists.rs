//! Finding sagas: filters, pages, and everything about one.

use axum::http::StatusCode;
use impresario_workflows::definition::SHIPPED;
use serde_json::{Value, json};

use crate::bench::{Bench, booking, good, start};

async fn ids(bench: &Bench, query: &str) -> Vec<String> {
    let answer = bench.get(&format!("/v1/sagas?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{query}: {answer:?}");
    let body = answer.json();
    let data = body["data"].as_array().unwrap();
    data.iter()
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Five trivial sagas and two bookings, one of them stuck; oldest first.
async fn seven(bench: &Bench) -> Vec<String> {
    let mut made = Vec::new();
    let wait = [("prefer", "wait=20")];
    for n in 0..5 {
        let body = json!({ "id": format!("t{n}"), "fail": n == 4 }).to_string();
        let answer = bench
            .send(start("/v1/trivials", &format!("t{n}"), body, &wait))
            .await;
        made.push(answer.json()["id"].as_str().unwrap().to_owned());
    }
    for (key, email) in [("b1", "ana@example.org"), ("b2", "late@example.org")] {
        let answer = bench.book(key, &booking("A1", "tok_visa", email)).await;
        made.push(answer.json()["id"].as_str().unwrap().to_owned());
    }
    made
}

#[tokio::test(flavor = "multi_thread")]
async fn sagas_are_found_by_what_is_known_of_them() {
    let bench = Bench::start().await;
    let made = seven(&bench).await;
    let newest_first: Vec<String> = made.iter().rev().cloned().collect();
    assert_eq!(ids(&bench, "").await, newest_first);
    assert_eq!(ids(&bench, "status=stuck").await, [made[6].clone()]);
    assert_eq!(
        ids(&bench, "status=compensated&definition=trivial").await,
        [made[4].clone()]
    );
    assert_eq!(ids(&bench, "business_key=t1").await, [made[1].clone()]);
    assert_eq!(
        ids(&bench, "attribute.customer_email=ana%40example.org").await,
        [made[5].clone()]
    );
    assert_eq!(ids(&bench, "definition=booking").await.len(), 2);
    assert_eq!(ids(&bench, "definition=nothing").await.len(), 0);
    assert_eq!(
        ids(&bench, "started%5Bgte%5D=2020-01-01T00:00:00Z")
            .await
            .len(),
        7
    );
    assert_eq!(
        ids(&bench, "started[lt]=2020-01-01T00:00:00Z").await.len(),
        0
    );

    let list = bench.get("/v1/sagas?limit=1").await.json();
    let row = &list["data"][0];
    assert_eq!(
        (&row["definition"], &row["status"]),
        (&json!("booking"), &json!("stuck"))
    );
    let middle = row["started_at"].as_str().unwrap();
    assert!(middle.len() == 24 && middle.ends_with('Z'), "{middle}");
    assert_eq!(
        ids(&bench, &format!("started[gte]={middle}")).await,
        [made[6].clone()]
    );
    assert_eq!(ids(&bench, &format!("started[lt]={middle}")).await.len(), 6);
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_and_cursors_stay_with_their_list() {
    let bench = Bench::start().await;
    let made = seven(&bench).await;
    let mut found = Vec::new();
    let mut cursor = String::new();
    let mut pages = 0;
    loop {
        let page = bench
            .get(&format!("/v1/sagas?definition=trivial&limit=2{cursor}"))
            .await
            .json();
        pages += 1;
        let rows = page["data"].as_array().unwrap().clone();
        found.extend(
            rows.iter()
                .map(|row| row["id"].as_str().unwrap().to_owned()),
        );
        assert_eq!(page["has_more"], page["next_cursor"].is_string());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let mut expected = made[..5].to_vec();
    expected.reverse();
    assert_eq!((found, pages), (expected, 3));

    for query in [
        format!("limit=2{cursor}"),
        format!("definition=booking{cursor}"),
        format!("definition=trivial{cursor}A"),
        "cursor=AAAA".to_owned(),
    ] {
        let answer = bench.get(&format!("/v1/sagas?{query}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (400, "invalid_cursor"),
            "{query}"
        );
    }
    for query in [
        "statsu=stuck",
        "status=odd",
        "limit=0",
        "limit=201",
        "limit=1&limit=2",
        "business_key=%00",
        "tenant=x",
    ] {
        let answer = bench.get(&format!("/v1/sagas?{query}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (400, "malformed_query"),
            "{query}"
        );
    }
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_saga_is_told_with_everything_about_it() {
    let bench = Bench::start().await;
    let booked = bench
        .book("k1", &booking("Z9", "tok_visa", "ana@example.org"))
        .await
        .json();
    let id = booked["id"].as_str().unwrap();
    let answer = bench.get(&format!("/v1/sagas/{id}")).await;
    let saga = answer.json();
    let seq = saga["seq"].as_i64().unwrap();
    assert_eq!(answer.header("etag"), format!("\"seq-{seq}\""));
    assert_eq!(saga["status"], "compensated");
    assert_eq!(
        saga["explanation"],
        "Undone, because `hold` was rejected (seats_taken)."
    );
    assert_eq!(saga["definition"]["name"], "booking");
    assert_eq!(saga["attributes"]["customer_email"], "ana@example.org");
    let steps = saga["steps"].as_array().unwrap();
    let hold = &steps[0];
    assert_eq!(
        (&hold["id"], &hold["state"]),
        (&json!("hold"), &json!("closed"))
    );
    assert_eq!(hold["problem"]["code"], "seats_taken");
    assert_eq!((&steps[1]["state"], steps.len()), (&json!("pending"), 7));
    let journal = saga["journal"].as_array().unwrap();
    let numbers: Vec<i64> = journal
        .iter()
        .map(|row| row["seq"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=seq).collect::<Vec<_>>());
    assert_eq!(journal[0]["events"][0]["event"], "started");
    assert_eq!(journal[0]["by"], json!(["start"]));
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_and_machines_pages_answer() {
    let bench = Bench::start().await;
    let names: Vec<Value> = bench.get("/v1/definitions").await.json()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|definition| definition["name"].clone())
        .collect();
    let mut shipped: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
    shipped.sort_unstable();
    assert_eq!(names, shipped);
    let booking = bench.get("/v1/definitions/booking").await.json();
    assert_eq!(booking["rest"], "bookings");
    assert_eq!(booking["canonical"]["saga"], "booking");
    assert!(
        booking["mermaid"]
            .as_str()
            .unwrap()
            .starts_with("flowchart TD")
    );
    assert_eq!(
        bench.get("/healthz").await.json(),
        json!({ "status": "alive" })
    );
    let ready = json!({ "ready": true, "database": true, "broker": true });
    assert_eq!(bench.get("/readyz").await.json(), ready);
    assert_eq!(bench.get("/metrics").await.status, StatusCode::OK);
    assert_eq!(bench.get("/openapi.json").await.json()["openapi"], "3.1.0");

    // Without a database the process lives, is not ready, and says no more than that.
    bench.engine.database().pool.close().await;
    assert_eq!(bench.get("/healthz").await.status, StatusCode::OK);
    let ready = bench.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.json()["database"], false);
    let list = bench.get("/v1/sagas").await;
    assert_eq!(
        (list.code().as_str(), list.header("retry-after")),
        ("unavailable", "1")
    );
    let waited = bench.book("k1", &good()).await;
    assert!(
        waited.status.is_success(),
        "the commit path has its own connection: {waited:?}"
    );
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_takes_too_long_is_given_up() {
    let bench = Bench::start().await;
    let pool = bench.engine.database().pool.clone();
    let mut other = pool.begin().await.unwrap();
    sqlx::query("lock table saga in access exclusive mode")
        .execute(&mut *other)
        .await
        .unwrap();
    let answer = bench.get("/v1/sagas").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (422, "search_too_wide")
    );
    other.rollback().await.unwrap();
    assert_eq!(bench.get("/v1/sagas").await.status, StatusCode::OK);
    bench.end().await;
}
