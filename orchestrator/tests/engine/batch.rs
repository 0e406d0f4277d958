//! One bad saga never harms the batch; what a crash left in the outbox is repeated; a row that somebody else inserts
//! meanwhile costs its saga a second look, and its neighbours nothing.

use std::sync::Arc;

use impresario_orchestrator::broker::{Arrival, Receipt};
use impresario_orchestrator::lane::StartError;
use impresario_protocol::Operation;
use serde_json::json;
use sqlx::PgPool;
use tokio::sync::mpsc;

use crate::fixture::{PATIENCE, Replica, database, result, seat, success};

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

#[tokio::test]
async fn h13_a_row_that_another_inserts_meanwhile_is_lost_alone() {
    let replica = Replica::start("a", &database().await).await;
    let saga = replica.start_saga("k1", seat()).await.unwrap().id;
    let neighbour = replica.start_saga("k2", seat()).await.unwrap().id;
    let holds = [
        replica.task(saga, "hold", Operation::Forward, 1).await,
        replica.task(neighbour, "hold", Operation::Forward, 1).await,
    ];
    // Somebody else decides the saga's second row, and has not committed when we look: only the unique key knows.
    let pool = &replica.engine.database().pool;
    let mut other = pool.begin().await.unwrap();
    sqlx::query("insert into journal (saga_id, seq, body) values ($1, 2, $2)")
        .bind(saga.0)
        .bind(br#"{"c":"other.1","at":1,"by":["timer"],"ev":[]}"#.as_slice())
        .execute(&mut *other)
        .await
        .unwrap();
    let (acks, _acknowledged) = mpsc::unbounded_channel();
    let arrival = Arrival::Results {
        partition: 0,
        results: holds
            .iter()
            .map(|hold| result(hold, success(json!({"id": 7}))))
            .collect(),
        receipt: Receipt::new(1, 1, acks),
    };
    replica.arrive(arrival).await;
    wait_for_a_lock(pool).await;
    other.commit().await.unwrap();

    replica
        .task(neighbour, "charge", Operation::Forward, 1)
        .await;
    replica.task(saga, "charge", Operation::Forward, 1).await;
    let nonces = |journal: Vec<serde_json::Value>| -> Vec<String> {
        let nonce = |row: &serde_json::Value| row["c"].as_str().unwrap().to_owned();
        journal.iter().map(nonce).collect()
    };
    let rows = nonces(replica.journal(saga).await);
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert_eq!(rows[1], "other.1");
    assert_eq!(replica.journal(neighbour).await.len(), 2);
}

/// Until a statement of this database waits for another's transaction.
async fn wait_for_a_lock(pool: &PgPool) {
    let waits = async {
        loop {
            let (waits,): (bool,) = sqlx::query_as(
                "select exists (select from pg_stat_activity
                  where datname = current_database() and wait_event_type = 'Lock')",
            )
            .fetch_one(pool)
            .await
            .unwrap();
            if waits {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waits)
        .await
        .expect("the commit waits for the other one's row");
}
