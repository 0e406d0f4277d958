//! One bad saga never harms the batch; what a crash left in the outbox is repeated.

use std::sync::Arc;

use impresario_orchestrator::lane::StartError;
use impresario_protocol::Operation;
use serde_json::json;

use crate::fixture::{Replica, database, seat, success};

#[tokio::test]
async fn h25_a_start_that_cannot_be_stored_fails_alone() {
    let replica = Arc::new(Replica::start("a", &database().await).await);
    let mut calls = tokio::task::JoinSet::new();
    for turn in 0..40 {
        let replica = replica.clone();
        calls.spawn(async move {
            // The API refuses U+0000; here it gets through to an attribute, which jsonb cannot hold.
            let bad = turn == 20;
            let input = if bad {
                json!({"seat": "A", "note": "\u{0}"})
            } else {
                json!({"seat": "A"})
            };
            (bad, replica.start_saga(&format!("k{turn}"), input).await)
        });
    }
    for (bad, answer) in calls.join_all().await {
        if bad {
            assert!(matches!(answer, Err(StartError::Engine(_))), "{answer:?}");
        } else {
            assert!(
                answer.is_ok(),
                "a neighbour of a bad saga failed: {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn h11_tasks_that_a_dead_replica_left_are_published_by_another() {
    let url = database().await;
    let a = Replica::start("a", &url).await;
    a.wire.refuse_publications(true);
    let saga = a.start_saga("k1", seat()).await.unwrap().id;
    a.engine.stop().await;
    assert!(a.wire.sent().is_empty());
    let b = Replica::start("b", &url).await;
    // Due now instead of in ten seconds: the test is about who repeats it, not about when.
    sqlx::query("update outbox set due = clock_timestamp()")
        .execute(&b.engine.database().pool)
        .await
        .unwrap();
    let hold = b.task(saga, "hold", Operation::Forward, 1).await;
    b.answer(&hold, success(json!({"id": 7}))).await;
    b.task(saga, "charge", Operation::Forward, 1).await;
    b.wait_outbox_empty().await;
}
