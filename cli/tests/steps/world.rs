//! The world of the stories: one engine, all pools, the provider, a database; and the verbs of a story.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use impresario_catalog::SeedOptions;
use impresario_orchestrator::broker::rabbit::{self, Rabbit};
use impresario_orchestrator::store::{Database, Options as StoreOptions};
use impresario_orchestrator::{Engine, Options};
use impresario_protocol::Queues;
use impresario_worker_sdk::amqp::{AmqpSettings, AmqpTransport};
use impresario_worker_sdk::{Pool, Worker, WorkerSettings};
use impresario_workflows::SagaId;
use impresario_workflows::saga::{Stamp, Start, explain};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection, PgPool};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::faults::{Faulty, Plans};
use crate::hasty;
use crate::money::Money;

pub(crate) struct World {
    runtime: tokio::runtime::Runtime,
    pub(crate) engine: Engine,
    pub(crate) plans: Arc<Plans>,
    pub(crate) pool: PgPool,
    catalog: impresario_worker_sdk::Database,
    pub(crate) money: Money,
    event: String,
    seats: Vec<String>,
    next_seat: AtomicUsize,
}

/// Slow machines are slow; what does not come in this time does not come.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a world stands on.
pub(crate) struct Ground {
    /// The engine's database.
    pub(crate) engine: String,
    /// The pools' and the provider's.
    pub(crate) pools: String,
    pub(crate) queues: Queues,
}

