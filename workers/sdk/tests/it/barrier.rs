//! Duplicates, null compensation, late tasks, other inputs: effects in the pool's own schema.

use futures::future::join_all;
use impresario_protocol::Outcome;
use impresario_worker_sdk::testing::{TestSaga, compensation, forward, reconcile};
use serde_json::json;

use crate::fixture::{code, fixture, input, succeeded};

#[tokio::test]
async fn h02_a_repeated_task_has_one_effect_and_one_answer() {
    let test = fixture().await;
    let saga = TestSaga::new(1);
    let task = || forward(&saga, "s", "add", input("a", ""));
    let first = test.run(task()).await;
    assert_eq!(first, succeeded(json!({ "name": "a", "count": 1 })));
    assert_eq!(test.run(task()).await, first);
    let mut again = task();
    again.attempt = 7;
    assert_eq!(test.run(again).await, first);
    assert_eq!(test.count("a").await, 1);
}

#[tokio::test]
async fn h02_concurrent_duplicates_wait_for_the_first_and_answer_the_same() {
    let test = fixture().await;
    let saga = TestSaga::new(1);
    let tasks = (0..6).map(|_| test.run(forward(&saga, "s", "add", input("a", "slow"))));
    let answers = join_all(tasks).await;
    for answer in &answers {
        assert_eq!(*answer, succeeded(json!({ "name": "a", "count": 1 })));
    }
    assert_eq!(test.count("a").await, 1);
}

#[tokio::test]
async fn another_input_under_the_same_key_is_loud_and_does_nothing() {
    let test = fixture().await;
    let saga = TestSaga::new(1);
    test.run(forward(&saga, "s", "add", input("a", ""))).await;
    let other = test.run(forward(&saga, "s", "add", input("b", ""))).await;
    assert_eq!(code(&other), "input_mismatch");
    assert!(matches!(other, Outcome::Failed(_)));
    assert_eq!(test.count("b").await, 0);
}

#[tokio::test]
async fn a_rejection_is_stored_and_leaves_nothing_behind() {
    let test = fixture().await;
    let saga = TestSaga::new(1);
    let task = || forward(&saga, "s", "add", input("a", "reject"));
    let first = test.run(task()).await;
    assert!(matches!(first, Outcome::Rejected(_)));
    assert_eq!(test.run(task()).await, first);
    assert_eq!(test.count("a").await, 0);
    // And there is nothing to undo.
    let undone = test.run(compensation(&saga, "s", "subtract")).await;
    assert_eq!(undone, succeeded(json!({ "null": true })));
    assert_eq!(test.run(task()).await, first, "still the stored answer");
}

#[tokio::test]
async fn a_failure_stores_nothing_so_the_next_attempt_starts_anew() {
    let test = fixture().await;
    let saga = TestSaga::new(1);
    for then in ["fail", "panic"] {
        let failed = test
            .run(forward(&saga, then, "add", input("a", then)))
            .await;
        assert!(matches!(failed, Outcome::Failed(_)), "{then}: {failed:?}");
        assert_eq!(test.count("a").await, 0, "{then}");
    }
    let ok = test
        .run(forward(&saga, "fail", "add", input("a", "")))
        .await;
    assert_eq!(ok, succeeded(json!({ "name": "a", "count": 1 })));
}

#[tokio::test]
async fn h18_an_output_that_no_message_can_carry_is_not_committed() {
    let test = fixture().await;
    let saga = TestSaga::new(1);
    let failed = test
        .run(forward(&saga, "s", "add", input("a", "huge")))
        .await;
    assert_eq!(code(&failed), "output_too_large");
    assert!(matches!(failed, Outcome::Failed(_)), "{failed:?}");
    assert_eq!(test.count("a").await, 0);
}

#[tokio::test]
async fn compensation_undoes_once_and_closes_the_key() {
    let test = fixture().await;
    let saga = TestSaga::new(1);
    test.run(forward(&saga, "s", "add", input("a", ""))).await;
    let undone = test.run(compensation(&saga, "s", "subtract")).await;
    assert_eq!(undone, succeeded(json!({ "left": 0, "was": 1 })));
    assert_eq!(test.run(compensation(&saga, "s", "subtract")).await, undone);
    assert_eq!(test.count("a").await, 0);
    let late = test.run(forward(&saga, "s", "add", input("a", ""))).await;
    assert_eq!(late, Outcome::Refused);
    assert_eq!(test.count("a").await, 0);
}

