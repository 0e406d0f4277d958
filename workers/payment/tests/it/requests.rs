//! Money that is transferred later: in time, too late, never; and who is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use impresario_payment::sandbox::{Config, Secret, Webhook};
use impresario_protocol::Outcome;
use impresario_worker_sdk::testing::{TestSaga, compensation, reconcile};
use serde_json::Value;

use crate::fixture::{cancel_request, code, collect, payments, payments_with, request};

#[tokio::test]
async fn money_that_came_is_collected_once() {
    let payments = payments().await;
    let saga = TestSaga::new(1);
    let requested = payments.done(request(&saga, "tok_ok")).await;
    assert_eq!(payments.balances().await, [], "asked for is not taken");
    payments.settle(&requested).await;
    payments.settle(&requested).await;
    let charge = payments.done(collect(&saga, &requested)).await;
    assert_eq!(charge["amount"], 12_000);
    assert_eq!(payments.done(collect(&saga, &requested)).await, charge);
    let taken = [
        ("provider".to_owned(), 12_000),
        ("sales".to_owned(), -12_000),
    ];
    assert_eq!(payments.balances().await, taken);
    // Undone both ways, it is given back once.
    payments
        .done(compensation(&saga, "collect", "return-payment"))
        .await;
    payments.done(cancel_request(&saga)).await;
    assert_eq!(payments.log().await, ["settle", "refund"]);
    assert_eq!(payments.balances().await, []);
}

#[tokio::test]
async fn the_question_closes_a_request_without_money_and_what_comes_later_is_given_back() {
    let payments = payments().await;
    let saga = TestSaga::new(1);
    let requested = payments.done(request(&saga, "tok_ok")).await;
    let no = payments.run(collect(&saga, &requested)).await;
    assert!(matches!(no, Outcome::Rejected(_)), "{no:?}");
    assert_eq!(code(&no), "payment_not_received");
    payments.done(cancel_request(&saga)).await;
    assert_eq!(payments.look_for_late_money().await, 0);
    payments.settle(&requested).await;
    assert_eq!(payments.run(collect(&saga, &requested)).await, no);
    assert_eq!(payments.look_for_late_money().await, 1);
    assert_eq!(payments.look_for_late_money().await, 0, "once");
    assert_eq!(payments.log().await, ["settle", "refund"]);
    assert_eq!(payments.balances().await, []);
}

#[tokio::test]
async fn money_that_is_there_when_the_saga_turns_around_is_given_back_at_once() {
    let payments = payments().await;
    let saga = TestSaga::new(1);
    let requested = payments.done(request(&saga, "tok_ok")).await;
    payments.settle(&requested).await;
    let undone = payments.done(cancel_request(&saga)).await;
    assert_eq!(undone["given_back"]["amount"], 12_000);
    assert_eq!(payments.log().await, ["settle", "refund"]);
    assert_eq!(payments.balances().await, []);
    assert_eq!(payments.look_for_late_money().await, 0);
}

#[tokio::test]
async fn giving_back_that_fails_is_tried_again_by_whoever_comes() {
    let payments = payments().await;
    let saga = TestSaga::new(1);
    let requested = payments.done(request(&saga, "tok_refund_fails")).await;
    payments.settle(&requested).await;
    let failed = payments.run(cancel_request(&saga)).await;
    assert_eq!(code(&failed), "technical_error");
    assert_eq!(payments.look_for_late_money().await, 0);
    payments.heal().await;
    // Written down by the undoing, so the search finds it, though the provider does not call it late.
    assert_eq!(payments.look_for_late_money().await, 1);
    payments.done(cancel_request(&saga)).await;
    assert_eq!(payments.log().await, ["settle", "refund"]);
    assert_eq!(payments.balances().await, []);
}

#[tokio::test]
async fn a_request_without_an_answer_is_found_or_closed() {
    let payments = payments().await;
    for (number, token, applied) in [
        (1, "tok_timeout_charged@request", true),
        (2, "tok_timeout_uncharged@request", false),
    ] {
        let saga = TestSaga::new(number);
        let silent = payments.run(request(&saga, token)).await;
        assert!(matches!(silent, Outcome::Unknown(_)), "{silent:?}");
        let ask = reconcile(&saga, "request", "reconcile-request");
        let asked = payments.run(ask).await;
        match applied {
            true => assert!(matches!(asked, Outcome::Applied { .. }), "{asked:?}"),
            false => assert!(matches!(asked, Outcome::Closed(_)), "{asked:?}"),
        }
        payments.done(cancel_request(&saga)).await;
    }
    assert_eq!(payments.log().await, [""; 0]);
}

