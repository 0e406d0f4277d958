//! What the tests share: an engine's end of the broker part, and a plain AMQP client that plays the workers
//! and the careless operator.

use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use impresario_orchestrator::broker::rabbit::{Options, Rabbit};
use impresario_orchestrator::broker::{Arrival, Broker, TaskList};
use impresario_protocol::{
    Direction, EffectKey, Operation, Outcome, ResultMessage, Task, TaskMessage, TaskResult,
    results_queue, task_queue,
};
use lapin::options::*;
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use tokio::sync::mpsc;

/// Longest wait for anything that must happen.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

pub(crate) fn amqp_url() -> String {
    std::env::var("AMQP_URL").unwrap_or_else(|_| {
        panic!("AMQP_URL is not set: these tests need a RabbitMQ, for example amqp://guest:guest@localhost:5672/%2f")
    })
}

/// A pool that no other test and no earlier run uses.
pub(crate) fn unique_pool() -> String {
    format!("test-{}", uuid::Uuid::new_v4().simple())
}

/// A partition that no other test of this run uses; the start is random, so that runs hardly meet either.
pub(crate) fn unique_partition() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    static START: std::sync::OnceLock<u16> = std::sync::OnceLock::new();
    let start = START.get_or_init(|| (uuid::Uuid::new_v4().as_u128() % 60_000) as u16 + 1_000);
    start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn encoded_task(saga: &str) -> Vec<u8> {
    serde_json::to_vec(&Task {
        saga: saga.into(),
        definition: "booking".into(),
        version: None,
        parent: None,
        tenant: "t".into(),
        step: "reserve".into(),
        task: "hold-seats".into(),
        operation: Operation::Forward,
        effect: EffectKey {
            saga: "9f3c".into(),
            step: "reserve".into(),
            direction: Direction::Forward,
            generation: 1,
        },
        attempt: 1,
        not_after: None,
        timeout_ms: 1_000,
        heartbeat_ms: None,
        saga_started_at: 0,
        input: serde_json::json!({}),
        traceparent: None,
    })
    .unwrap()
}

/// A success of one saga's task.
pub(crate) fn encoded_result(saga: &str) -> Vec<u8> {
    let result = TaskResult {
        saga: saga.into(),
        step: "reserve".into(),
        operation: Operation::Forward,
        generation: 1,
        attempt: 1,
        outcome: Outcome::Succeeded {
            output: serde_json::json!({}),
        },
        worker: "test".into(),
    };
    let message = ResultMessage {
        v: 1,
        results: vec![result],
        probe: None,
    };
    serde_json::to_vec(&message).unwrap()
}

pub(crate) fn list(
    pool: &str,
    partition: u16,
    sagas: impl IntoIterator<Item = String>,
) -> TaskList {
    let tasks = sagas
        .into_iter()
        .map(|saga| encoded_task(&saga).into())
        .collect();
    TaskList {
        pool: pool.into(),
        partition,
        tasks,
    }
}

/// The engine's end.
pub(crate) struct Engine {
    pub(crate) rabbit: Rabbit,
    pub(crate) arrivals: mpsc::Receiver<Arrival>,
}

impl Engine {
    pub(crate) fn start(options: Options) -> Engine {
        let (sender, arrivals) = mpsc::channel(256);
        Engine {
            rabbit: Rabbit::connect(options, sender).unwrap(),
            arrivals,
        }
    }

    pub(crate) async fn connected() -> Engine {
        let engine = Engine::start(Options::new(amqp_url()));
        engine.until_connected(true).await;
        engine
    }

    pub(crate) async fn until_connected(&self, wanted: bool) {
        eventually(&format!("connected() is {wanted}"), async || {
            self.rabbit.connected() == wanted
        })
        .await;
    }

    /// The next arrival, in a few words, and its receipt if it has one.
    pub(crate) async fn next(
        &mut self,
    ) -> (String, Option<impresario_orchestrator::broker::Receipt>) {
        let arrival = tokio::time::timeout(LIMIT, self.arrivals.recv())
            .await
            .expect("an arrival in time");
        match arrival.expect("the broker part lives") {
            Arrival::Results {
                partition,
                results,
                receipt,
            } => {
                let sagas: Vec<_> = results.into_iter().map(|result| result.saga).collect();
                (
                    format!("results {partition}: {}", sagas.join(",")),
                    Some(receipt),
                )
            }
            Arrival::Reading { partition } => (format!("reading {partition}"), None),
            Arrival::Interrupted { partition } => (format!("interrupted {partition}"), None),
            Arrival::Probe { partition, sent_at } => {
                (format!("probe {partition}: {sent_at}"), None)
            }
            Arrival::Lost { pool } => (format!("lost {pool}"), None),
        }
    }

