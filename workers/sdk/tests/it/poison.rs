//! Redelivered lists: one by one, counted, and given up at the third start.

use std::sync::Arc;
use std::time::Duration;

use impresario_protocol::Outcome;
use impresario_worker_sdk::testing::{MemoryTransport, TestSaga, forward, message};
use impresario_worker_sdk::{Transport, Worker, WorkerSettings};
use tokio_util::sync::CancellationToken;

use crate::fixture::{code, fixture, input};

async fn starts(test: &crate::fixture::Fixture) -> Option<i32> {
    sqlx::query_scalar("select starts from task_start")
        .fetch_optional(test.database.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn h17_the_third_start_without_an_answer_is_answered_unknown() {
    let test = fixture().await;
    let saga = TestSaga::new(1);
    let body = || {
        let poison = forward(&saga, "s", "add", input("a", "slow"));
        let sibling = forward(&TestSaga::new(2), "s", "add", input("b", ""));
        message(0, vec![poison, sibling])
    };
    // Two workers die over it: their runtimes end while the task is running.
    for expected in [None, Some(2)] {
        let transport = Arc::new(MemoryTransport::default());
        let worker = Worker::new(
            test.pool.clone(),
            transport.clone(),
            WorkerSettings::default(),
        );
        let running = tokio::spawn(worker.run(CancellationToken::new()));
        transport.deliver(body(), expected.is_some());
        tokio::time::sleep(Duration::from_millis(100)).await;
        running.abort();
        // What the dead worker had begun does not commit: take its row away with it.
        tokio::time::sleep(Duration::from_millis(400)).await;
        sqlx::query("delete from barrier")
            .execute(test.database.pool())
            .await
            .unwrap();
        sqlx::query("delete from counter")
            .execute(test.database.pool())
            .await
            .unwrap();
        if expected.is_some() {
            sqlx::query(
                "insert into task_start values ($1, 'forward', 1, 2) on conflict do nothing",
            )
            .bind(
                forward(&saga, "s", "add", input("a", ""))
                    .effect
                    .to_string(),
            )
            .execute(test.database.pool())
            .await
            .unwrap();
            assert_eq!(starts(&test).await, expected);
        }
    }
    let transport = Arc::new(MemoryTransport::default());
    let worker = Worker::new(
        test.pool.clone(),
        transport.clone(),
        WorkerSettings::default(),
    );
    let stop = CancellationToken::new();
    let running = tokio::spawn(worker.run(stop.clone()));
    transport.deliver(body(), true);
    let answers = transport.answers(2).await;
    assert_eq!(code(&answers[0]), "poisoned");
    assert!(matches!(answers[0], Outcome::Unknown(_)));
    assert!(
        matches!(answers[1], Outcome::Succeeded { .. }),
        "its sibling is well"
    );
    transport
        .wait_until("the acknowledgement", |t| t.acknowledged() == 1)
        .await;
    assert_eq!(test.count("a").await, 0);
    assert_eq!(
        starts(&test).await,
        None,
        "an answered task is not counted any more"
    );
    stop.cancel();
    running.await.unwrap();
    assert!(!transport.connected());
}

#[tokio::test]
async fn h17_a_healthy_redelivery_is_simply_answered() {
    let test = fixture().await;
    let transport = Arc::new(MemoryTransport::default());
    let worker = Worker::new(
        test.pool.clone(),
        transport.clone(),
        WorkerSettings::default(),
    );
    let stop = CancellationToken::new();
    let running = tokio::spawn(worker.run(stop.clone()));
    let saga = TestSaga::new(1);
    for (number, redelivered) in [false, true, true, true, true].into_iter().enumerate() {
        let body = message(0, vec![forward(&saga, "s", "add", input("a", ""))]);
        transport.deliver(body, redelivered);
        // A broker delivers again only what was not acknowledged.
        let acknowledged = |transport: &MemoryTransport| transport.acknowledged() > number;
        transport
            .wait_until("the acknowledgement", acknowledged)
            .await;
    }
    let answers = transport.answers(5).await;
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert_eq!(test.count("a").await, 1);
    stop.cancel();
    running.await.unwrap();
}
