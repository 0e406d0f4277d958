//! Running sagas go on under another version of their definition, or are refused with the reason and the story.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, start};
use crate::definitions::{PATIENT, upload};

/// The patient's second version: nobody has to decide.
fn without_a_person() -> String {
    let release =
        "  release:\n    needs: [paid]\n    approve: { roles: [finance], timeout: 30m }\n";
    assert!(PATIENT.contains(release));
    PATIENT
        .replace("version: 1", "version: 2")
        .replace(release, "")
}

/// A charge that nobody takes back when the ticket is refused.
const CARELESS: &str = "  charge:
    needs: [paid]
    task: payment/charge
    effect: charge
    compensate: none
    reason: by hand
  ticket:
    needs: [charge]
    task: booking/print
    effect: ticket
    compensate: { task: booking/void }
invariants:
  - charge implies ticket
output:";

async fn ordered(bench: &Bench, key: Option<&str>, body: Value) -> Answer {
    let request = Request::builder()
        .method(Method::POST)
        .uri("/v1/definitions/patient/migrations")
        .header("content-type", "application/json")
        .header("x-impresario-operator", "ana");
    let request = match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    };
    bench
        .send(request.body(Body::from(body.to_string())).unwrap())
        .await
}

/// Sagas of these orders that wait for their payment.
async fn waiting(bench: &Bench, orders: &[&str]) -> Vec<String> {
    upload(bench, json!({ "source": PATIENT })).await;
    let mut ids = Vec::new();
    for order in orders {
        let body = json!({ "order": order }).to_string();
        let started = bench.send(start("/v1/patients", order, body, &[])).await;
        let id = started.json()["id"].as_str().unwrap().to_owned();
        stands(bench, &id, "waiting").await;
        ids.push(id);
    }
    ids
}

async fn stands(bench: &Bench, id: &str, status: &str) -> Value {
    let path = format!("/v1/sagas/{id}");
    let there = bench.until(&path, |answer| answer.json()["status"] == status);
    there.await.json()
}

async fn pay(bench: &Bench, id: &str, order: &str) {
    let body = json!({ "name": "payment.settled", "payload": { "order": order } });
    let path = format!("/v1/sagas/{id}/signals");
    let answer = bench.send(start(&path, order, body.to_string(), &[])).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
}

fn dry(to: u32) -> Value {
    json!({ "from": 1, "to": to, "dry_run": true })
}

fn wet(to: u32) -> Value {
    json!({ "from": 1, "to": to, "reason": "nobody has time" })
}