#[tokio::test]
async fn a_collecting_without_an_answer_is_found_and_a_closed_one_takes_nothing() {
    let payments = payments().await;
    let saga = TestSaga::new(1);
    let requested = payments
        .done(request(&saga, "tok_timeout_charged@collect"))
        .await;
    payments.settle(&requested).await;
    let silent = payments.run(collect(&saga, &requested)).await;
    assert_eq!(code(&silent), "provider_timeout");
    let ask = reconcile(&saga, "collect", "reconcile-payment");
    let found = payments.run(ask).await;
    assert!(matches!(found, Outcome::Applied { .. }), "{found:?}");
    let saga = TestSaga::new(2);
    let requested = payments
        .done(request(&saga, "tok_timeout_uncharged@collect"))
        .await;
    payments.settle(&requested).await;
    let silent = payments.run(collect(&saga, &requested)).await;
    assert_eq!(code(&silent), "provider_timeout");
    let ask = reconcile(&saga, "collect", "reconcile-payment");
    let closed = payments.run(ask).await;
    assert!(matches!(closed, Outcome::Closed(_)), "{closed:?}");
    // The money is at the provider all the same: undoing the request gives it back.
    payments.done(cancel_request(&saga)).await;
    assert_eq!(payments.log().await, ["settle", "settle", "refund"]);
}

type Received = Arc<Mutex<Vec<(HeaderMap, String)>>>;

/// Receives; the first post is answered 500.
async fn receiver() -> (String, Received) {
    async fn receive(
        State(received): State<Received>,
        headers: HeaderMap,
        body: String,
    ) -> StatusCode {
        let mut received = received.lock().unwrap();
        received.push((headers, body));
        match received.len() {
            1 => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::OK,
        }
    }
    let received = Received::default();
    let router = Router::new()
        .route("/hook", post(receive))
        .with_state(received.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, received)
}

#[tokio::test]
async fn the_asker_is_told_with_a_signature_until_it_listens() {
    let (url, received) = receiver().await;
    let secret = Secret::new("a shared secret");
    let payments = payments_with(Config {
        pays_after: Duration::from_millis(50),
        webhook: Some(Webhook {
            url,
            secret: secret.clone(),
        }),
        ..Config::default()
    })
    .await;
    let saga = TestSaga::new(1);
    let requested = payments.done(request(&saga, "tok_pays")).await;
    for _ in 0..500 {
        if received.lock().unwrap().len() >= 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let received = received.lock().unwrap().clone();
    assert_eq!(received.len(), 2, "told again after a failure");
    let (headers, body) = &received[1];
    assert_eq!(*body, received[0].1, "the same event");
    let signature = headers["impresario-signature"].to_str().unwrap();
    let at = signature
        .strip_prefix("t=")
        .and_then(|rest| rest.split(',').next())
        .unwrap();
    assert_eq!(signature, secret.sign(at.parse().unwrap(), body));
    let event: Value = serde_json::from_str(body).unwrap();
    assert_eq!(event["type"], "payment.settled");
    assert_eq!(event["saga"], saga.id.as_str());
    assert_eq!(event["data"]["request_id"], requested["request_id"]);
    assert_eq!(event["data"]["amount"], 12_000);
    assert_eq!(event["data"]["late"], false);
    payments.done(collect(&saga, &requested)).await;
}

#[tokio::test]
async fn a_customer_who_pays_late_is_paid_back() {
    let payments = payments().await;
    let saga = TestSaga::new(1);
    payments.done(request(&saga, "tok_pays_late")).await;
    payments.done(cancel_request(&saga)).await;
    for _ in 0..500 {
        if payments.look_for_late_money().await == 1 {
            assert_eq!(payments.log().await, ["settle", "refund"]);
            assert_eq!(payments.balances().await, []);
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no late money came: {:?}", payments.log().await);
}
