//! The AMQP transport against a real RabbitMQ: deliver, answer, acknowledge, lose the connection, stop.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use impresario_protocol::{Outcome, ResultMessage, Task, TaskResult, results_queue, task_queue};
use impresario_worker_sdk::amqp::{AmqpSettings, AmqpTransport};
use impresario_worker_sdk::testing::{TestSaga, forward, message};
use impresario_worker_sdk::{Free, Pool, TaskContext, Transport, Verdict, Worker, WorkerSettings};
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(15);
/// After this long without a result there are no more.
const QUIET: Duration = Duration::from_millis(300);

fn amqp_url() -> String {
    std::env::var("AMQP_URL").unwrap_or_else(|_| {
        panic!("AMQP_URL is not set: these tests need a real RabbitMQ (xtask sets it)")
    })
}

/// The engine's side, with queues of its own.
pub(crate) struct Engine {
    connection: Connection,
    channel: Channel,
    pub(crate) pool: String,
    partition: u16,
}

impl Engine {
    async fn new(name: &str, partition: u16) -> Self {
        Engine::at(&amqp_url(), name, partition).await
    }

    pub(crate) async fn at(url: &str, name: &str, partition: u16) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default())
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        let pool = format!("test-{name}-{}", std::process::id());
        let engine = Engine {
            connection,
            channel,
            pool,
            partition,
        };
        engine.delete_queues().await;
        for queue in [task_queue(&engine.pool), results_queue(partition)] {
            let options = QueueDeclareOptions::durable();
            engine
                .channel
                .queue_declare(queue.into(), options, FieldTable::default())
                .await
                .unwrap();
        }
        engine
    }

    async fn delete_queues(&self) {
        for queue in [task_queue(&self.pool), results_queue(self.partition)] {
            self.channel
                .queue_delete(queue.into(), QueueDeleteOptions::default())
                .await
                .unwrap();
        }
    }

    async fn send(&self, number: u32, input: Value) {
        self.send_task(forward(&TestSaga::new(number), "s", "wait", input))
            .await;
    }

    pub(crate) async fn send_task(&self, task: Task) {
        let body = message(self.partition, vec![task]);
        let properties = BasicProperties::default().with_delivery_mode(2);
        self.channel
            .basic_publish(
                "".into(),
                task_queue(&self.pool).into(),
                BasicPublishOptions::default(),
                &body,
                properties,
            )
            .await
            .unwrap();
    }

    pub(crate) async fn results(&self) -> Consumer {
        self.channel
            .basic_consume(
                results_queue(self.partition).into(),
                "".into(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await
            .unwrap()
    }

    pub(crate) async fn tasks_left(&self) -> u32 {
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::durable()
        };
        let queue = task_queue(&self.pool).into();
        self.channel
            .queue_declare(queue, passive, FieldTable::default())
            .await
            .unwrap()
            .message_count()
    }
}

/// The next message's results: one or, when several were ready, more.
pub(crate) async fn next(results: &mut Consumer) -> Vec<TaskResult> {
    let delivery = tokio::time::timeout(PATIENCE, results.next())
        .await
        .expect("a result in time");
    let delivery = delivery.unwrap().unwrap();
    assert_eq!(*delivery.properties.delivery_mode(), Some(2));
    delivery.ack(BasicAckOptions::default()).await.unwrap();
    let message: ResultMessage = serde_json::from_slice(&delivery.data).unwrap();
    assert!(!message.results.is_empty());
    message.results
}

struct Wait;

#[async_trait::async_trait]
impl Free for Wait {
    async fn run(&self, _task: &TaskContext, input: &Value) -> Verdict<Value> {
        tokio::time::sleep(Duration::from_millis(
            input["wait_ms"].as_u64().unwrap_or(0),
        ))
        .await;
        Verdict::Done(json!({}))
    }
}

struct Running {
    transport: Arc<AmqpTransport>,
    stop: CancellationToken,
    worker: tokio::task::JoinHandle<()>,
}

fn start(engine: &Engine, grace: Duration) -> Running {
    start_at(amqp_url(), engine, grace)
}

