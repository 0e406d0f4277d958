//! The worker's runtime on a transport in memory: answers, time, bad messages, stopping.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use impresario_protocol::{Outcome, Task};
use impresario_worker_sdk::testing::{MemoryTransport, TestSaga, forward, message};
use impresario_worker_sdk::{Free, Pool, TaskContext, Verdict, Worker, WorkerSettings, echo};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::fixture::code;

/// Waits as long as its input says, or panics.
struct Wait;

#[async_trait]
impl Free for Wait {
    async fn run(&self, _task: &TaskContext, input: &Value) -> Verdict<Value> {
        let wait_ms = input["wait_ms"]
            .as_u64()
            .unwrap_or_else(|| panic!("asked to panic"));
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        Verdict::Done(json!({ "waited_ms": wait_ms }))
    }
}

/// Goes on when it is let.
struct Held(Arc<Semaphore>);

#[async_trait]
impl Free for Held {
    async fn run(&self, _task: &TaskContext, _input: &Value) -> Verdict<Value> {
        let leave = self.0.acquire().await;
        Verdict::Done(json!({ "let": leave.is_ok() }))
    }
}

struct Running {
    transport: Arc<MemoryTransport>,
    stop: CancellationToken,
    worker: JoinHandle<()>,
}

fn start(pool: Pool, settings: WorkerSettings) -> Running {
    let transport = Arc::new(MemoryTransport::default());
    let stop = CancellationToken::new();
    let worker = Worker::new(pool, transport.clone(), settings).run(stop.clone());
    Running {
        transport,
        stop,
        worker: tokio::spawn(worker),
    }
}

fn waiting() -> Running {
    start(
        Pool::free("wait").free("wait", Wait).build(),
        WorkerSettings::default(),
    )
}

fn wait(number: u32, wait_ms: u64) -> Task {
    forward(
        &TestSaga::new(number),
        "s",
        "wait",
        json!({ "wait_ms": wait_ms }),
    )
}

impl Running {
    async fn stop(self) -> Arc<MemoryTransport> {
        self.stop.cancel();
        self.worker.await.unwrap();
        self.transport
    }
}

#[tokio::test]
async fn a_list_of_free_tasks_is_answered_with_few_messages_and_one_acknowledgement() {
    let running = start(echo::pool(), WorkerSettings::default());
    let tasks = (0..100).map(|number| {
        forward(
            &TestSaga::new(number),
            "s",
            "reserve",
            json!({ "id": number }),
        )
    });
    running
        .transport
        .deliver(message(3, tasks.collect()), false);
    let answers = running.transport.answers(100).await;
    let expected = Outcome::Succeeded {
        output: json!({ "id": 0, "step": "reserve", "code": 200 }),
    };
    assert_eq!(answers[0], expected);
    running
        .transport
        .wait_until("the acknowledgement", |t| t.acknowledged() == 1)
        .await;
    assert!(
        running.transport.messages() < 50,
        "{} messages",
        running.transport.messages()
    );
    assert!(
        running
            .transport
            .results()
            .iter()
            .all(|(partition, _)| *partition == 3)
    );
    running.stop().await;
}

#[tokio::test]
async fn echo_fails_when_asked_and_undoes_nothing() {
    let pool = echo::pool();
    let saga = TestSaga::new(1);
    let asked = forward(&saga, "s", "confirm", json!({ "id": 1, "fail": true }));
    assert_eq!(code(&pool.run(asked.into()).await), "asked_to_fail");
    let release = impresario_worker_sdk::testing::compensation(&saga, "s", "release");
    assert_eq!(
        pool.run(release.into()).await,
        Outcome::Succeeded { output: json!({}) }
    );
}

#[tokio::test]
async fn a_slow_and_a_panicking_task_hold_nobody_back() {
    let running = waiting();
    let mut bad = wait(1, 0);
    bad.input = json!({});
    running
        .transport
        .deliver(message(0, vec![wait(0, 400), bad, wait(2, 0)]), false);
    let first_two = running.transport.answers(2).await;
    assert_eq!(code(&first_two[0]), "worker_panic");
    assert!(matches!(first_two[1], Outcome::Succeeded { .. }));
    assert_eq!(
        running.transport.acknowledged(),
        0,
        "one task is still unanswered"
    );
    running.transport.answers(3).await;
    running
        .transport
        .wait_until("the acknowledgement", |t| t.acknowledged() == 1)
        .await;
    running.stop().await;
}