    /// The next arrival must be this.
    pub(crate) async fn expect(
        &mut self,
        wanted: &str,
    ) -> Option<impresario_orchestrator::broker::Receipt> {
        let (arrived, receipt) = self.next().await;
        assert_eq!(arrived, wanted);
        receipt
    }

    pub(crate) async fn expect_result(
        &mut self,
        partition: u16,
        saga: &str,
    ) -> impresario_orchestrator::broker::Receipt {
        self.expect(&format!("results {partition}: {saga}"))
            .await
            .expect("results carry a receipt")
    }

    /// Nothing may arrive for a while.
    pub(crate) async fn expect_silence(&mut self, how_long: Duration) {
        let arrival = tokio::time::timeout(how_long, self.arrivals.recv()).await;
        assert!(arrival.is_err(), "arrived: {arrival:?}");
    }

    pub(crate) async fn close(self) {
        self.rabbit.close(LIMIT).await;
    }
}

/// Waits for a condition, and says what it was when it does not come.
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !condition().await {
        assert!(
            since.elapsed() < LIMIT,
            "waited {LIMIT:?} in vain until {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Workers and operators, on a connection of their own straight to the broker.
pub(crate) struct Outside {
    connection: Connection,
    channel: Channel,
}

impl Outside {
    pub(crate) async fn connect() -> Outside {
        let connection = Connection::connect(&amqp_url(), ConnectionProperties::default())
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .unwrap();
        Outside {
            connection,
            channel,
        }
    }

    /// Another channel, for what may fail.
    pub(crate) async fn channel(&self) -> Channel {
        self.connection.create_channel().await.unwrap()
    }

    /// Messages ready in a queue; none when there is no such queue.
    pub(crate) async fn ready(&self, queue: &str) -> Option<u32> {
        let channel = self.channel().await;
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let looked = channel
            .queue_declare(queue.into(), options, FieldTable::default())
            .await;
        looked.ok().map(|queue| queue.message_count())
    }

    pub(crate) async fn until_ready(&self, queue: &str, wanted: u32) {
        eventually(
            &format!("{queue} has {wanted} ready messages"),
            async || self.ready(queue).await == Some(wanted),
        )
        .await;
    }

    pub(crate) async fn delete(&self, queue: &str) {
        self.channel
            .queue_delete(queue.into(), QueueDeleteOptions::default())
            .await
            .unwrap();
    }

    /// Deletes what a test made.
    pub(crate) async fn clean(&self, pools: &[&str], partitions: &[u16]) {
        for pool in pools {
            self.delete(&task_queue(pool)).await;
        }
        for partition in partitions {
            self.delete(&results_queue(*partition)).await;
        }
    }

    /// Answers one saga's task, confirmed.
    pub(crate) async fn answer(&self, partition: u16, saga: &str) {
        self.send(&results_queue(partition), &encoded_result(saga))
            .await;
    }

    pub(crate) async fn send(&self, queue: &str, body: &[u8]) {
        let options = BasicPublishOptions {
            mandatory: true,
            immediate: false,
        };
        let properties = BasicProperties::default().with_delivery_mode(2);
        let sent = self
            .channel
            .basic_publish("".into(), queue.into(), options, body, properties)
            .await;
        let confirm = sent.unwrap().await.unwrap();
        assert!(
            confirm.is_ack() && confirm.take_message().is_none(),
            "{queue} is not there"
        );
    }

    /// Takes up to `count` task messages.
    pub(crate) async fn take(
        &self,
        pool: &str,
        count: usize,
    ) -> Vec<(TaskMessage, BasicProperties)> {
        let channel = self.channel().await;
        let mut consumer = channel
            .basic_consume(
                task_queue(pool).into(),
                "".into(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await
            .unwrap();
        let mut taken = Vec::new();
        while taken.len() < count {
            let next = tokio::time::timeout(LIMIT, consumer.next())
                .await
                .expect("a task message in time");
            let delivery = next.unwrap().unwrap();
            delivery.ack(BasicAckOptions::default()).await.unwrap();
            taken.push((
                serde_json::from_slice(&delivery.data).unwrap(),
                delivery.properties,
            ));
        }
        channel.close(200, "".into()).await.unwrap();
        taken
    }
}
