//! An error from COMMIT is unknown: the answer of a commit is cut off on its way, and the lane finds out.

use impresario_protocol::Operation;
use serde_json::json;

use crate::faults::Proxy;
use crate::fixture::{Replica, database, seat, success};

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
