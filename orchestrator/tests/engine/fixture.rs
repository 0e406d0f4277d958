//! The bench: databases, replicas, and a broker in the test's hands.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use impresario_orchestrator::broker::{
    Arrival, Broker, PoolDepth, PublishError, Receipt, TaskList,
};
use impresario_orchestrator::clock::{self, Clock};
use impresario_orchestrator::feeding;
use impresario_orchestrator::lane::{StartError, Started};
use impresario_orchestrator::store::{Database, Options as StoreOptions};
use impresario_orchestrator::{Engine, Options};
use impresario_protocol::{Operation, Outcome, Task, TaskResult};
use impresario_workflows::saga::{Stamp, Start};
use impresario_workflows::{Definition, SagaId};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};
use tokio::sync::mpsc;

/// Three steps in a row, each compensated but the pivot; short timeouts, two attempts.
pub(crate) const STORY: &str = r#"
saga: story
version: 1
description: three steps for tests
deadline: 1h
input:
  type: object
  additionalProperties: true
defaults:
  timeout: 1s
  retry: { max_attempts: 2, backoff: exponential, initial: 10ms, max: 20ms }
attributes:
  note: "${{ input.note | default('') }}"
steps:
  hold:
    task: seats/hold
    input: { seat: "${{ input.seat }}" }
    compensate: { task: seats/release, retry: { max_attempts: 2, initial: 10ms, max: 20ms } }
  charge:
    task: money/charge
    needs: [hold]
    pivot: true
    on_unknown: operator
    input: { hold: "${{ steps.hold.output.id }}" }
  issue:
    task: seats/issue
    needs: [charge]
    retry: { max_attempts: unlimited, initial: 10ms, max: 20ms }
    input: {}
output: { charge: "${{ steps.charge.output.id }}" }
"#;

/// A child saga, then a ticket that may be refused.
const OUTER: &str = r#"
saga: outer
version: 1
deadline: 1h
steps:
  book: { saga: inner, input: { seat: A1 } }
  issue:
    needs: [book]
    task: seats/issue
    retry: { max_attempts: 1 }
    compensate: { task: seats/unissue }
output: "${{ steps.book.output }}"
"#;

/// What the other one runs.
const INNER: &str = r#"
saga: inner
version: 1
deadline: 1h
input: { type: object, additionalProperties: true }
steps:
  hold:
    task: seats/hold
    input: { seat: "${{ input.seat }}" }
    compensate: { task: seats/release }
output: "${{ steps.hold.output }}"
"#;

/// A moment, then a signal, then a person.
const PATIENT: &str = r#"
saga: patient
version: 1
deadline: 1h
steps:
  moment: { sleep: 30ms }
  paid:
    needs: [moment]
    wait: { signal: payment.settled, match: signal.amount == 5, timeout: 30m }
  release:
    needs: [paid]
    approve: { roles: [finance], timeout: 30m }
output: "${{ steps.paid.output }}"
"#;

/// A database that nothing else uses.
pub(crate) async fn database() -> String {
    let server = std::env::var("DATABASE_URL").expect("DATABASE_URL: run `cargo xtask test`");
    let name = format!("engine_{}", uuid::Uuid::new_v4().simple());
    let mut connection = PgConnection::connect(&server)
        .await
        .expect("reach the test server");
    connection
        .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
            "create database {name}"
        ))))
        .await
        .expect("create the test's database");
    let (head, tail) = server.rsplit_once('/').expect("a database in DATABASE_URL");
    let query = tail
        .split_once('?')
        .map_or(String::new(), |(_, query)| format!("?{query}"));
    format!("{head}/{name}{query}")
}

/// What the pools look like, and what was sent.
#[derive(Default)]
pub(crate) struct Wire {
    sent: Mutex<Vec<Task>>,
    refuse: Mutex<bool>,
    depth: Mutex<Option<PoolDepth>>,
    announced: Mutex<Vec<Vec<u8>>>,
}

impl Wire {
    pub(crate) fn refuse_publications(&self, refuse: bool) {
        *self.refuse.lock().unwrap() = refuse;
    }

    /// No depth: the broker does not know. Without a call: a consumer and an empty queue.
    pub(crate) fn pools_look_like(&self, depth: PoolDepth) {
        *self.depth.lock().unwrap() = Some(depth);
    }

    /// What the others were told.
    pub(crate) fn announced(&self) -> Vec<Vec<u8>> {
        self.announced.lock().unwrap().clone()
    }

