//! A provider that is slow, silent, flaky or gone, and what reconcile and compensation make of it.

use std::sync::Arc;
use std::time::Duration;

use impresario_payment::provider::sandbox::SandboxProvider;
use impresario_payment::sandbox::Config;
use impresario_protocol::Outcome;
use impresario_worker_sdk::testing::TestSaga;

use crate::fixture::{
    ask_authorization, ask_capture, authorize, capture, code, payments, payments_with, refund, void,
};

#[tokio::test]
async fn a_charge_without_an_answer_is_found() {
    let payments = payments().await;
    let saga = TestSaga::new(1);
    let authorized = payments.done(authorize(&saga, "tok_timeout_charged")).await;
    for _ in 0..2 {
        let silent = payments.run(capture(&saga, &authorized)).await;
        assert_eq!(code(&silent), "provider_timeout");
        assert!(matches!(silent, Outcome::Unknown(_)));
    }
    let Outcome::Applied { output } = payments.run(ask_capture(&saga)).await else {
        panic!("it was charged");
    };
    assert_eq!(output["amount"], 12_000);
    assert_eq!(payments.done(capture(&saga, &authorized)).await, output);
    assert_eq!(payments.log().await, ["authorize", "capture"]);
    assert_eq!(
        payments.balances().await[0],
        ("provider".to_owned(), 12_000)
    );
}

#[tokio::test]
async fn a_charge_that_did_not_happen_never_will() {
    let payments = payments().await;
    let saga = TestSaga::new(1);
    let authorized = payments
        .done(authorize(&saga, "tok_timeout_uncharged"))
        .await;
    let silent = payments.run(capture(&saga, &authorized)).await;
    assert!(matches!(silent, Outcome::Unknown(_)), "{silent:?}");
    let closed = payments.run(ask_capture(&saga)).await;
    assert!(matches!(closed, Outcome::Closed(_)), "{closed:?}");
    assert_eq!(
        payments.run(capture(&saga, &authorized)).await,
        Outcome::Refused
    );
    payments.done(void(&saga)).await;
    assert_eq!(payments.log().await, ["authorize", "void"]);
    assert_eq!(payments.balances().await, []);
}

#[tokio::test]
async fn h09b_compensation_of_an_unknown_charge_takes_back_exactly_what_happened() {
    let payments = payments().await;
    for (number, token) in [(1, "tok_timeout_charged"), (2, "tok_timeout_uncharged")] {
        let saga = TestSaga::new(number);
        let authorized = payments.done(authorize(&saga, token)).await;
        payments.run(capture(&saga, &authorized)).await;
        payments.done(refund(&saga)).await;
    }
    assert_eq!(
        payments.log().await,
        ["authorize", "capture", "refund", "authorize"]
    );
}

#[tokio::test]
async fn an_authorization_without_an_answer_is_found_or_closed() {
    let payments = payments().await;
    for (number, token, applied) in [
        (1, "tok_timeout_charged@authorize", true),
        (2, "tok_timeout_uncharged@authorize", false),
    ] {
        let saga = TestSaga::new(number);
        let silent = payments.run(authorize(&saga, token)).await;
        assert!(matches!(silent, Outcome::Unknown(_)), "{silent:?}");
        let asked = payments.run(ask_authorization(&saga)).await;
        match applied {
            true => assert!(matches!(asked, Outcome::Applied { .. }), "{asked:?}"),
            false => assert!(matches!(asked, Outcome::Closed(_)), "{asked:?}"),
        }
        payments.done(void(&saga)).await;
    }
    assert_eq!(payments.log().await, ["authorize", "void"]);
}

#[tokio::test]
async fn h09b_a_key_cancelled_while_the_provider_dawdles_stops_the_late_act() {
    let config = Config {
        slow_by: Duration::from_millis(1500),
        ..Config::default()
    };
    let payments = payments_with(config).await;
    let saga = TestSaga::new(1);
    let slow = payments.run(authorize(&saga, "tok_slow")).await;
    assert!(matches!(slow, Outcome::Unknown(_)), "{slow:?}");
    payments.done(void(&saga)).await;
    // The provider wakes up and finds its key cancelled.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(payments.log().await, [""; 0]);
    assert_eq!(
        payments.run(authorize(&saga, "tok_slow")).await,
        Outcome::Refused
    );
}

