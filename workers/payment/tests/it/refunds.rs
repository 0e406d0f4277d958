//! Refunds as steps of their own: in parts, once, found when nobody answered, and never taken back.

use impresario_protocol::Outcome;
use impresario_worker_sdk::testing::{TestSaga, compensation, reconcile};
use serde_json::{Value, json};

use crate::fixture::{Payments, authorize, capture, code, give_back, payments};

async fn charged(payments: &Payments, saga: &TestSaga, token: &str) -> Value {
    let authorized = payments.done(authorize(saga, token)).await;
    payments.done(capture(saga, &authorized)).await
}

#[tokio::test]
async fn a_charge_is_given_back_in_parts_and_never_more_than_it_was() {
    let payments = payments().await;
    let charge = charged(&payments, &TestSaga::new(1), "tok_ok").await;
    let (first, second, third) = (TestSaga::new(2), TestSaga::new(3), TestSaga::new(4));
    let part = payments.done(give_back(&first, &charge, 5_000)).await;
    assert_eq!(
        (&part["amount"], &part["already"]),
        (&json!(5_000), &json!(false))
    );
    assert_eq!(payments.done(give_back(&first, &charge, 5_000)).await, part);
    let too_much = payments.run(give_back(&second, &charge, 7_001)).await;
    assert!(matches!(too_much, Outcome::Rejected(_)), "{too_much:?}");
    assert_eq!(code(&too_much), "refund_too_large");
    payments.done(give_back(&third, &charge, 7_000)).await;
    assert_eq!(payments.balances().await, []);
    // All of it is back: a further one has nothing to do, and writes nothing into the books.
    let more = payments
        .done(give_back(&TestSaga::new(5), &charge, 5_000))
        .await;
    assert_eq!(more["already"], true);
    assert_eq!(payments.balances().await, []);
    assert_eq!(
        payments.log().await,
        ["authorize", "capture", "refund", "refund"]
    );
}

#[tokio::test]
async fn a_refund_without_an_answer_is_found_or_closed() {
    let payments = payments().await;
    for (number, token, applied) in [
        (10, "tok_timeout_charged@refund", true),
        (20, "tok_timeout_uncharged@refund", false),
    ] {
        let charge = charged(&payments, &TestSaga::new(number), token).await;
        let saga = TestSaga::new(number + 1);
        let silent = payments.run(give_back(&saga, &charge, 12_000)).await;
        assert_eq!(code(&silent), "provider_timeout");
        let asked = payments
            .run(reconcile(&saga, "refund", "reconcile-refund"))
            .await;
        match applied {
            true => assert!(matches!(asked, Outcome::Applied { .. }), "{asked:?}"),
            false => assert!(matches!(asked, Outcome::Closed(_)), "{asked:?}"),
        }
    }
    assert_eq!(
        payments.log().await,
        ["authorize", "capture", "refund", "authorize", "capture"]
    );
    let kept = [
        ("provider".to_owned(), 12_000),
        ("sales".to_owned(), -12_000),
    ];
    assert_eq!(payments.balances().await, kept);
}

#[tokio::test]
async fn stopping_closes_a_refund_that_has_not_happened_and_cannot_take_money_back() {
    let payments = payments().await;
    let charge = charged(&payments, &TestSaga::new(1), "tok_ok").await;
    let stopped = TestSaga::new(2);
    payments
        .done(compensation(&stopped, "refund", "stop-refund"))
        .await;
    let refused = payments.run(give_back(&stopped, &charge, 12_000)).await;
    assert_eq!(refused, Outcome::Refused);
    let done = TestSaga::new(3);
    payments.done(give_back(&done, &charge, 12_000)).await;
    let late = payments
        .run(compensation(&done, "refund", "stop-refund"))
        .await;
    assert_eq!(code(&late), "refund_is_final");
}
