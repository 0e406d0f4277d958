//! H30: a step that takes longer than the broker's consumer timeout. The broker takes the delivery away and delivers
//! it again, as often as it likes: the effect happens once, the answer comes, and the queue comes to rest.

use std::sync::Arc;
use std::time::Duration;

use impresario_protocol::{Outcome, TaskResult};
use impresario_services::{Folder, RabbitMq, rabbitmq};
use impresario_worker_sdk::amqp::{AmqpSettings, AmqpTransport};
use impresario_worker_sdk::testing::{TestDatabase, TestSaga, forward};
use impresario_worker_sdk::{
    HandlerError, Pool, TaskContext, Transactional, Verdict, Worker, WorkerSettings,
};
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use crate::amqp::{Engine, next};
use crate::fixture::{add, database};

/// Of the broker, in place of half an hour.
const CONSUMER_TIMEOUT: Duration = Duration::from_secs(2);

/// Long enough for three deliveries: the third one is not started any more.
const STEP: Duration = Duration::from_secs(9);

/// Adds one, and takes its time.
struct Long;

#[async_trait::async_trait]
impl Transactional for Long {
    type Input = Value;
    type Output = Value;

    async fn run(
        &self,
        tx: &mut PgConnection,
        _task: &TaskContext,
        _input: Value,
    ) -> Result<Verdict<Value>, HandlerError> {
        let count = add(tx, "long", 1).await?;
        tokio::time::sleep(STEP).await;
        Ok(Verdict::Done(json!({ "count": count })))
    }
}

/// A broker that loses patience within seconds, and looks that often.
fn impatient_broker() -> RabbitMq {
    let mut options = rabbitmq::Options::at(Folder::temporary("impatient"));
    let timeout = CONSUMER_TIMEOUT.as_millis();
    options.settings = vec![format!("consumer_timeout = {timeout}")];
    let broker = RabbitMq::start(options).unwrap();
    let looks = "application:set_env(rabbit, channel_tick_interval, 500).";
    let done = broker
        .ctl()
        .unwrap()
        .args(["eval", looks])
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    broker
}

#[tokio::test(flavor = "multi_thread")]
async fn h30_a_step_longer_than_the_brokers_patience_happens_once_and_is_answered() {
    let broker = tokio::task::spawn_blocking(impatient_broker).await.unwrap();
    let engine = Engine::at(&broker.url(), "long", 60_030).await;
    let mut results = engine.results().await;
    let keep = TestDatabase::create().await;
    let database = database(&keep).await;
    let pool = Pool::with_database(engine.pool.clone(), database.clone())
        .transactional("wait", Long)
        .build();
    let settings = AmqpSettings::new(broker.url(), engine.pool.clone(), 64);
    let transport = Arc::new(AmqpTransport::open(settings));
    let stop = CancellationToken::new();
    let worker = Worker::new(pool, transport, WorkerSettings::default()).run(stop.clone());
    let worker = tokio::spawn(worker);

    let mut task = forward(&TestSaga::new(1), "s", "wait", json!({}));
    task.timeout_ms = 60_000;
    engine.send_task(task).await;
    let mut answers: Vec<TaskResult> = Vec::new();
    let succeeded = |result: &TaskResult| matches!(result.outcome, Outcome::Succeeded { .. });
    while !answers.iter().any(succeeded) {
        answers.extend(next(&mut results).await);
    }
    stop.cancel();
    worker.await.unwrap();
    assert_eq!(
        engine.tasks_left().await,
        0,
        "it would be delivered for ever"
    );

    let log = std::fs::read_to_string(broker.log()).unwrap();
    let taken_away = log.matches("delivery acknowledgement").count();
    assert!(taken_away >= 1, "the broker never lost patience");
    assert!(
        taken_away <= 4,
        "{taken_away} deliveries taken away: a storm"
    );
    let count: i64 = sqlx::query_scalar("select count from counter where name = 'long'")
        .fetch_one(database.pool())
        .await
        .unwrap();
    assert_eq!(count, 1, "the effect happened more than once");
    let no: Vec<&TaskResult> = answers
        .iter()
        .filter(|answer| matches!(answer.outcome, Outcome::Rejected(_) | Outcome::Refused))
        .collect();
    assert!(no.is_empty(), "closed what it has done: {no:?}");
}
