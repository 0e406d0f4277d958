//! The sandbox server by itself: keys, conflicts, restarts.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::fixture::{Payments, payments};

async fn post(
    payments: &Payments,
    path: &str,
    key: Option<&str>,
    body: Value,
) -> (StatusCode, Value) {
    let mut request = payments
        .client
        .post(format!("{}{path}", payments.url))
        .json(&body);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

fn ten_euros(token: &str) -> Value {
    json!({ "amount": 1000, "currency": "EUR", "token": token })
}

#[tokio::test]
async fn a_key_means_one_request() {
    let payments = payments().await;
    let path = "/v1/authorizations";
    let first = post(&payments, path, Some("k1"), ten_euros("tok_ok")).await;
    assert_eq!(first.0, StatusCode::OK);
    assert_eq!(
        post(&payments, path, Some("k1"), ten_euros("tok_ok")).await,
        first
    );
    let other = post(&payments, path, Some("k1"), ten_euros("tok_declined")).await;
    assert_eq!(
        (other.0, other.1["code"].as_str()),
        (StatusCode::CONFLICT, Some("key_conflict"))
    );
    let missing = post(&payments, path, None, ten_euros("tok_ok")).await;
    assert_eq!(missing.0, StatusCode::BAD_REQUEST);
    let id = first.1["authorization_id"].as_str().unwrap();
    let capture = format!("/v1/authorizations/{id}/capture");
    let same_key = post(&payments, &capture, Some("k1"), json!({})).await;
    assert_eq!(same_key.1["code"], "key_conflict");
    assert_eq!(payments.log().await, ["authorize"]);
}

#[tokio::test]
async fn equal_requests_at_once_act_once() {
    let payments = payments().await;
    let requests = (0..10).map(|_| {
        post(
            &payments,
            "/v1/authorizations",
            Some("k"),
            ten_euros("tok_ok"),
        )
    });
    let answers = futures::future::join_all(requests).await;
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert_eq!(payments.log().await, ["authorize"]);
}

#[tokio::test]
async fn a_cancelled_key_never_acts_and_an_acted_one_says_with_what() {
    let payments = payments().await;
    let cancelled = post(&payments, "/v1/keys/a%2Fb/cancel", None, json!({})).await;
    assert_eq!(cancelled.1, json!({ "status": "cancelled" }));
    let late = post(
        &payments,
        "/v1/authorizations",
        Some("a/b"),
        ten_euros("tok_ok"),
    )
    .await;
    assert_eq!(
        (late.0, late.1["code"].as_str()),
        (StatusCode::CONFLICT, Some("key_cancelled"))
    );
    let acted = post(
        &payments,
        "/v1/authorizations",
        Some("c"),
        ten_euros("tok_ok"),
    )
    .await;
    let asked = post(&payments, "/v1/keys/c/cancel", None, json!({})).await;
    assert_eq!(asked.1, json!({ "status": "acted", "object": acted.1 }));
    let found = payments
        .client
        .get(format!("{}/v1/keys/c", payments.url))
        .send()
        .await
        .unwrap();
    assert_eq!(found.json::<Value>().await.unwrap(), asked.1);
    let nothing = payments
        .client
        .get(format!("{}/v1/keys/d", payments.url))
        .send()
        .await
        .unwrap();
    assert_eq!(nothing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn requests_side_by_side_are_decided_together_and_each_for_itself() {
    let payments = payments().await;
    let path = "/v1/authorizations";
    let used = post(&payments, path, Some("k0"), ten_euros("tok_ok")).await;
    post(&payments, "/v1/keys/k1/cancel", None, json!({})).await;
    let tokens = [
        "tok_ok",
        "tok_ok",
        "tok_declined",
        "tok_flaky",
        "tok_ok@moon",
    ];
    let tokens = tokens.into_iter().chain(std::iter::repeat_n("tok_ok", 35));
    let keys: Vec<String> = (0..40).map(|number| format!("k{number}")).collect();
    let requests = keys
        .iter()
        .zip(tokens)
        .map(|(key, token)| post(&payments, path, Some(key), ten_euros(token)));
    let answers = futures::future::join_all(requests).await;
    assert_eq!(answers[0], used);
    let code = |number: usize| answers[number].1["code"].as_str();
    assert_eq!(
        [code(1), code(2), code(3), code(4)],
        [
            Some("key_cancelled"),
            Some("card_declined"),
            Some("technical_error"),
            Some("invalid_token")
        ]
    );
    assert_eq!(payments.log().await.len(), 36);
    let transactions: i64 =
        sqlx::query_scalar("select count(distinct xmin::text) from provider.key")
            .fetch_one(payments.database.pool())
            .await
            .unwrap();
    assert!(transactions < 36, "requests share commits: {transactions}");

    // Captures: two of one authorization, one of an authorization that was given back, one of none.
    let id = |number: usize| {
        answers[number].1["authorization_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    post(
        &payments,
        &format!("{path}/{}/void", id(6)),
        Some("void"),
        json!({}),
    )
    .await;
    let mut objects: Vec<String> = (5..40).map(id).collect();
    objects.push(id(5));
    objects.push("auth_none".into());
    let captures = objects.iter().enumerate().map(|(number, id)| {
        let (path, key) = (format!("{path}/{id}/capture"), format!("c{number}"));
        let payments = &payments;
        async move { post(payments, &path, Some(&key), json!({})).await }
    });
    let captured = futures::future::join_all(captures).await;
    let code = |number: usize| captured[number].1["code"].as_str();
    assert_eq!(
        [code(1), code(36)],
        [Some("authorization_voided"), Some("not_found")]
    );
    // One of the two, whichever came first.
    assert!(code(0).is_none() != code(35).is_none(), "{captured:?}");
    let charged = captured
        .iter()
        .filter(|answer| answer.0.is_success())
        .count();
    assert_eq!(charged, 34);
    assert_eq!(
        payments
            .log()
            .await
            .iter()
            .filter(|one| *one == "capture")
            .count(),
        34
    );
}
