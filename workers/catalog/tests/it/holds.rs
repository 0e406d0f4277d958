//! One saga at a time: hold, pin, sell, release, and every way to be told no.

use impresario_protocol::Outcome;
use impresario_worker_sdk::testing::{TestSaga, forward};
use serde_json::{Value, json};

use crate::fixture::{EVENT, catalog, hold, hold_seconds, pin, release, sell};

#[tokio::test]
async fn seats_are_held_pinned_and_sold_at_the_catalogue_s_price() {
    let catalog = catalog().await;
    let saga = TestSaga::new(1);
    let held = catalog.done(hold(&saga, &["A2", "A1"])).await;
    assert_eq!(
        held["price"],
        json!({ "amount": 19_000, "currency": "EUR" })
    );
    assert_eq!(held["seats"], json!(["A2", "A1"]));
    assert!(held["expires_at"].as_str().unwrap().ends_with('Z'));
    let hold_id = &held["hold_id"];
    assert_eq!(
        catalog.done(pin(&saga, hold_id)).await,
        json!({ "hold_id": hold_id })
    );
    assert_eq!(
        catalog.done(sell(&saga, hold_id)).await,
        json!({ "seats": ["A2", "A1"] })
    );
    assert_eq!(catalog.owner("A1").await, *hold_id);
    // Sold is sold: only a person takes that back.
    let released = catalog.run(release(&saga)).await;
    assert!(matches!(&released, Outcome::Failed(problem) if problem.code == "seats_sold"));
}

#[tokio::test]
async fn a_released_hold_frees_its_seats_pinned_or_not() {
    let catalog = catalog().await;
    for (number, pinned) in [(1, false), (2, true)] {
        let saga = TestSaga::new(number);
        let held = catalog.done(hold(&saga, &["B1", "B2"])).await;
        if pinned {
            catalog.done(pin(&saga, &held["hold_id"])).await;
        }
        assert_eq!(catalog.done(release(&saga)).await, json!({ "released": 2 }));
        assert_eq!(catalog.owner("B1").await, Value::Null);
        let late = catalog.rejected(pin(&TestSaga::new(number), &held["hold_id"]));
        if !pinned {
            assert_eq!(late.await.0, "hold_lost");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_held_is_rejected_by_name() {
    let catalog = catalog().await;
    catalog.done(hold(&TestSaga::new(1), &["C1", "C2"])).await;
    let taken = catalog
        .rejected(hold(&TestSaga::new(2), &["C3", "C2", "C1"]))
        .await;
    assert_eq!(
        taken,
        ("seats_taken".into(), "already taken: C1, C2".into())
    );
    assert_eq!(catalog.owner("C3").await, Value::Null, "all or nothing");
    let unknown = catalog
        .rejected(hold(&TestSaga::new(3), &["C4", "ZZ9"]))
        .await;
    assert_eq!(
        unknown,
        ("unknown_seat".into(), "this event has no seat ZZ9".into())
    );
    let mut elsewhere = hold(&TestSaga::new(4), &["C5"]);
    elsewhere.input["event_id"] = json!("00000000-0000-4000-8000-000000000000");
    assert_eq!(catalog.rejected(elsewhere).await.0, "unknown_event");
    let mut nonsense = hold(&TestSaga::new(5), &["C5"]);
    nonsense.input["event_id"] = json!("tonight");
    assert_eq!(catalog.rejected(nonsense).await.0, "unknown_event");
    for seats in [&[] as &[&str], &["C6", "C6"]] {
        let number = 10 + u32::try_from(seats.len()).unwrap();
        assert_eq!(
            catalog
                .rejected(hold(&TestSaga::new(number), seats))
                .await
                .0,
            "bad_seats"
        );
    }
    sqlx::query("update event set state = 'closed' where event_id = $1::uuid")
        .bind(EVENT)
        .execute(catalog.database.pool())
        .await
        .unwrap();
    assert_eq!(
        catalog.rejected(hold(&TestSaga::new(6), &["C7"])).await.0,
        "event_closed"
    );
}

#[tokio::test]
async fn only_the_owner_of_a_living_hold_may_pin_or_sell_it() {
    let catalog = catalog().await;
    let (owner, thief) = (TestSaga::new(1), TestSaga::new(2));
    let held = catalog.done(hold(&owner, &["D1"])).await;
    assert_eq!(
        catalog.rejected(pin(&thief, &held["hold_id"])).await.0,
        "hold_lost"
    );
    assert_eq!(
        catalog.rejected(sell(&thief, &held["hold_id"])).await.0,
        "hold_lost"
    );
    let nothing = json!("00000000-0000-4000-8000-000000000000");
    assert_eq!(
        catalog.rejected(sell(&owner, &nothing)).await.0,
        "hold_lost"
    );
    let expired = catalog
        .done(hold_seconds(&TestSaga::new(3), &["D2"], 0))
        .await;
    let late = catalog
        .rejected(pin(&TestSaga::new(3), &expired["hold_id"]))
        .await;
    assert_eq!(late.0, "hold_lost", "although nobody else wants the seat");
}

#[tokio::test]
async fn an_expired_hold_gives_way_and_its_late_release_takes_nothing_from_the_next_owner() {
    let catalog = catalog().await;
    let (slow, quick) = (TestSaga::new(1), TestSaga::new(2));
    catalog.done(hold_seconds(&slow, &["E1", "E2"], 0)).await;
    let next = catalog.done(hold(&quick, &["E1"])).await;
    catalog.done(pin(&quick, &next["hold_id"])).await;
    catalog.done(sell(&quick, &next["hold_id"])).await;
    // E2 still pointed to the slow saga's hold, E1 did not.
    assert_eq!(catalog.done(release(&slow)).await, json!({ "released": 1 }));
    assert_eq!(catalog.owner("E1").await, next["hold_id"]);
    assert_eq!(catalog.owner("E2").await, Value::Null);
}

#[tokio::test]
async fn the_sweeper_frees_what_expired_and_nothing_else() {
    let catalog = catalog().await;
    let (gone, pinned, alive) = (TestSaga::new(1), TestSaga::new(2), TestSaga::new(3));
    catalog.done(hold_seconds(&gone, &["F1"], 0)).await;
    let kept = catalog.done(hold(&pinned, &["F2"])).await;
    catalog.done(pin(&pinned, &kept["hold_id"])).await;
    let held = catalog.done(hold(&alive, &["F3"])).await;
    assert_eq!(
        impresario_catalog::sweep(&catalog.database).await.unwrap(),
        1
    );
    assert_eq!(
        impresario_catalog::sweep(&catalog.database).await.unwrap(),
        0
    );
    assert_eq!(catalog.owner("F1").await, Value::Null);
    assert_eq!(catalog.owner("F2").await, kept["hold_id"]);
    assert_eq!(catalog.owner("F3").await, held["hold_id"]);
    assert_eq!(catalog.done(release(&gone)).await, json!({ "released": 0 }));
}

#[tokio::test]
async fn a_task_before_its_hold_is_refused_after_the_release() {
    let catalog = catalog().await;
    let saga = TestSaga::new(1);
    assert_eq!(catalog.done(release(&saga)).await, json!({ "null": true }));
    assert_eq!(catalog.run(hold(&saga, &["G1"])).await, Outcome::Refused);
    assert_eq!(catalog.owner("G1").await, Value::Null);
    let found = forward(
        &saga,
        "other",
        "hold-seats",
        json!({ "event_id": EVENT, "seats": ["G1"] }),
    );
    catalog.done(found).await;
}
