//! Definitions that are uploaded while the process runs.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, start};

/// A saga that waits for a signal, then for a person.
pub(crate) const PATIENT: &str = r#"
saga: patient
version: 1
rest: patients
deadline: 1h
key: ${{ input.order }}
input:
  type: object
  required: [order]
  properties: { order: { type: string } }
steps:
  paid:
    wait: { signal: payment.settled, match: signal.order == input.order, timeout: 30m }
  release:
    needs: [paid]
    approve: { roles: [finance], timeout: 30m }
output: ${{ steps.paid.output }}
"#;

/// Sends a definition's text.
pub(crate) async fn upload(bench: &Bench, body: Value) -> Answer {
    let request = Request::builder()
        .method(Method::POST)
        .uri("/v1/definitions")
        .header("content-type", "application/json")
        .header("x-impresario-operator", "ana");
    bench
        .send(request.body(Body::from(body.to_string())).unwrap())
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uploaded_definition_is_served_at_once() {
    let bench = Bench::start().await;
    let before = start("/v1/patients", "k1", r#"{"order":"o1"}"#, &[]);
    assert_eq!(bench.send(before).await.status, StatusCode::NOT_FOUND);

    let stored = upload(&bench, json!({ "source": PATIENT })).await;
    assert_eq!(stored.status, StatusCode::CREATED, "{stored:?}");
    assert_eq!(stored.json()["name"], "patient");
    let again = upload(
        &bench,
        json!({ "source": format!("# a comment\n{PATIENT}") }),
    )
    .await;
    assert_eq!(again.status, StatusCode::OK, "the same content again");

    let started = start("/v1/patients", "k1", r#"{"order":"o1"}"#, &[]);
    assert_eq!(bench.send(started).await.status, StatusCode::ACCEPTED);
    let document = bench.get("/openapi.json").await.json();
    assert!(document["paths"]["/v1/patients"].is_object());
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_never_changes_and_the_newest_one_counts() {
    let bench = Bench::start().await;
    upload(&bench, json!({ "source": PATIENT })).await;
    let other = PATIENT.replace("30m", "40m");
    let taken = upload(&bench, json!({ "source": other })).await;
    assert_eq!(
        (taken.status.as_u16(), taken.code().as_str()),
        (409, "version_taken")
    );
    let newer = other.replace("version: 1", "version: 3");
    let stored = upload(&bench, json!({ "source": newer })).await;
    assert_eq!(stored.status, StatusCode::CREATED);
    let older = PATIENT.replace("version: 1", "version: 2");
    upload(&bench, json!({ "source": older })).await;
    let current = bench.get("/v1/definitions/patient").await;
    assert_eq!(current.json()["version"], 3);
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_is_told_with_its_place() {
    let bench = Bench::start().await;
    let wrong = PATIENT
        .replace("timeout: 30m }\n  release", "timout: 30m }\n  release")
        .replace("[paid]", "[payd]");
    let refused = upload(&bench, json!({ "source": wrong })).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (422, "definition_refused")
    );
    let body = refused.json();
    let codes: Vec<&str> = body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["code"].as_str().unwrap())
        .collect();
    for code in ["SG001", "SG006", "SG011"] {
        assert!(codes.contains(&code), "{codes:?}");
    }
    assert!(body["errors"][0]["pointer"].as_str().unwrap().contains(':'));
    for bad in [
        json!({}),
        json!({ "source": 5 }),
        json!({ "source": PATIENT, "forced": true }),
        json!({ "source": PATIENT, "force": true }),
    ] {
        let refused = upload(&bench, bad).await;
        assert_eq!(refused.code(), "invalid_input", "{refused:?}");
    }
    bench.end().await;
}

/// The card may be charged while the seat, which expires, is gone: nobody pins it.
const CHARGES_WITHOUT_A_SEAT: &str = r#"
saga: careless
version: 1
deadline: 15m
invariants: [charge implies seat]
steps:
  hold:
    task: catalog/hold-seats
    effect: seat
    expires: 10m
    compensate: { task: catalog/release-seats }
  charge:
    needs: [hold]
    task: payment/capture
    effect: charge
    pivot: true
    retry: { max_attempts: unlimited }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_disproved_is_refused_or_forced_on_record() {
    let bench = Bench::start().await;
    let refused = upload(&bench, json!({ "source": CHARGES_WITHOUT_A_SEAT })).await;
    assert_eq!(refused.code(), "definition_refused", "{refused:?}");
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("charge implies seat"), "{detail}");
    let reason = "the venue asked for it";
    let forced = json!({ "source": CHARGES_WITHOUT_A_SEAT, "force": true, "reason": reason });
    assert_eq!(upload(&bench, forced).await.status, StatusCode::CREATED);
    let records = bench.get("/v1/audit?limit=5").await.json();
    let record = &records["data"][0];
    assert_eq!(record["action"], "definition.forced");
    assert_eq!(record["subject"], "careless v1");
    assert_eq!(record["detail"]["disproof"]["code"], "invariant");
    assert_eq!(record["who"], "ana");
    assert_eq!(record["reason"], reason);
    assert_eq!(
        bench.get("/v1/audit?limits=5").await.code(),
        "malformed_query"
    );
    bench.end().await;
}

/// Runs `patient` as a child, which it undoes when it turns around.
const PARENT: &str = "
saga: parent
version: 1
steps:
  first:
    saga: patient
    input: { order: one }
  then: { needs: [first], task: catalog/look, readonly: true }
";

/// Another version of it, with a point of no return.
const PATIENT_WITH_A_PIVOT: &str = "
saga: patient
version: 2
steps:
  pay: { task: payment/capture, pivot: true, retry: { max_attempts: unlimited } }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_its_parent_undoes_has_no_pivot() {
    let bench = Bench::start().await;
    assert_eq!(
        upload(&bench, json!({ "source": PATIENT })).await.status,
        StatusCode::CREATED
    );
    assert_eq!(
        upload(&bench, json!({ "source": PARENT })).await.status,
        StatusCode::CREATED
    );
    let refused = upload(&bench, json!({ "source": PATIENT_WITH_A_PIVOT })).await;
    assert_eq!(refused.code(), "definition_refused", "{refused:?}");
    assert_eq!(refused.json()["errors"][0]["code"], "SG063", "{refused:?}");
    bench.end().await;

    // The other way round: the child is known, with its pivot.
    let bench = Bench::start().await;
    let child = upload(&bench, json!({ "source": PATIENT_WITH_A_PIVOT })).await;
    assert_eq!(child.status, StatusCode::CREATED, "{child:?}");
    let refused = upload(&bench, json!({ "source": PARENT })).await;
    assert_eq!(refused.code(), "definition_refused", "{refused:?}");
    assert_eq!(refused.json()["errors"][0]["code"], "SG063", "{refused:?}");
    bench.end().await;
}