    pub(crate) fn sent(&self) -> Vec<Task> {
        self.sent.lock().unwrap().clone()
    }
}

struct TestBroker {
    wire: Arc<Wire>,
    arrivals: mpsc::Sender<Arrival>,
    echo: bool,
}

#[async_trait]
impl Broker for TestBroker {
    async fn publish(
        &self,
        lists: Vec<TaskList>,
        _per_message: usize,
    ) -> Vec<Result<(), PublishError>> {
        let refuse = *self.wire.refuse.lock().unwrap();
        lists
            .into_iter()
            .map(|list| {
                if refuse {
                    return Err(PublishError::Refused { pool: list.pool });
                }
                let tasks = list
                    .tasks
                    .iter()
                    .map(|task| serde_json::from_slice::<Task>(task).unwrap());
                self.wire.sent.lock().unwrap().extend(tasks);
                Ok(())
            })
            .collect()
    }

    async fn read_partitions(&self, _partitions: Vec<u16>) {}

    async fn serve_pools(&self, _pools: Vec<String>) {}

    fn depths(&self) -> BTreeMap<String, PoolDepth> {
        let depth = self.wire.depth.lock().unwrap().unwrap_or(PoolDepth {
            messages: 0,
            consumers: 1,
        });
        ["seats", "money"]
            .into_iter()
            .map(|pool| (pool.to_owned(), depth))
            .collect()
    }

    fn connected(&self) -> bool {
        true
    }

    fn probe(&self, partition: u16, sent_at: u64) {
        if self.echo {
            drop(
                self.arrivals
                    .try_send(Arrival::Probe { partition, sent_at }),
            );
        }
    }

    fn announce(&self, body: Vec<u8>) {
        self.wire.announced.lock().unwrap().push(body);
    }
}

/// One engine process.
pub(crate) struct Replica {
    pub(crate) engine: Engine,
    pub(crate) wire: Arc<Wire>,
    arrivals: mpsc::Sender<Arrival>,
    /// Name of the definition that its sagas run.
    story: String,
}

/// How a replica differs from the usual.
#[derive(Clone, Default)]
pub(crate) struct Setup {
    pub(crate) transport_forgets: bool,
    pub(crate) results_unread: bool,
    pub(crate) look_every: Option<Duration>,
    /// By so much its machine's clock is wrong.
    pub(crate) clock_off_by_ms: i64,
    /// Serves this instead of the story.
    pub(crate) definition: Option<&'static str>,
    /// Tells its journal.
    pub(crate) feed: Option<feeding::Options>,
}

impl Replica {
    pub(crate) async fn start(name: &str, url: &str) -> Replica {
        Replica::start_with(name, url, Setup::default()).await
    }

    pub(crate) async fn start_with(name: &str, url: &str, setup: Setup) -> Replica {
        let database = Database::open(&StoreOptions::new(url))
            .await
            .expect("open the database");
        let (arrivals, arrivals_in) = mpsc::channel(64);
        let wire = Arc::new(Wire::default());
        let broker = Arc::new(TestBroker {
            wire: wire.clone(),
            arrivals: arrivals.clone(),
            echo: !setup.results_unread,
        });
        let options = Options {
            transport_forgets: setup.transport_forgets,
            clock: Clock::on(move || clock::now().saturating_add_signed(setup.clock_off_by_ms)),
            look_every: setup.look_every.unwrap_or(Options::new(name).look_every),
            feed: setup.feed,
            ..Options::new(name)
        };
        let text = setup.definition.unwrap_or(STORY);
        let definitions = [text, OUTER, INNER, PATIENT]
            .map(|text| Definition::parse("test", text).expect("a right definition"));
        let story = definitions[0].name.clone();
        let engine = Engine::start(options, database, definitions.into(), broker, arrivals_in)
            .await
            .expect("start the engine");
        Replica {
            engine,
            wire,
            arrivals,
            story,
        }
    }

    pub(crate) async fn start_saga(&self, key: &str, input: Value) -> Result<Started, StartError> {
        self.start_of(&self.story, key, input).await
    }

    pub(crate) async fn start_of(
        &self,
        definition: &str,
        key: &str,
        input: Value,
    ) -> Result<Started, StartError> {
        let stored = self
            .engine
            .catalogue()
            .current(definition)
            .expect("the definition");
        let hash = input.to_string().into_bytes();
        self.engine
            .start_saga("main", stored, key, hash, Start::with(input))
            .await
    }

