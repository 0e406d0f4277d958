//! H23: a pool's queue takes so many tasks and no more; the rest waits in the outbox, not in memory.

use std::time::Duration;

use impresario_orchestrator::broker::PoolDepth;
use impresario_protocol::Operation;

use crate::fixture::{Replica, database, seat};

#[tokio::test]
async fn h23_past_the_credit_tasks_wait_in_the_outbox_and_a_cancel_still_works() {
    let replica = Replica::start("a", &database().await).await;
    // The window is 20,000 tasks: this queue is full, and somebody works on it.
    replica.wire.pools_look_like(PoolDepth {
        messages: 20_000,
        consumers: 1,
    });
    let mut sagas = Vec::new();
    for number in 0..20 {
        let key = format!("k{number}");
        sagas.push(replica.start_saga(&key, seat()).await.unwrap().id);
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let sent = replica.wire.sent();
    assert!(sent.is_empty(), "sent into a full queue: {sent:?}");
    let (rows, tasks): (i64, i64) =
        sqlx::query_as("select count(*), sum(cardinality(tasks))::int8 from outbox")
            .fetch_one(&replica.engine.database().pool)
            .await
            .unwrap();
    assert!(rows >= 1, "no row is held back");
    assert_eq!(tasks, 20, "each task is in the outbox, once");

    // Undispatched as far as the world is concerned, and it can be undone.
    let cancelled = replica
        .engine
        .cancel(sagas[0], crate::fixture::stamp("c1"), None)
        .await;
    assert!(cancelled.unwrap().changed);

    replica.wire.pools_look_like(PoolDepth {
        messages: 0,
        consumers: 1,
    });
    for saga in &sagas {
        replica.task(*saga, "hold", Operation::Forward, 1).await;
    }
    replica
        .task(sagas[0], "hold", Operation::Compensate, 1)
        .await;
    replica.wait_outbox_empty().await;
}
