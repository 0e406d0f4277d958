//! Commands: what a person has seen is what they act on, and pressing twice is once.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, booking, start};

async fn stuck(bench: &Bench) -> String {
    let answer = bench
        .book("k1", &booking("A1", "tok_visa", "late@example.org"))
        .await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.json()["status"], "needs_attention");
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn command(bench: &Bench, id: &str, key: &str, tag: &str, body: &Value) -> Answer {
    let operator = ("x-impresario-operator", "ana");
    let path = format!("/v1/sagas/{id}/commands");
    let headers = [("if-match", tag), operator];
    bench
        .send(start(&path, key, body.to_string(), &headers))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_saga_is_repaired_once() {
    let bench = Bench::start().await;
    let id = stuck(&bench).await;
    let path = format!("/v1/sagas/{id}");
    // Selling the seats goes on beside the refused tickets; then nothing moves any more.
    let rests = |answer: &Answer| answer.json()["steps"][6]["state"] == "succeeded";
    let seen = bench.until(&path, rests).await;
    let parked = &seen.json()["steps"][4];
    assert_eq!(
        (&parked["id"], &parked["state"]),
        (&json!("confirm"), &json!("closed"))
    );
    assert_eq!(parked["problem"]["code"], "hall_closed");
    let tag = seen.header("etag");

    let retry = json!({ "type": "retry", "step": "confirm", "reason": "the hall is open again" });
    let refused = json!({ "type": "cancel", "reason": "too late" });
    let refused = command(&bench, &id, "c1", tag, &refused).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (409, "command_refused")
    );
    let sentence =
        "cannot cancel: step `capture` is done, and after it the saga only goes forward.";
    assert_eq!(refused.json()["detail"], sentence);

    let done = command(&bench, &id, "c2", tag, &retry).await;
    assert_eq!(done.status, StatusCode::ACCEPTED, "{done:?}");
    assert_eq!(
        (&done.json()["changed"], &done.json()["status"]),
        (&json!(true), &json!("running"))
    );
    // The same button again: its tag is old, but so is the command.
    let again = command(&bench, &id, "c2", tag, &retry).await;
    assert_eq!(
        (again.status, &again.json()["changed"]),
        (StatusCode::OK, &json!(false)),
        "{again:?}"
    );
    let ended = bench
        .until(&path, |answer| answer.json()["status"] == "completed")
        .await;
    let journal = ended.json()["journal"].to_string();
    assert!(journal.contains("the hall is open again") && journal.contains("\"by\":\"ana\""));
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_looked_may_not_act() {
    let bench = Bench::start().await;
    let id = stuck(&bench).await;
    let path = format!("/v1/sagas/{id}/commands");
    let retry = json!({ "type": "retry", "reason": "r" });
    let blind = bench.send(start(&path, "c1", retry.to_string(), &[])).await;
    assert_eq!(
        (blind.status.as_u16(), blind.code().as_str()),
        (428, "if_match_missing")
    );
    for tag in ["*", "W/\"seq-1\"", "\"seq-x\""] {
        assert_eq!(
            command(&bench, &id, "c1", tag, &retry).await.code(),
            "malformed_header",
            "{tag}"
        );
    }
    let stale = command(&bench, &id, "c1", "\"seq-1\"", &retry).await;
    assert_eq!(
        (stale.status.as_u16(), stale.code().as_str()),
        (412, "stale")
    );
    let current = &stale.json()["current"];
    assert_eq!(
        (&current["status"], &current["id"]),
        (&json!("stuck"), &json!(id))
    );
    assert!(
        current["explanation"]
            .as_str()
            .unwrap()
            .contains("hall_closed")
    );

    for body in [
        json!({ "type": "retry" }),
        json!({ "type": "terminate", "reason": "r" }),
        json!({ "type": "cancel", "step": "hold", "reason": "r" }),
        json!({ "type": "retry", "reason": "" }),
        json!({ "type": "retry", "reason": "r", "by": "root" }),
        json!([]),
    ] {
        let answer = command(&bench, &id, "c1", "\"seq-1\"", &body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (422, "invalid_input"),
            "{body}"
        );
    }
    let nobody = "0a3f8a52-3d3e-4f0e-9d3c-0d4b9f6f7a11";
    assert_eq!(
        command(&bench, nobody, "c1", "\"seq-1\"", &retry)
            .await
            .code(),
        "not_found"
    );
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h20_of_two_people_at_once_one_acts() {
    let bench = Bench::start().await;
    let body = booking("A1", "tok_slow", "ana@example.org").to_string();
    let started = bench
        .send(start("/v1/bookings", "k1", body, &[]))
        .await
        .json();
    let id = started["id"].as_str().unwrap();
    let path = format!("/v1/bookings/{id}");
    let tag = bench
        .until(&path, |answer| answer.header("etag") == "\"seq-2\"")
        .await;
    let tag = tag.header("etag");
    let cancel = json!({ "type": "cancel", "reason": "changed my mind" });
    let (one, other) = tokio::join!(
        command(&bench, id, "c1", tag, &cancel),
        command(&bench, id, "c2", tag, &cancel)
    );
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 412], "{one:?} {other:?}");
    bench
        .until(&path, |answer| answer.json()["status"] == "cancelled")
        .await;
    bench.end().await;
}
