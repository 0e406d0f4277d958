//! An outage spends nothing: no consumer, results unread, a transport that forgot.

use std::time::Duration;

use impresario_orchestrator::broker::PoolDepth;
use impresario_protocol::{Operation, Outcome};
use serde_json::json;

use crate::fixture::{Replica, Setup, database, seat, success};

#[tokio::test]
async fn h06_silence_of_a_pool_that_is_there_spends_attempts_until_the_outcome_is_unknown() {
    let replica = Replica::start("a", &database().await).await;
    let saga = replica.start_saga("k1", seat()).await.unwrap().id;
    let hold = replica.task(saga, "hold", Operation::Forward, 1).await;
    replica.answer(&hold, success(json!({"id": 7}))).await;
    replica.task(saga, "charge", Operation::Forward, 1).await;
    replica.task(saga, "charge", Operation::Forward, 2).await;
    // `on_unknown: operator` for the pivot.
    replica.wait_status(saga, "stuck").await;
}

#[tokio::test]
async fn h23_a_pool_without_a_consumer_spends_nothing() {
    let replica = Replica::start("a", &database().await).await;
    replica.wire.pools_look_like(PoolDepth {
        messages: 1,
        consumers: 0,
    });
    let saga = replica.start_saga("k1", seat()).await.unwrap().id;
    replica.task(saga, "hold", Operation::Forward, 1).await;
    // Three timeouts long nobody is there.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let sent = replica.wire.sent();
    assert_eq!(
        sent.len(),
        1,
        "an attempt was spent on an absent pool: {sent:?}"
    );
    // It comes back, and finds the task too old: unstarted, unspent, sent again.
    replica.wire.pools_look_like(PoolDepth {
        messages: 0,
        consumers: 1,
    });
    replica.answer(&sent[0], Outcome::Expired).await;
    let again = replica.task(saga, "hold", Operation::Forward, 2).await;
    replica.answer(&again, success(json!({"id": 7}))).await;
    replica.task(saga, "charge", Operation::Forward, 1).await;
}

#[tokio::test]
async fn results_that_nobody_reads_spend_nothing() {
    let setup = Setup {
        results_unread: true,
        ..Setup::default()
    };
    let replica = Replica::start_with("a", &database().await, setup).await;
    let saga = replica.start_saga("k1", seat()).await.unwrap().id;
    let hold = replica.task(saga, "hold", Operation::Forward, 1).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        replica.wire.sent().len(),
        1,
        "silence was believed although nobody listened"
    );
    replica.answer(&hold, success(json!({"id": 7}))).await;
    replica.task(saga, "charge", Operation::Forward, 1).await;
}

#[tokio::test]
async fn a_transport_that_forgot_is_sent_the_open_attempts_again_unspent() {
    let url = database().await;
    let a = Replica::start("a", &url).await;
    let saga = a.start_saga("k1", seat()).await.unwrap().id;
    a.task(saga, "hold", Operation::Forward, 1).await;
    a.wait_outbox_empty().await;
    a.engine.stop().await;
    let b = Replica::start_with(
        "b",
        &url,
        Setup {
            transport_forgets: true,
            ..Setup::default()
        },
    )
    .await;
    let again = b.task(saga, "hold", Operation::Forward, 1).await;
    b.answer(&again, success(json!({"id": 7}))).await;
    b.task(saga, "charge", Operation::Forward, 1).await;
}