fn start_at(url: String, engine: &Engine, grace: Duration) -> Running {
    let settings = AmqpSettings::new(url, engine.pool.clone(), 64);
    let transport = Arc::new(AmqpTransport::open(settings));
    let pool = Pool::free(engine.pool.clone()).free("wait", Wait).build();
    let stop = CancellationToken::new();
    let settings = WorkerSettings {
        grace,
        slots: 1,
        ..WorkerSettings::default()
    };
    let worker = Worker::new(pool, transport.clone(), settings).run(stop.clone());
    Running {
        transport,
        stop,
        worker: tokio::spawn(worker),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_are_answered_and_acknowledged() {
    let engine = Engine::new("answer", 60_001).await;
    let mut results = engine.results().await;
    let running = start(&engine, Duration::from_secs(5));
    for number in 0..20 {
        engine.send(number, json!({})).await;
    }
    let mut answered = Vec::new();
    while answered.len() < 20 {
        answered.extend(next(&mut results).await);
    }
    let good = |result: &TaskResult| matches!(result.outcome, Outcome::Succeeded { .. });
    assert!(
        answered.len() == 20 && answered.iter().all(good),
        "{answered:?}"
    );
    assert!(running.transport.connected());
    running.stop.cancel();
    running.worker.await.unwrap();
    assert_eq!(engine.tasks_left().await, 0, "everything was acknowledged");
    engine.delete_queues().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_queue_and_connection_are_built_again() {
    let engine = Engine::new("rebuild", 60_002).await;
    let mut results = engine.results().await;
    let running = start(&engine, Duration::from_secs(5));
    engine.send(1, json!({})).await;
    next(&mut results).await;
    // The broker cancels the consumer. The worker leaves it to the engine to make the queue again: the engine
    // has to see that what was in it is lost.
    let queue = task_queue(&engine.pool);
    engine
        .channel
        .queue_delete(queue.clone().into(), QueueDeleteOptions::default())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    let look = engine.connection.create_channel().await.unwrap();
    let passive = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::durable()
    };
    let found = look
        .queue_declare(queue.clone().into(), passive, FieldTable::default())
        .await;
    assert!(found.is_err(), "the worker made it");
    let options = QueueDeclareOptions::durable();
    engine
        .channel
        .queue_declare(queue.into(), options, FieldTable::default())
        .await
        .unwrap();
    engine.send(2, json!({})).await;
    assert!(next(&mut results).await[0].saga.ends_with('2'));
    running.stop.cancel();
    running.worker.await.unwrap();
    engine.delete_queues().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h05_results_wait_for_their_queue() {
    let engine = Engine::new("unroutable", 60_003).await;
    let queue = results_queue(engine.partition);
    engine
        .channel
        .queue_delete(queue.clone().into(), QueueDeleteOptions::default())
        .await
        .unwrap();
    let running = start(&engine, Duration::from_secs(5));
    engine.send(1, json!({})).await;
    // Long enough for a few returns.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let options = QueueDeclareOptions::durable();
    engine
        .channel
        .queue_declare(queue.into(), options, FieldTable::default())
        .await
        .unwrap();
    let mut results = engine.results().await;
    assert!(matches!(
        next(&mut results).await[0].outcome,
        Outcome::Succeeded { .. }
    ));
    running.stop.cancel();
    running.worker.await.unwrap();
    engine.delete_queues().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_answers_what_was_taken_and_leaves_the_rest_in_the_queue() {
    let engine = Engine::new("drain", 60_004).await;
    let mut results = engine.results().await;
    for number in 0..30 {
        engine.send(number, json!({ "wait_ms": 150 })).await;
    }
    let running = start(&engine, Duration::from_secs(4));
    let mut answered = u32::try_from(next(&mut results).await.len()).unwrap();
    running.stop.cancel();
    running.worker.await.unwrap();
    while let Ok(more) = tokio::time::timeout(QUIET, next(&mut results)).await {
        answered += u32::try_from(more.len()).unwrap();
    }
    let left = engine.tasks_left().await;
    assert_eq!(left + answered, 30, "{answered} answered, {left} left");
    assert!(
        left >= 20,
        "at most its bound of messages was taken: {left} left"
    );
    engine.delete_queues().await;
}

/// A wire to the broker that can be cut.
struct Wire {
    url: String,
    cut: tokio::sync::broadcast::Sender<()>,
}

async fn wire() -> Wire {
    let url = amqp_url();
    let (credentials, rest) = url.rsplit_once('@').unwrap();
    let (broker, vhost) = rest.split_once('/').unwrap_or((rest, ""));
    let (broker, vhost) = (broker.to_owned(), vhost.to_owned());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap();
    let (cut, _) = tokio::sync::broadcast::channel(4);
    let cutting = cut.clone();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let (broker, mut cut) = (broker.clone(), cutting.subscribe());
            tokio::spawn(async move {
                let mut far = tokio::net::TcpStream::connect(broker).await.unwrap();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    _ = cut.recv() => {}
                }
            });
        }
    });
    Wire {
        url: format!("{credentials}@{here}/{vhost}"),
        cut,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h31_a_cut_wire_loses_no_answer_and_no_old_delivery_is_acknowledged_on_the_new_one() {
    let engine = Engine::new("cut", 60_005).await;
    let mut results = engine.results().await;
    let wire = wire().await;
    // Of two addresses one is gone: it is passed over, whichever is tried first.
    let nodes = format!("amqp://127.0.0.1:1,{}", wire.url);
    let running = start_at(nodes, &engine, Duration::from_secs(5));
    for number in 0..10 {
        engine.send(number, json!({ "wait_ms": 100 })).await;
    }
    let mut seen = std::collections::HashSet::new();
    let note = |results: Vec<TaskResult>| results.into_iter().map(|result| result.saga);
    seen.extend(note(next(&mut results).await));
    wire.cut.send(()).unwrap();
    // Some are answered twice: this pool's free handlers have no barrier.
    while seen.len() < 10 {
        seen.extend(note(next(&mut results).await));
    }
    while let Ok(more) = tokio::time::timeout(QUIET, next(&mut results)).await {
        seen.extend(note(more));
    }
    assert!(running.transport.connected());
    running.stop.cancel();
    running.worker.await.unwrap();
    assert_eq!(
        engine.tasks_left().await,
        0,
        "all of them were acknowledged at last"
    );
    engine.delete_queues().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_engine_the_worker_makes_the_queue_at_last() {
    let engine = Engine::new("alone", 60_006).await;
    engine.delete_queues().await;
    let running = start(&engine, Duration::from_secs(1));
    let queue = task_queue(&engine.pool);
    let passive = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::durable()
    };
    let made = async {
        loop {
            let look = engine.connection.create_channel().await.unwrap();
            let name = queue.clone().into();
            if look
                .queue_declare(name, passive, FieldTable::default())
                .await
                .is_ok()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, made)
        .await
        .expect("the queue in time");
    // As the engine declares it: its own declaration is no conflict.
    let mut arguments = FieldTable::default();
    arguments.insert(
        "x-queue-type".into(),
        lapin::types::AMQPValue::LongString("classic".into()),
    );
    let options = QueueDeclareOptions::durable();
    engine
        .channel
        .queue_declare(queue.into(), options, arguments)
        .await
        .unwrap();
    running.stop.cancel();
    running.worker.await.unwrap();
    engine.delete_queues().await;
}