#[tokio::test]
async fn h08_h09_a_null_compensation_leaves_a_tombstone_that_refuses_the_late_task() {
    let test = fixture().await;
    let saga = TestSaga::new(1);
    let undone = test.run(compensation(&saga, "s", "subtract")).await;
    assert_eq!(undone, succeeded(json!({ "null": true })));
    let late = test.run(forward(&saga, "s", "add", input("a", ""))).await;
    assert_eq!(late, Outcome::Refused);
    assert_eq!(test.run(compensation(&saga, "s", "subtract")).await, undone);
    assert_eq!(test.count("a").await, 0);
    // Another generation is another key.
    let mut next = forward(&saga, "s", "add", input("a", ""));
    next.effect.generation = 2;
    assert!(matches!(test.run(next).await, Outcome::Succeeded { .. }));
}

#[tokio::test]
async fn h08_whoever_comes_first_wins_between_a_task_and_its_compensation() {
    let test = fixture().await;
    let rounds = (0..20).map(|number| {
        let saga = TestSaga::new(number);
        let (test, name) = (&test, format!("race-{number}"));
        async move {
            let forward = test.run(forward(&saga, "s", "add", input(&name, "")));
            let undo = test.run(compensation(&saga, "s", "subtract"));
            let (forward, undo) = tokio::join!(forward, undo);
            assert!(matches!(undo, Outcome::Succeeded { .. }), "{undo:?}");
            assert!(
                matches!(forward, Outcome::Succeeded { .. } | Outcome::Refused),
                "{forward:?}"
            );
            assert_eq!(test.count(&name).await, 0, "{forward:?} {undo:?}");
        }
    });
    join_all(rounds).await;
}

#[tokio::test]
async fn reconcile_finds_the_effect_or_closes_the_key() {
    let test = fixture().await;
    let saga = TestSaga::new(1);
    test.run(forward(&saga, "done", "add", input("a", "")))
        .await;
    let found = test.run(reconcile(&saga, "done", "look")).await;
    assert_eq!(
        found,
        Outcome::Applied {
            output: json!({ "name": "a", "count": 1 })
        }
    );
    test.run(forward(&saga, "no", "add", input("a", "reject")))
        .await;
    assert_eq!(code(&test.run(reconcile(&saga, "no", "look")).await), "no");
    let never = test.run(reconcile(&saga, "never", "look")).await;
    assert!(matches!(never, Outcome::Closed(_)), "{never:?}");
    let late = test
        .run(forward(&saga, "never", "add", input("a", "")))
        .await;
    assert_eq!(late, Outcome::Refused);
}

#[tokio::test]
async fn reconcile_of_a_running_transaction_stays_open() {
    let test = fixture().await;
    let saga = TestSaga::new(1);
    let mut tx = test.database.begin().await.unwrap();
    sqlx::query(
        "insert into barrier (effect, saga, saga_started_at, task, state)
         values ($1, 'x', 1, 'add', 'intent')",
    )
    .bind(forward(&saga, "s", "add", json!({})).effect.to_string())
    .execute(&mut *tx)
    .await
    .unwrap();
    let open = test.run(reconcile(&saga, "s", "look")).await;
    assert_eq!(code(&open), "busy");
    // Nor does a duplicate wait for ever.
    let duplicate = test.run(forward(&saga, "s", "add", input("a", ""))).await;
    assert!(matches!(duplicate, Outcome::Failed(_)), "{duplicate:?}");
    tx.rollback().await.unwrap();
    assert!(matches!(
        test.run(forward(&saga, "s", "add", input("a", ""))).await,
        Outcome::Succeeded { .. }
    ));
}

#[tokio::test]
async fn names_and_operations_that_do_not_fit_are_told() {
    let test = fixture().await;
    let saga = TestSaga::new(1);
    let unknown = test.run(forward(&saga, "s", "nothing", json!({}))).await;
    assert_eq!(code(&unknown), "unknown_task");
    let wrong = test.run(compensation(&saga, "s", "add")).await;
    assert_eq!(code(&wrong), "wrong_operation");
    let unreadable = test
        .run(forward(&saga, "s", "add", json!({ "nom": 1 })))
        .await;
    assert_eq!(code(&unreadable), "bad_input");
}

#[tokio::test]
async fn a_plan_made_while_the_table_is_empty_goes_by_key() {
    let test = fixture().await;
    let mut connection = test.database.pool().acquire().await.unwrap();
    let prepare = "set plan_cache_mode = force_generic_plan;
        prepare settle(text[], text[]) as
        update barrier b set state = s.state
          from unnest($1, $2) as s(effect, state)
         where b.effect = s.effect and b.state = 'intent'";
    sqlx::raw_sql(prepare)
        .execute(&mut *connection)
        .await
        .unwrap();
    let plan: Vec<String> = sqlx::query_scalar("explain execute settle('{a}', '{b}')")
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    let plan = plan.join("\n");
    assert!(plan.contains("barrier_pkey"), "{plan}");
    assert!(!plan.contains("Seq Scan"), "{plan}");
    // The session was changed: it must not go back to the others.
    connection.close().await.unwrap();
}