    /// A task that was sent for this saga, once it is there.
    pub(crate) async fn task(
        &self,
        saga: SagaId,
        step: &str,
        operation: Operation,
        attempt: u32,
    ) -> Task {
        let saga = saga.to_string();
        eventually(&format!("task {step} {operation:?} #{attempt}"), || {
            self.wire.sent().into_iter().find(|task| {
                task.saga == saga
                    && task.step == step
                    && task.operation == operation
                    && task.attempt == attempt
            })
        })
        .await
    }

    /// Gives an answer to this replica.
    pub(crate) async fn answer(&self, task: &Task, outcome: Outcome) {
        self.deliver(task, outcome).await;
    }

    /// The same; whether it was acknowledged comes through the channel.
    pub(crate) async fn deliver(
        &self,
        task: &Task,
        outcome: Outcome,
    ) -> mpsc::UnboundedReceiver<(u64, u64)> {
        let (acks, acknowledged) = mpsc::unbounded_channel();
        let arrival = Arrival::Results {
            partition: 0,
            results: vec![result(task, outcome)],
            receipt: Receipt::new(1, 1, acks),
        };
        self.arrive(arrival).await;
        acknowledged
    }

    /// Something comes from the broker.
    pub(crate) async fn arrive(&self, arrival: Arrival) {
        self.arrivals.send(arrival).await.expect("the engine runs");
    }

    /// Waits until the saga's stored status is this.
    pub(crate) async fn wait_status(&self, saga: SagaId, status: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let loaded = self
                .engine
                .load(saga)
                .await
                .expect("load")
                .expect("the saga exists");
            if loaded.status == status {
                return;
            }
            assert!(
                Instant::now() < until,
                "{saga} is {} instead of {status}: {}",
                loaded.status,
                impresario_workflows::saga::explain(&loaded.definition, &loaded.state, 0)
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The journal, row by row as JSON.
    pub(crate) async fn journal(&self, saga: SagaId) -> Vec<Value> {
        let rows: Vec<(i32, Value)> = sqlx::query_as(
            "select seq, body from journal_readable where saga_id = $1 order by seq",
        )
        .bind(saga.0)
        .fetch_all(&self.engine.database().pool)
        .await
        .expect("read the journal");
        let seqs: Vec<i32> = rows.iter().map(|(seq, _)| *seq).collect();
        let gapless: Vec<i32> = (1..=i32::try_from(rows.len()).unwrap()).collect();
        assert_eq!(seqs, gapless, "the journal has gaps");
        rows.into_iter().map(|(_, body)| body).collect()
    }

    /// Names of all facts, in order.
    pub(crate) async fn facts(&self, saga: SagaId) -> Vec<String> {
        self.journal(saga)
            .await
            .iter()
            .flat_map(|row| row["ev"].as_array().unwrap().clone())
            .map(|event| {
                let step = event["step"]
                    .as_str()
                    .map(|step| format!(" {step}"))
                    .unwrap_or_default();
                format!("{}{step}", event["event"].as_str().unwrap())
            })
            .collect()
    }

    /// How many outbox rows there are, once there are none.
    pub(crate) async fn wait_outbox_empty(&self) {
        let until = Instant::now() + PATIENCE;
        loop {
            let (rows,): (i64,) = sqlx::query_as("select count(*) from outbox")
                .fetch_one(&self.engine.database().pool)
                .await
                .expect("count the outbox");
            if rows == 0 {
                return;
            }
            assert!(Instant::now() < until, "{rows} rows stay in the outbox");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// What a worker answers to a task.
pub(crate) fn result(task: &Task, outcome: Outcome) -> TaskResult {
    TaskResult {
        saga: task.saga.clone(),
        step: task.step.clone(),
        operation: task.operation,
        generation: task.effect.generation,
        attempt: task.attempt,
        outcome,
        worker: "test".into(),
    }
}

/// A success with this output.
pub(crate) fn success(output: Value) -> Outcome {
    Outcome::Succeeded { output }
}

/// A stamp with this key.
pub(crate) fn stamp(key: &str) -> Stamp {
    Stamp {
        key: key.into(),
        by: "test".into(),
        reason: "because".into(),
    }
}

/// A booking of one seat.
pub(crate) fn seat() -> Value {
    json!({ "seat": "A1" })
}

/// Nothing in these tests takes longer on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for a condition, with a bound.
pub(crate) async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
