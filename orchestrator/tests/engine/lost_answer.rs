//! An error from COMMIT is unknown: the answer of a commit is cut off on its way, and the lane finds out.

use std::time::Duration;

use impresario_protocol::Operation;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::faults::Proxy;
use crate::fixture::{PATIENCE, Replica, database, seat, success};

#[tokio::test]
async fn h11_a_commit_whose_answer_was_lost_counts_once() {
    let direct = database().await;
    let proxy = Proxy::before(&direct).await;
    let replica = Replica::start("a", &proxy.url(&direct)).await;
    // The commit connection is opened by the first commit.
    replica.start_saga("warm-up", seat()).await.unwrap();
    for round in 0..5 {
        proxy.lose_next_commit_answer();
        let saga = replica
            .start_saga(&format!("k{round}"), seat())
            .await
            .unwrap();
        assert!(saga.created, "it was committed, so it is this call's");
        // The commands of a commit that nobody answered are shipped all the same.
        let hold = replica.task(saga.id, "hold", Operation::Forward, 1).await;
        proxy.lose_next_commit_answer();
        replica.answer(&hold, success(json!({"id": 7}))).await;
        let charge = replica.task(saga.id, "charge", Operation::Forward, 1).await;
        replica.answer(&charge, success(json!({"id": 8}))).await;
        replica.task(saga.id, "issue", Operation::Forward, 1).await;
        replica.facts(saga.id).await;
    }
    assert!(proxy.lost() >= 10, "the proxy did its work");
}

/// Found by chaos (seed 8): who waited was told that something is wrong on our side.
#[tokio::test]
async fn h11_a_start_that_is_rolled_back_is_made_again_with_who_waits_behind_it() {
    let url = database().await;
    let replica = Replica::start("a", &url).await;
    replica.start_saga("warm-up", seat()).await.unwrap();
    let mut other = PgConnection::connect(&url).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    sqlx::query("lock table impresario.saga_key in access exclusive mode")
        .execute(&mut *lock)
        .await
        .unwrap();

    let first = replica.start_saga("k1", seat());
    let rest = async {
        // The first one's commit hangs; the second one, of the same key, waits for it in the lane.
        let commit = tokio::time::timeout(PATIENCE, waiting_session(&replica));
        let commit = commit.await.expect("a commit that waits for the lock");
        let second = replica.start_saga("k1", seat());
        let end = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            sqlx::query("select pg_terminate_backend($1)")
                .bind(commit)
                .execute(&replica.engine.database().pool)
                .await
                .unwrap();
            lock.rollback().await.unwrap();
        };
        tokio::join!(second, end).0
    };
    let (first, second) = tokio::join!(first, rest);
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.id, second.id);
    assert!(
        first.created != second.created,
        "one of them has started it"
    );
    let again = replica.start_saga("k1", seat()).await.unwrap();
    assert_eq!((again.id, again.created), (first.id, false));
}

/// The session that waits for a lock, once there is one.
async fn waiting_session(replica: &Replica) -> i32 {
    loop {
        let waits = "select pid from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'";
        let found: Option<i32> = sqlx::query_scalar(waits)
            .fetch_optional(&replica.engine.database().pool)
            .await
            .unwrap();
        if let Some(pid) = found {
            return pid;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