#[tokio::test]
async fn h30_time_is_kept_not_after_heartbeats_timeout() {
    let running = waiting();
    let (mut late, mut long, mut too_long) = (wait(0, 0), wait(1, 250), wait(2, 60_000));
    late.not_after = Some(1);
    long.timeout_ms = 300;
    too_long.timeout_ms = 200;
    running
        .transport
        .deliver(message(0, vec![late, long, too_long]), false);
    let answers = running.transport.answers(3).await;
    assert_eq!(answers[0], Outcome::Expired);
    assert_eq!(code(&answers[1]), "timeout");
    assert!(matches!(answers[1], Outcome::Unknown(_)));
    assert!(matches!(answers[2], Outcome::Succeeded { .. }));
    let results = running.transport.results();
    let beats = results
        .iter()
        .filter(|(_, result)| result.outcome == Outcome::Heartbeat)
        .count();
    assert!((3..=4).contains(&beats), "{beats} heartbeats");
    running.stop().await;
}

#[tokio::test]
async fn h17_what_cannot_be_read_is_acknowledged_and_its_siblings_are_answered() {
    let running = waiting();
    running.transport.deliver(b"no JSON".to_vec(), false);
    running
        .transport
        .wait_until("the acknowledgement", |t| t.acknowledged() == 1)
        .await;
    let mut body: Value =
        serde_json::from_slice(&message(0, vec![wait(1, 0), wait(2, 0)])).unwrap();
    body["tasks"][0]["timeout_ms"] = json!("soon");
    running
        .transport
        .deliver(body.to_string().into_bytes(), false);
    let answers = running.transport.answers(2).await;
    assert_eq!(code(&answers[0]), "bad_message");
    assert!(matches!(answers[1], Outcome::Succeeded { .. }));
    running
        .transport
        .wait_until("the acknowledgement", |t| t.acknowledged() == 2)
        .await;
    running.stop().await;
}

#[tokio::test]
async fn h04_an_answer_is_published_until_it_is_confirmed() {
    let running = waiting();
    running.transport.fail_publishes(3);
    running
        .transport
        .deliver(message(0, vec![wait(1, 0)]), false);
    running
        .transport
        .wait_until("the acknowledgement", |t| t.acknowledged() == 1)
        .await;
    assert_eq!(running.transport.messages(), 1);
    running.stop().await;
}

#[tokio::test]
async fn stopping_finishes_what_runs_and_hands_back_what_has_not_started() {
    let settings = WorkerSettings {
        slots: 1,
        grace: Duration::from_millis(400),
        ..Default::default()
    };
    let running = start(Pool::free("wait").free("wait", Wait).build(), settings);
    // One slot: the first runs within the grace, the second starts in it and outlives it, the third never starts.
    let mut outlives = wait(2, 2_000);
    outlives.timeout_ms = 1_000;
    running
        .transport
        .deliver(message(0, vec![wait(1, 200)]), false);
    running
        .transport
        .deliver(message(0, vec![outlives, wait(3, 0)]), false);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let transport = running.stop().await;
    let answers = transport.answers(3).await;
    assert!(matches!(answers[0], Outcome::Succeeded { .. }));
    assert_eq!(code(&answers[1]), "draining");
    assert_eq!(code(&answers[2]), "timeout");
    assert_eq!(transport.acknowledged(), 2);
}

#[tokio::test]
async fn who_watches_sees_the_slots_in_use_and_the_drain_until_its_end() {
    let leave = Arc::new(Semaphore::new(0));
    let pool = Pool::free("held").free("hold", Held(leave.clone())).build();
    let (transport, stop) = (
        Arc::new(MemoryTransport::default()),
        CancellationToken::new(),
    );
    let settings = WorkerSettings {
        slots: 8,
        ..WorkerSettings::default()
    };
    let worker = Worker::new(pool, transport.clone(), settings);
    let watch = worker.watch();
    let seen = || (watch.slots_used(), watch.is_draining());
    assert_eq!((watch.pool(), watch.slots_total()), ("held", 8));
    assert_eq!(seen(), (0, false));

    let running = tokio::spawn(worker.run(stop.clone()));
    let tasks = (0..2).map(|number| forward(&TestSaga::new(number), "s", "hold", json!({})));
    transport.deliver(message(0, tasks.collect()), false);
    transport
        .wait_until("both run", |_| seen() == (2, false))
        .await;
    stop.cancel();
    transport
        .wait_until("it drains, and both still run", |_| seen() == (2, true))
        .await;
    leave.add_permits(2);
    running.await.unwrap();
    assert_eq!(seen(), (0, true));
    assert_eq!(transport.results().len(), 2);
}