#[tokio::test(flavor = "multi_thread")]
async fn h19_a_dry_run_tells_where_sagas_stand_and_changes_nothing_and_a_migration_moves_them() {
    let bench = Bench::start().await;
    let ids = waiting(&bench, &["o1", "o2", "o3"]).await;
    pay(&bench, &ids[2], "o3").await;
    let paid = bench.get(&format!("/v1/sagas/{}", ids[2])).await.json();
    upload(&bench, json!({ "source": without_a_person() })).await;

    let rows = bench.rows().await;
    let told = ordered(&bench, None, dry(2)).await;
    assert_eq!(told.status, StatusCode::OK, "{told:?}");
    let table = told.json();
    assert_eq!(
        (&table["dry_run"], &table["migrated"]),
        (&json!(true), &json!(0))
    );
    let positions = table["positions"].as_array().unwrap();
    assert_eq!(positions.len(), 2, "{positions:?}");
    let at = |position: &str| {
        positions
            .iter()
            .find(|row| row["position"] == position)
            .unwrap()
    };
    let unpaid = at("forward: paid waiting");
    assert_eq!(
        (&unpaid["sagas"], &unpaid["verdict"]),
        (&json!(2), &json!("proved"))
    );
    assert!(unpaid["states"].as_u64().unwrap() > 1);
    // Who has come to a step that is gone stays what it is.
    let released = at("forward: paid done, release waiting");
    assert_eq!(
        (&released["sagas"], &released["verdict"]),
        (&json!(1), &json!("refused"))
    );
    assert_eq!(released["examples"], json!([ids[2]]));
    assert!(
        released["why"].as_str().unwrap().contains("`release`"),
        "{released}"
    );
    assert_eq!(bench.rows().await, rows, "a dry run changes nothing");
    assert_eq!(bench.get("/v1/audit").await.json()["data"], json!([]));

    let done = ordered(&bench, Some("m1"), wet(2)).await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
    assert_eq!(done.json()["migrated"], 2);
    let again = ordered(&bench, Some("m1"), wet(2)).await.json();
    assert_eq!(again["migrated"], 0);
    assert_eq!(
        again["positions"].as_array().unwrap().len(),
        1,
        "only who was refused is left"
    );
    let untouched = bench.get(&format!("/v1/sagas/{}", ids[2])).await.json();
    assert_eq!(untouched["seq"], paid["seq"]);
    let record = bench.get("/v1/audit").await.json()["data"][1].clone();
    assert_eq!(
        (&record["action"], &record["who"]),
        (&json!("sagas.migrated"), &json!("ana"))
    );
    assert_eq!(record["subject"], "patient v1 -> v2");

    let moved = bench.get(&format!("/v1/sagas/{}", ids[0])).await.json();
    assert_eq!(moved["definition"]["version"], 2);
    let last = moved["journal"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["events"][0]["event"], "migrated");
    assert_eq!(last["events"][0]["by"], "ana");
    pay(&bench, &ids[0], "o1").await;
    stands(&bench, &ids[0], "completed").await;
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h19_what_cannot_end_well_is_refused_with_the_story() {
    let bench = Bench::start().await;
    let ids = waiting(&bench, &["o1"]).await;
    let careless = without_a_person().replace("output:", CARELESS);
    let forced = json!({ "source": careless, "force": true, "reason": "a test" });
    let stored = upload(&bench, forced).await;
    assert_eq!(stored.status, StatusCode::CREATED, "{stored:?}");

    let done = ordered(&bench, Some("m1"), wet(2)).await.json();
    assert_eq!(done["migrated"], 0);
    let row = &done["positions"][0];
    assert_eq!(
        (&row["verdict"], &row["property"]),
        (&json!("disproved"), &json!("invariant"))
    );
    let story = row["story"].as_array().unwrap();
    let tells = |words: &str| {
        story
            .iter()
            .any(|line| line["text"].as_str().unwrap().contains(words))
    };
    assert!(tells("charge: does it"), "{story:?}");
    let seen = bench.get(&format!("/v1/sagas/{}", ids[0])).await.json();
    assert_eq!(seen["definition"]["version"], 1);
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h19_sagas_are_found_page_by_page_by_filters_and_by_name() {
    let bench = Bench::start().await;
    let ids = waiting(&bench, &["o1", "o2", "o3"]).await;
    upload(&bench, json!({ "source": without_a_person() })).await;
    let mut found = Vec::new();
    let mut cursor = Value::Null;
    for page in 1.. {
        let mut body = dry(2);
        body["limit"] = json!(2);
        if !cursor.is_null() {
            body["cursor"] = cursor.clone();
        }
        let table = ordered(&bench, None, body).await.json();
        found.push(table["positions"][0]["sagas"].as_u64().unwrap());
        cursor = table["next_cursor"].clone();
        assert_eq!(table["has_more"], json!(!cursor.is_null()));
        if cursor.is_null() {
            break;
        }
        assert!(page < 3, "it goes on");
    }
    assert_eq!(found, [2, 1]);

    let mut one = dry(2);
    one["filters"] = json!({ "business_key": "o2" });
    let table = ordered(&bench, None, one).await.json();
    assert_eq!(table["positions"][0]["examples"], json!([ids[1]]));
    let mut named = wet(2);
    named["saga"] = json!(ids[0]);
    assert_eq!(
        ordered(&bench, Some("m1"), named.clone()).await.json()["migrated"],
        1
    );
    named["saga"] = json!("0190b0c2-6a6e-8c1d-9a57-3f0f4a1d2e11");
    let missing = ordered(&bench, Some("m2"), named).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ordered_wrongly_is_refused() {
    let bench = Bench::start().await;
    waiting(&bench, &["o1"]).await;
    let hungry = without_a_person()
        .replace("required: [order]", "required: [order, lunch]")
        .replace(
            "{ order: { type: string } }",
            "{ order: { type: string }, lunch: { type: string } }",
        );
    upload(&bench, json!({ "source": hungry })).await;
    let table = ordered(&bench, None, dry(2)).await.json();
    let row = &table["positions"][0];
    assert_eq!(row["verdict"], "refused");
    assert!(
        row["why"].as_str().unwrap().contains("started with"),
        "{row}"
    );

    let keyless = ordered(&bench, None, wet(2)).await;
    assert_eq!(keyless.code(), "idempotency_key_missing");
    let mut unknown_filter = dry(2);
    unknown_filter["filters"] = json!({ "colour": "red" });
    for (body, status, code) in [
        (dry(7), 404, "not_found"),
        (dry(1), 422, "invalid_input"),
        (json!({ "from": 1, "to": 2 }), 422, "invalid_input"),
        (
            json!({ "from": "1", "to": 2, "dry_run": true }),
            422,
            "invalid_input",
        ),
        (unknown_filter, 400, "malformed_query"),
    ] {
        let refused = ordered(&bench, Some("m"), body.clone()).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code().as_str()),
            (status, code),
            "{body}"
        );
    }
    bench.end().await;
}
