//! Everything real but the workers. H16: tasks that reach no queue, and queues that vanish with what is in them. H18:
//! outputs that are too large.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use impresario_orchestrator::broker::rabbit::{self, Rabbit};
use impresario_orchestrator::store::{Database, Options as StoreOptions};
use impresario_orchestrator::{Engine, Options};
use impresario_protocol::{
    Operation, Outcome, PROTOCOL_VERSION, Queues, ResultMessage, Task, TaskMessage,
};
use impresario_workflows::saga::Start;
use impresario_workflows::{Definition, SagaId};
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use serde_json::json;
use tokio::sync::mpsc;

use crate::fixture::{PATIENCE, STORY, database, result};

/// The outbox repeats after ten seconds, then after twenty more, then after forty: this is for two that go wrong on a
/// machine that is busy with the tests beside this one.
const OUTBOX_PATIENCE: Duration = Duration::from_secs(90);

/// An engine on a real broker, with queues that nobody else has: tests beside it have other databases, and would take
/// its results.
struct Real {
    engine: Engine,
    queues: Queues,
    seats: String,
    outside: Channel,
    _connection: Connection,
}

impl Real {
    async fn start() -> Real {
        let amqp = std::env::var("AMQP_URL").expect("AMQP_URL: run `cargo xtask test`");
        let name = uuid::Uuid::new_v4().simple().to_string();
        let seats = format!("seats-{}", &name[..8]);
        let text = STORY
            .replace("seats/", &format!("{seats}/"))
            .replace("money/", &format!("money-{}/", &name[..8]));
        // Nobody may give up while a queue is away.
        let text = text.replace("timeout: 1s", "timeout: 60s");
        let definition = Definition::parse("story", &text).expect("a right definition");
        let store = StoreOptions::new(database().await);
        let store = Database::open(&store).await.expect("open the database");
        let (arrivals, arrivals_in) = mpsc::channel(64);
        let queues: Queues = name.parse().unwrap();
        let options = rabbit::Options {
            queues: queues.clone(),
            ..rabbit::Options::new(&amqp)
        };
        let broker = Rabbit::connect(options, arrivals).unwrap();
        let options = Options::new("real");
        let engine = Engine::start(
            options,
            store,
            vec![definition],
            Arc::new(broker),
            arrivals_in,
        )
        .await
        .expect("start the engine");
        let connection = Connection::connect(&amqp, ConnectionProperties::default())
            .await
            .unwrap();
        wait_for_readers(&engine, &connection, &queues).await;
        Real {
            engine,
            queues,
            seats,
            outside: connection.create_channel().await.unwrap(),
            _connection: connection,
        }
    }

    async fn book(&self, key: &str) -> SagaId {
        let stored = self.engine.catalogue().current("story").unwrap();
        let input = json!({"seat": "A1"});
        let hash = key.as_bytes().to_vec();
        let start = Start::with(input);
        let started = self.engine.start_saga("main", stored, key, hash, start);
        started.await.unwrap().id
    }

    async fn delete_queue(&self) {
        let queue = self.queues.tasks(&self.seats);
        let options = QueueDeleteOptions::default();
        self.outside
            .queue_delete(queue.into(), options)
            .await
            .unwrap();
    }