#[tokio::test]
async fn technical_errors_pass_and_a_slow_answer_is_fetched_by_the_next_attempt() {
    let payments = payments().await;
    let saga = TestSaga::new(1);
    for _ in 0..2 {
        let flaky = payments.run(authorize(&saga, "tok_flaky")).await;
        assert!(matches!(flaky, Outcome::Failed(_)), "{flaky:?}");
    }
    payments.done(authorize(&saga, "tok_flaky")).await;
    let saga = TestSaga::new(2);
    let mut hasty = authorize(&saga, "tok_slow");
    hasty.timeout_ms = 200;
    assert!(matches!(payments.run(hasty).await, Outcome::Unknown(_)));
    let mut patient = authorize(&saga, "tok_slow");
    patient.timeout_ms = 3_000;
    payments.done(patient).await;
    assert_eq!(
        payments.log().await,
        ["authorize", "authorize"],
        "once each"
    );
}

#[tokio::test]
async fn an_undo_that_fails_goes_on_after_healing() {
    let payments = payments().await;
    let saga = TestSaga::new(1);
    payments.done(authorize(&saga, "tok_refund_fails")).await;
    for _ in 0..2 {
        let failed = payments.run(void(&saga)).await;
        assert_eq!(code(&failed), "technical_error");
    }
    payments.heal().await;
    payments.done(void(&saga)).await;
    assert_eq!(payments.balances().await, []);
    // Healing is for what was there: the next one fails again.
    let saga = TestSaga::new(2);
    payments.done(authorize(&saga, "tok_refund_fails")).await;
    assert_eq!(code(&payments.run(void(&saga)).await), "technical_error");
}

#[tokio::test]
async fn past_the_key_s_life_the_charge_is_only_searched_for() {
    let config = Config {
        key_life: Duration::from_millis(1500),
        ..Config::default()
    };
    let payments = payments_with(config).await;
    let (charged, idle) = (TestSaga::new(1), TestSaga::new(2));
    for (saga, token) in [
        (&charged, "tok_timeout_charged"),
        (&idle, "tok_timeout_uncharged"),
    ] {
        let authorized = payments.done(authorize(saga, token)).await;
        assert!(matches!(
            payments.run(capture(saga, &authorized)).await,
            Outcome::Unknown(_)
        ));
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    // What happened is found by its object; what did not cannot be told from what is still to come.
    let found = payments.run(ask_capture(&charged)).await;
    assert!(matches!(found, Outcome::Applied { .. }), "{found:?}");
    let unknown = payments.run(ask_capture(&idle)).await;
    assert!(matches!(unknown, Outcome::Unknown(_)), "{unknown:?}");
    assert_eq!(payments.log().await, ["authorize", "capture", "authorize"]);
}

#[tokio::test]
async fn a_provider_that_is_gone_is_a_failure_before_and_an_open_question_after() {
    let payments = payments().await;
    let gone = SandboxProvider::new("http://127.0.0.1:9", Duration::from_secs(3600)).unwrap();
    let lonely = impresario_payment::pool(&payments.database, Arc::new(gone));
    let saga = TestSaga::new(1);
    let failed = lonely.run(authorize(&saga, "tok_ok").into()).await;
    assert!(matches!(failed, Outcome::Failed(_)), "{failed:?}");
    let open = lonely.run(ask_authorization(&saga).into()).await;
    assert!(matches!(open, Outcome::StillOpen(_)), "{open:?}");
    // Back again, the key is closed before anything else.
    payments.done(void(&saga)).await;
    assert_eq!(
        payments.run(authorize(&saga, "tok_ok")).await,
        Outcome::Refused
    );
    assert_eq!(payments.log().await, [""; 0]);
}
