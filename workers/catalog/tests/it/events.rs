//! Events that are closed, opened again, cancelled; sold seats that come back.

use impresario_protocol::{Outcome, Task};
use impresario_worker_sdk::testing::{TestSaga, compensation, forward};
use serde_json::{Value, json};

use crate::fixture::{Catalog, EVENT, catalog, hold, pin, sell};

fn of_event(saga: &TestSaga, task: &str) -> Task {
    forward(saga, task, task, json!({ "event_id": EVENT }))
}

fn free(saga: &TestSaga, hold_id: &Value) -> Task {
    forward(saga, "free", "free-seats", json!({ "hold_id": hold_id }))
}

async fn state(catalog: &Catalog) -> String {
    sqlx::query_scalar("select state from event where event_id = $1::uuid")
        .bind(EVENT)
        .fetch_one(catalog.database.pool())
        .await
        .unwrap()
}

fn code(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Failed(problem) | Outcome::Rejected(problem) => &problem.code,
        other => panic!("neither failed nor rejected: {other:?}"),
    }
}

#[tokio::test]
async fn nothing_of_a_closed_event_is_held_or_pinned_and_what_was_pinned_is_sold() {
    let catalog = catalog().await;
    let (held, pinned) = (TestSaga::new(1), TestSaga::new(2));
    let first = catalog.done(hold(&held, &["A1"])).await;
    let second = catalog.done(hold(&pinned, &["A2"])).await;
    catalog.done(pin(&pinned, &second["hold_id"])).await;
    let closing = TestSaga::new(3);
    let closed = catalog.done(of_event(&closing, "close-event")).await;
    assert_eq!(closed["was_on_sale"], true);
    let late = catalog.rejected(hold(&TestSaga::new(4), &["A3"])).await;
    assert_eq!(late.0, "event_closed");
    let late = catalog.rejected(pin(&held, &first["hold_id"])).await;
    assert_eq!(late.0, "event_closed");
    // The list of sold holds waits for the one that goes on.
    let waiting = catalog.run(of_event(&closing, "sold-holds")).await;
    assert!(matches!(waiting, Outcome::Failed(_)), "{waiting:?}");
    assert_eq!(code(&waiting), "sales_under_way");
    catalog.done(sell(&pinned, &second["hold_id"])).await;
    let sold = catalog.done(of_event(&closing, "sold-holds")).await;
    assert_eq!(sold, json!({ "holds": [second["hold_id"]] }));
}

#[tokio::test]
async fn a_closed_event_is_opened_again_unless_it_was_closed_before_or_cancelled() {
    let catalog = catalog().await;
    let (first, second, third) = (TestSaga::new(1), TestSaga::new(2), TestSaga::new(3));
    let reopen = |saga: &TestSaga| compensation(saga, "close-event", "reopen-event");
    catalog.done(of_event(&first, "close-event")).await;
    catalog.done(of_event(&second, "close-event")).await;
    catalog.done(reopen(&second)).await;
    assert_eq!(state(&catalog).await, "closed", "the first one closed it");
    catalog.done(reopen(&first)).await;
    assert_eq!(state(&catalog).await, "on_sale");
    let open = catalog.run(of_event(&first, "sold-holds")).await;
    assert_eq!(code(&open), "event_on_sale");
    catalog.done(of_event(&third, "close-event")).await;
    catalog.done(of_event(&third, "cancel-event")).await;
    catalog.done(reopen(&third)).await;
    assert_eq!(state(&catalog).await, "cancelled");
    let again = catalog
        .rejected(of_event(&TestSaga::new(4), "close-event"))
        .await;
    assert_eq!(again.0, "event_cancelled");
}

#[tokio::test]
async fn sold_seats_that_were_given_back_can_be_sold_again() {
    let catalog = catalog().await;
    let (buyer, refund, next) = (TestSaga::new(1), TestSaga::new(2), TestSaga::new(3));
    let held = catalog.done(hold(&buyer, &["B1", "B2"])).await;
    let early = catalog
        .rejected(free(&TestSaga::new(9), &held["hold_id"]))
        .await;
    assert_eq!(early.0, "hold_not_sold", "it is the buyer's to release");
    catalog.done(pin(&buyer, &held["hold_id"])).await;
    catalog.done(sell(&buyer, &held["hold_id"])).await;
    let freed = catalog.done(free(&refund, &held["hold_id"])).await;
    assert_eq!(
        (&freed["freed"], &freed["seats"]),
        (&json!(2), &json!(["B1", "B2"]))
    );
    let again = catalog.done(hold(&next, &["B1"])).await;
    // A second refund of the old booking takes nothing from the new owner.
    let nothing = catalog
        .done(free(&TestSaga::new(4), &held["hold_id"]))
        .await;
    assert_eq!(nothing["freed"], 0);
    assert_eq!(catalog.owner("B1").await, again["hold_id"]);
    assert_eq!(catalog.owner("B2").await, Value::Null);
}