    /// Takes tasks until each of these sagas has been seen.
    async fn take(&self, sagas: &[SagaId]) -> BTreeMap<String, Vec<Task>> {
        let mut seen = BTreeMap::<String, Vec<Task>>::new();
        let taking = async {
            while sagas
                .iter()
                .any(|saga| !seen.contains_key(&saga.to_string()))
            {
                // A queue that is not there (yet) ends the channel.
                let channel = self._connection.create_channel().await.unwrap();
                let queue = self.queues.tasks(&self.seats).into();
                let options = BasicConsumeOptions::default();
                let consuming =
                    channel.basic_consume(queue, "".into(), options, FieldTable::default());
                let Ok(mut tasks) = consuming.await else {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let wait = Duration::from_millis(500);
                while let Ok(Some(Ok(delivery))) = tokio::time::timeout(wait, tasks.next()).await {
                    delivery.ack(BasicAckOptions::default()).await.unwrap();
                    let message: TaskMessage = serde_json::from_slice(&delivery.data).unwrap();
                    for task in message.tasks {
                        seen.entry(task.saga.clone()).or_default().push(task);
                    }
                }
                channel.close(200, "enough".into()).await.unwrap();
            }
        };
        tokio::time::timeout(OUTBOX_PATIENCE, taking)
            .await
            .unwrap_or_else(|_| panic!("of {} sagas these came: {:?}", sagas.len(), seen.keys()));
        seen
    }

    /// Takes the tasks of a saga until one of this step and attempt comes.
    async fn task(&self, saga: SagaId, step: &str, attempt: u32) -> Task {
        loop {
            let mut seen = self.take(&[saga]).await;
            let tasks = seen.remove(&saga.to_string()).unwrap_or_default();
            let wanted = |task: &Task| task.step == step && task.attempt == attempt;
            if let Some(task) = tasks.into_iter().find(wanted) {
                return task;
            }
        }
    }

    /// Answers tasks in one message.
    async fn answer(&self, saga: SagaId, answers: Vec<(&Task, Outcome)>) {
        let partition = self.engine.load(saga).await.unwrap().unwrap().partition;
        let results = answers
            .into_iter()
            .map(|(task, outcome)| result(task, outcome));
        let message = ResultMessage {
            v: PROTOCOL_VERSION,
            results: results.collect(),
            probe: None,
        };
        let body = serde_json::to_vec(&message).unwrap();
        let (queue, options) = (
            self.queues.results(partition),
            BasicPublishOptions::default(),
        );
        let persistent = BasicProperties::default().with_delivery_mode(2);
        self.outside
            .basic_publish("".into(), queue.into(), options, &body, persistent)
            .await
            .unwrap();
    }

    async fn end(self) {
        self.delete_queue().await;
        self.engine.stop().await;
    }
}

/// Until the engine reads the results of every partition. Before, it remembers no saga that it has started: what is lost
/// with a queue then is sent again when it times out, and these tests are about what is sent again at once.
async fn wait_for_readers(engine: &Engine, connection: &Connection, queues: &Queues) {
    let reading = async {
        loop {
            let (partitions,): (i64,) =
                sqlx::query_as("select count(*) from lease where owner is not null")
                    .fetch_one(&engine.database().pool)
                    .await
                    .unwrap();
            let mut read = 0;
            for partition in 0..partitions {
                let queue = queues.results(u16::try_from(partition).unwrap());
                read += i64::from(is_read(connection, queue).await);
            }
            if partitions > 0 && read == partitions {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reading)
        .await
        .expect("one engine reads all partitions");
}

/// Whether the queue is there and has a consumer. Asking for one that is not there ends the channel.
async fn is_read(connection: &Connection, queue: String) -> bool {
    let channel = connection.create_channel().await.unwrap();
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let found = channel.queue_declare(queue.into(), options, FieldTable::default());
    match found.await {
        Ok(queue) => {
            channel.close(200, "seen".into()).await.unwrap();
            queue.consumer_count() > 0
        }
        Err(_) => false,
    }
}

/// None was lost, and none was spent for it.
fn all_first_attempts(seen: &BTreeMap<String, Vec<Task>>) {
    for (saga, tasks) in seen {
        assert!(
            tasks.iter().all(|task| task.attempt == 1),
            "{saga} has spent an attempt on a queue that was away: {tasks:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h16_tasks_that_reach_no_queue_wait_in_the_outbox() {
    let real = Real::start().await;
    let mut sagas = Vec::new();
    for number in 0..20 {
        // The engine makes a missing queue again within half a second: it is taken away under every start.
        real.delete_queue().await;
        sagas.push(real.book(&format!("unroutable {number}")).await);
    }
    let seen = real.take(&sagas).await;
    all_first_attempts(&seen);
    real.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h16_a_deleted_queue_is_made_again_with_what_was_in_it() {
    let real = Real::start().await;
    let mut sagas = Vec::new();
    for number in 0..50 {
        sagas.push(real.book(&format!("lost {number}")).await);
    }
    // Confirmed, out of the outbox, and nobody has read them.
    tokio::time::sleep(Duration::from_secs(1)).await;
    real.delete_queue().await;
    let seen = real.take(&sagas).await;
    all_first_attempts(&seen);
    real.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h18_an_output_that_is_too_large_is_asked_for_again_and_hurts_no_sibling() {
    let real = Real::start().await;
    let (large, sibling) = (real.book("large").await, real.book("sibling").await);
    let seen = real.take(&[large, sibling]).await;
    let [hold_large, hold_sibling] = [large, sibling].map(|saga| &seen[&saga.to_string()][0]);
    let output = json!({"id": "x".repeat(300 * 1024)});
    real.answer(
        large,
        vec![
            (
                hold_large,
                Outcome::Succeeded {
                    output: output.clone(),
                },
            ),
            (
                hold_sibling,
                Outcome::Succeeded {
                    output: json!({"id": 7}),
                },
            ),
        ],
    )
    .await;

    // The worker may have done it, and is asked again. Then it is undone.
    let again = real.task(large, "hold", 2).await;
    let end = real.engine.load(sibling).await.unwrap().unwrap();
    assert!(end.seq >= 2, "the sibling's answer was not taken");
    real.answer(large, vec![(&again, Outcome::Succeeded { output })])
        .await;
    let undo = real.task(large, "hold", 1).await;
    assert_eq!(undo.operation, Operation::Compensate);
    let journal: i64 =
        sqlx::query_scalar("select sum(length(body)) from journal where saga_id = $1")
            .bind(large.0)
            .fetch_one(&real.engine.database().pool)
            .await
            .unwrap();
    assert!(journal < 10_000, "{journal} bytes in the journal");
    real.end().await;
}