/// Runs a story in the one world of this test process.
pub(crate) fn story<F: Future<Output = ()>>(tell: impl FnOnce(&'static World) -> F) {
    static WORLD: OnceLock<World> = OnceLock::new();
    let world = WORLD.get_or_init(World::build);
    world.tell(tell);
}

impl World {
    fn build() -> World {
        World::on(async || {
            let url = fresh_database().await;
            Ground {
                engine: url.clone(),
                pools: url,
                queues: Queues::default(),
            }
        })
    }

    /// A world of its own, for a story that shakes the ground.
    pub(crate) fn on(ground: impl AsyncFnOnce() -> Ground) -> World {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let ground = runtime.block_on(ground());
        let (engine, plans, money) = runtime.block_on(start(&ground));
        let (pool, catalog, event, seats) = runtime.block_on(seed(&ground.pools));
        World {
            runtime,
            engine,
            plans,
            pool,
            catalog,
            money,
            event,
            seats,
            next_seat: AtomicUsize::new(0),
        }
    }

    /// Tells a story in this world alone.
    pub(crate) fn tell<'w, F: Future<Output = ()>>(&'w self, tell: impl FnOnce(&'w World) -> F) {
        self.runtime.block_on(tell(self));
    }

    /// The id that a booking with this key will have: faults are planned before it starts.
    pub(crate) fn id_of(&self, key: &str) -> SagaId {
        self.id_of_a("booking", key)
    }

    /// The id that a saga of this definition with this key will have.
    pub(crate) fn id_of_a(&self, definition: &str, key: &str) -> SagaId {
        SagaId::derive(
            impresario_orchestrator::clock::now(),
            "main",
            definition,
            key,
        )
    }

    /// Starts a saga of any definition.
    pub(crate) async fn start(&self, definition: &str, key: &str, input: Value) -> SagaId {
        let stored = self.engine.catalogue().current(definition).unwrap();
        let hash = input.to_string().into_bytes();
        let started = self
            .engine
            .start_saga("main", stored, key, hash, Start::with(input))
            .await
            .unwrap();
        assert_eq!(started.id, self.id_of_a(definition, key));
        started.id
    }

    /// Starts a booking of a fresh seat.
    pub(crate) async fn book(&self, key: &str, token: &str) -> SagaId {
        let wish = self.wish(token);
        self.start("booking", key, wish).await
    }

    /// A booking of a fresh seat, as a customer asks for it.
    pub(crate) fn wish(&self, token: &str) -> Value {
        let seat = &self.seats[self.next_seat.fetch_add(1, Ordering::Relaxed)];
        json!({
            "event_id": self.event,
            "seats": [seat],
            "customer_email": "ana@example.org",
            "payment_token": token,
        })
    }

    /// Waits for a status.
    pub(crate) async fn wait(&self, saga: SagaId, status: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let loaded = self.engine.load(saga).await.unwrap().unwrap();
            if loaded.status == status {
                return;
            }
            let said = explain(
                &loaded.definition,
                &loaded.state,
                impresario_orchestrator::clock::now(),
            );
            // The row is read before the journal, so it may be one commit behind: it is the one to judge by.
            let ended = ["completed", "compensated"].contains(&loaded.status.as_str());
            assert!(
                !ended && Instant::now() < until,
                "{saga} is {} instead of {status}: {said}\n{:#?}",
                loaded.status,
                self.facts(saga).await
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for the end, whichever it is.
    pub(crate) async fn wait_end(&self, saga: SagaId) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let loaded = self.engine.load(saga).await.unwrap().unwrap();
            if ["completed", "compensated", "stuck"].contains(&loaded.status.as_str()) {
                return loaded.status.as_str().to_owned();
            }
            assert!(Instant::now() < until, "{saga} is {}", loaded.status);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the broker has delivered a task of this step.
    pub(crate) async fn wait_task(&self, saga: SagaId, step: &str, operation: &str) {
        let until = Instant::now() + PATIENCE;
        while !self
            .plans
            .seen(&saga.to_string())
            .iter()
            .any(|task| task.step == step && task.operation.as_str() == operation)
        {
            assert!(
                Instant::now() < until,
                "no {operation} task for {step} of {saga}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn cancel(&self, saga: SagaId) {
        let stamp = Stamp {
            key: "cancel".into(),
            by: "test".into(),
            reason: "changed my mind".into(),
        };
        self.engine.cancel(saga, stamp, None).await.unwrap();
    }

    pub(crate) async fn retry(&self, saga: SagaId, key: &str) {
        let stamp = Stamp {
            key: key.into(),
            by: "test".into(),
            reason: "mended".into(),
        };
        self.engine.retry(saga, None, stamp, None).await.unwrap();
    }

    /// Frees what has expired, as the catalogue's sweeper does.
    pub(crate) async fn sweep_holds(&self) {
        impresario_catalog::sweep(&self.catalog).await.unwrap();
    }

    /// The facts in the journal, as JSON.
    pub(crate) async fn facts(&self, saga: SagaId) -> Vec<Value> {
        let rows: Vec<(i32, Value)> = sqlx::query_as(
            "select seq, body from impresario.journal_readable where saga_id = $1 order by seq",
        )
        .bind(saga.0)
        .fetch_all(&self.engine.database().pool)
        .await
        .unwrap();
        for (place, (seq, _)) in rows.iter().enumerate() {
            assert_eq!(
                usize::try_from(*seq).unwrap(),
                place + 1,
                "the journal has a gap"
            );
        }
        rows.into_iter()
            .flat_map(|(_, body)| body["ev"].as_array().unwrap().clone())
            .collect()
    }
}

async fn start(ground: &Ground) -> (Engine, Arc<Plans>, Money) {
    let amqp = amqp();
    let store = StoreOptions::new(&ground.engine);
    let database = Database::open(&store).await.unwrap();
    let (arrivals, arrivals_in) = mpsc::channel(1024);
    let rabbit = rabbit::Options {
        queues: ground.queues.clone(),
        ..rabbit::Options::new(&amqp)
    };
    let broker = Arc::new(Rabbit::connect(rabbit, arrivals).unwrap());
    let engine = Engine::start(
        Options::new("steps"),
        database,
        hasty::definitions(),
        broker,
        arrivals_in,
    )
    .await
    .unwrap();
    let plans = Arc::new(Plans::default());
    let (pools, money) = pools(&ground.pools, &engine).await;
    for pool in pools {
        let settings = WorkerSettings {
            name: format!("test-{}", pool.name()),
            ..Default::default()
        };
        let name = pool.name().to_owned();
        let mut amqp = AmqpSettings::new(&amqp, &name, settings.slots);
        amqp.queues = ground.queues.clone();
        let inner = Arc::new(AmqpTransport::open(amqp));
        let transport = Arc::new(Faulty {
            inner,
            plans: plans.clone(),
            pool: name,
        });
        tokio::spawn(Worker::new(pool, transport, settings).run(CancellationToken::new()));
    }
    (engine, plans, money)
}

async fn pools(url: &str, engine: &Engine) -> (Vec<Pool>, Money) {
    let catalog = impresario_catalog::database(url).unwrap();
    impresario_catalog::migrate(&catalog).await.unwrap();
    let booking = impresario_booking::database(url).unwrap();
    impresario_booking::migrate(&booking).await.unwrap();
    let notification = impresario_notification::database(url).unwrap();
    impresario_notification::migrate(&notification)
        .await
        .unwrap();
    let secret =
        impresario_notification::Secret::parse(&format!("whsec_{}", "a".repeat(48))).unwrap();
    let (payment, money) = Money::open(url, engine).await;
    let pools = vec![
        impresario_catalog::pool(&catalog, &impresario_catalog::Config::default()),
        payment,
        impresario_booking::pool(&booking),
        impresario_notification::pool(
            &notification,
            &impresario_notification::Config::stored_only(secret),
        ),
    ];
    (pools, money)
}

/// The broker that all tests share; each database has a queue prefix of its own there.
pub(crate) fn amqp() -> String {
    std::env::var("AMQP_URL").expect("AMQP_URL: run `cargo xtask test`")
}

/// Waits for a condition.
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < until, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn fresh_database() -> String {
    let server = std::env::var("DATABASE_URL").expect("DATABASE_URL: run `cargo xtask test`");
    let name = format!("steps_{}", uuid::Uuid::new_v4().simple());
    let mut connection = PgConnection::connect(&server).await.unwrap();
    let create = format!("create database {name}");
    connection
        .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(create)))
        .await
        .unwrap();
    let (head, tail) = server.rsplit_once('/').unwrap();
    let query = tail
        .split_once('?')
        .map_or(String::new(), |(_, query)| format!("?{query}"));
    format!("{head}/{name}{query}")
}

async fn seed(url: &str) -> (PgPool, impresario_worker_sdk::Database, String, Vec<String>) {
    let catalog = impresario_catalog::database(url).unwrap();
    let events = impresario_catalog::seed(&catalog, SeedOptions::default())
        .await
        .unwrap();
    let pool = PgPool::connect(url).await.unwrap();
    let seats =
        sqlx::query_scalar("select seat from catalog.seat where event_id = $1 order by seat")
            .bind(events[0])
            .fetch_all(&pool)
            .await
            .unwrap();
    (pool, catalog, events[0].to_string(), seats)
}
