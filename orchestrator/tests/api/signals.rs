//! Signals: to a saga by its id, by its business key, and by the payment provider's signed webhook.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::bench::{Answer, Bench, SECRET, start};
use crate::definitions::{PATIENT, upload};

/// A saga of order `o1` that waits for its payment.
async fn waiting(bench: &Bench) -> String {
    upload(bench, json!({ "source": PATIENT })).await;
    let started = start("/v1/patients", "k1", r#"{"order":"o1"}"#, &[]);
    let id = bench.send(started).await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    bench
        .until(&format!("/v1/sagas/{id}"), |answer| {
            answer.json()["status"] == "waiting"
        })
        .await;
    id
}

async fn signal(bench: &Bench, path: &str, key: &str, body: Value) -> Answer {
    bench.send(start(path, key, body.to_string(), &[])).await
}

fn settled(order: &str) -> Value {
    json!({ "name": "payment.settled", "payload": { "order": order } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_is_taken_once_and_a_person_decides() {
    let bench = Bench::start().await;
    let id = waiting(&bench).await;
    let path = format!("/v1/sagas/{id}/signals");
    let other = signal(&bench, &path, "e1", settled("o2")).await;
    assert_eq!(other.status, StatusCode::ACCEPTED, "kept");
    let meant = signal(&bench, &path, "e2", settled("o1")).await;
    assert_eq!(meant.status, StatusCode::ACCEPTED);
    let again = signal(&bench, &path, "e2", settled("o1")).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(again.json()["changed"], false);

    let seen = bench.get(&format!("/v1/sagas/{id}")).await;
    let explanation = seen.json()["explanation"].as_str().unwrap().to_owned();
    assert!(
        explanation.contains("waits for the decision of finance"),
        "{explanation}"
    );
    let decide = |key: &str, roles: &str| {
        let body = json!({ "type": "approve", "step": "release", "reason": "checked" });
        let headers = [
            ("if-match", seen.header("etag")),
            ("x-impresario-operator", "ana"),
            ("x-impresario-roles", roles),
        ];
        bench.send(start(
            &format!("/v1/sagas/{id}/commands"),
            key,
            body.to_string(),
            &headers,
        ))
    };
    let refused = decide("d1", "sales").await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (409, "command_refused")
    );
    let done = decide("d2", "sales, finance").await;
    assert_eq!(done.status, StatusCode::ACCEPTED, "{done:?}");
    let ended = bench.get(&format!("/v1/sagas/{id}")).await.json();
    assert_eq!(ended["status"], "completed");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saga_is_found_by_its_business_key() {
    let bench = Bench::start().await;
    let id = waiting(&bench).await;
    let by_key = |key: &str, definition: &str| {
        let mut body = settled("o1");
        body["definition"] = json!(definition);
        body["business_key"] = json!(key);
        body
    };
    for (key, definition) in [("o9", "patient"), ("o1", "booking")] {
        let lost = signal(&bench, "/v1/signals", "e1", by_key(key, definition)).await;
        assert_eq!(lost.code(), "not_found");
    }
    let found = signal(&bench, "/v1/signals", "e1", by_key("o1", "patient")).await;
    assert_eq!(found.status, StatusCode::ACCEPTED, "{found:?}");
    assert_eq!(found.json()["saga"], id.as_str());
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_signals_write_nothing() {
    let bench = Bench::start().await;
    let id = waiting(&bench).await;
    let path = format!("/v1/sagas/{id}/signals");
    let rows = bench.rows().await;
    for (body, code) in [
        (json!({ "payload": 1 }), "invalid_input"),
        (json!({ "name": "Payment" }), "invalid_input"),
        (json!({ "name": "payment.setled" }), "command_refused"),
        (
            json!({ "name": "payment.settled", "extra": 1 }),
            "invalid_input",
        ),
    ] {
        let refused = signal(&bench, &path, "e1", body).await;
        assert_eq!(refused.code(), code, "{refused:?}");
    }
    let nobody = "/v1/sagas/00000000-0000-8000-8000-000000000000/signals";
    let lost = signal(&bench, nobody, "e1", settled("o1")).await;
    assert_eq!(lost.code(), "not_found");
    assert_eq!(bench.rows().await, rows);
    bench.end().await;
}

fn signed(body: &str, secret: &str) -> Request<Body> {
    let at = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    let hex: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Request::builder()
        .method(Method::POST)
        .uri("/v1/webhooks/payments")
        .header("content-type", "application/json")
        .header("impresario-signature", format!("t={at},v1={hex}"))
        .body(Body::from(body.to_owned()))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_payment_provider_signs_what_it_tells() {
    let bench = Bench::start().await;
    let id = waiting(&bench).await;
    let event = json!({
        "id": "evt_1", "type": "payment.settled", "saga": id, "data": { "order": "o1" },
    })
    .to_string();
    let forged = bench.send(signed(&event, "another secret")).await;
    assert_eq!(
        (forged.status.as_u16(), forged.code().as_str()),
        (401, "signature_refused")
    );
    let taken = bench.send(signed(&event, SECRET)).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{taken:?}");
    let repeated = bench.send(signed(&event, SECRET)).await;
    assert_eq!(
        repeated.status,
        StatusCode::OK,
        "providers repeat themselves"
    );
    let told = bench.get(&format!("/v1/sagas/{id}")).await.json();
    assert_eq!(told["steps"][0]["state"], "succeeded");
    bench.end().await;
}
