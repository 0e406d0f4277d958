//! A task that waits inside the worker until its time is over has not begun, and never will: it is `expired`.
//!
//! Were it answered `unknown`, each task of a backlog would spend an attempt on the wait for a connection; and
//! were it done all the same, work that nobody waits for would hold up what is still in time.

use std::sync::Arc;
use std::time::Duration;

use impresario_protocol::{Outcome, Task};
use impresario_worker_sdk::testing::{
    MemoryTransport, TestSaga, compensation, forward, message, reconcile,
};
use impresario_worker_sdk::{Worker, WorkerSettings};
use tokio_util::sync::CancellationToken;

use crate::fixture::{fixture, input};

fn hurried(mut task: Task) -> Task {
    task.timeout_ms = 200;
    task
}

#[tokio::test]
async fn without_a_connection_in_time_nothing_is_done_and_the_answer_is_expired() {
    let test = fixture().await;
    let mut taken = Vec::new();
    for _ in 0..test.database.pool().options().get_max_connections() {
        taken.push(test.database.pool().acquire().await.unwrap());
    }
    let transport = Arc::new(MemoryTransport::default());
    let worker = Worker::new(
        test.pool.clone(),
        transport.clone(),
        WorkerSettings::default(),
    );
    let stop = CancellationToken::new();
    let running = tokio::spawn(worker.run(stop.clone()));
    let tasks = vec![
        hurried(forward(&TestSaga::new(1), "s", "add", input("a", ""))),
        hurried(compensation(&TestSaga::new(2), "s", "subtract")),
        hurried(reconcile(&TestSaga::new(3), "s", "look")),
    ];
    transport.deliver(message(0, tasks), false);
    let expired = vec![Outcome::Expired; 3];
    assert_eq!(transport.answers(3).await, expired);

    drop(taken);
    // What waited gets its connection now; a task in time behind it shows that its turn has come and gone.
    let behind = forward(&TestSaga::new(4), "s", "add", input("b", ""));
    transport.deliver(message(0, vec![behind]), false);
    let patience = Duration::from_secs(10);
    tokio::time::timeout(patience, transport.answers(4))
        .await
        .unwrap();
    assert_eq!((test.count("a").await, test.count("b").await), (0, 1));
    let rows: i64 = sqlx::query_scalar("select count(*) from barrier")
        .fetch_one(test.database.pool())
        .await
        .unwrap();
    assert_eq!(rows, 1, "no row for what was never begun");
    stop.cancel();
    running.await.unwrap();
}
