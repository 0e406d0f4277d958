//! Money that moves as it should, and the books about it.

use impresario_payment::ledger::{self, Money, Movement, Transfer};
use impresario_protocol::Outcome;
use impresario_worker_sdk::testing::TestSaga;
use serde_json::json;

use crate::fixture::{authorize, capture, code, payments, refund, void};

#[tokio::test]
async fn money_is_promised_taken_and_given_back() {
    let payments = payments().await;
    let saga = TestSaga::new(1);
    let authorized = payments.done(authorize(&saga, "tok_ok")).await;
    let promised = [
        ("authorized".to_owned(), 12_000),
        ("promised".to_owned(), -12_000),
    ];
    assert_eq!(payments.balances().await, promised);
    let charged = payments.done(capture(&saga, &authorized)).await;
    assert_eq!(charged["amount"], 12_000);
    assert_eq!(charged["currency"], "EUR");
    assert!(charged["charge_id"].as_str().unwrap().starts_with("ch_"));
    let taken = [
        ("provider".to_owned(), 12_000),
        ("sales".to_owned(), -12_000),
    ];
    assert_eq!(payments.balances().await, taken);
    // Repeated, nothing moves twice.
    assert_eq!(payments.done(capture(&saga, &authorized)).await, charged);
    payments.done(refund(&saga)).await;
    payments.done(refund(&saga)).await;
    assert_eq!(payments.balances().await, []);
    assert_eq!(payments.log().await, ["authorize", "capture", "refund"]);
}

#[tokio::test]
async fn an_authorization_is_voided_unless_it_was_captured() {
    let payments = payments().await;
    let saga = TestSaga::new(1);
    payments.done(authorize(&saga, "tok_ok")).await;
    payments.done(void(&saga)).await;
    assert_eq!(payments.balances().await, []);
    assert_eq!(
        payments.run(authorize(&saga, "tok_ok")).await,
        Outcome::Refused
    );
    let saga = TestSaga::new(2);
    let authorized = payments.done(authorize(&saga, "tok_ok")).await;
    payments.done(capture(&saga, &authorized)).await;
    assert_eq!(code(&payments.run(void(&saga)).await), "already_captured");
    assert_eq!(
        payments.log().await,
        ["authorize", "void", "authorize", "capture"]
    );
}

#[tokio::test]
async fn a_definition_s_own_words_are_understood() {
    let payments = payments().await;
    let mut task = authorize(&TestSaga::new(1), "unused");
    let amount = json!({ "amount": 500, "currency": "EUR" });
    task.input = json!({ "amount": amount, "payment_token": "tok_ok", "reference": "order 7" });
    payments.done(task).await;
}

#[tokio::test]
async fn a_business_no_of_the_provider_is_final() {
    let payments = payments().await;
    let saga = TestSaga::new(1);
    let declined = payments.run(authorize(&saga, "tok_declined")).await;
    assert!(matches!(declined, Outcome::Rejected(_)));
    assert_eq!(code(&declined), "card_declined");
    assert_eq!(
        payments.run(authorize(&saga, "tok_declined")).await,
        declined
    );
    let nothing = payments.run(authorize(&TestSaga::new(2), "4242")).await;
    assert_eq!(code(&nothing), "invalid_token");
    let lost = json!({ "authorization_id": "auth_nothing" });
    let unknown = payments.run(capture(&TestSaga::new(3), &lost)).await;
    assert!(matches!(unknown, Outcome::Rejected(_)), "{unknown:?}");
    assert_eq!(payments.log().await, [""; 0]);
}

#[tokio::test]
async fn the_ledger_refuses_what_does_not_balance_and_every_correction_by_pen() {
    let payments = payments().await;
    let mut tx = payments.database.begin().await.unwrap();
    let money = Money {
        amount: 5,
        currency: "EUR".into(),
    };
    let transfer = |effect: &str, movement| Transfer {
        effect: effect.into(),
        saga: "saga".into(),
        movement,
        money: money.clone(),
    };
    let first = transfer("k", Movement::Authorize);
    let set = [transfer("l", Movement::Capture), first.clone()];
    ledger::record(&mut tx, &[first]).await.unwrap();
    // What is told again is not written again; its sibling is.
    ledger::record(&mut tx, &set).await.unwrap();
    tx.commit().await.unwrap();
    let balances = payments.balances().await;
    let expected = [("provider".to_owned(), 5), ("sales".to_owned(), -5)];
    assert_eq!(
        balances, expected,
        "5 promised, and 5 taken of what was promised"
    );
    for wrong in [
        "insert into entry values ('k', 'sales', 'EUR', 1)",
        // Each alone does not balance, whatever the others of the statement do.
        "insert into entry values ('k', 'sales', 'EUR', 1), ('l', 'promised', 'USD', -1)",
        "insert into entry values ('k', 'sales', 'EUR', 1), ('k', 'provider', 'USD', -1)",
        "with t as (insert into transfer values ('m', 'saga', 'void') returning transfer_id)
         insert into entry select t.transfer_id, a, 'EUR', 1
           from t, unnest(array['authorized', 'promised']) as a",
        "update entry set amount = 0",
        "delete from transfer",
    ] {
        assert!(
            sqlx::query(wrong)
                .execute(payments.database.pool())
                .await
                .is_err(),
            "{wrong}"
        );
    }
}
