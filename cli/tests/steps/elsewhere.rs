//! A customer waits at one replica for a saga that another drives, over the real broker and HTTP. The poll behind
//! the announcements looks once an hour here: whoever gets an answer was woken.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use impresario_orchestrator::broker::rabbit::{self, Rabbit};
use impresario_orchestrator::store::{Database, Options as StoreOptions};
use impresario_orchestrator::{Engine, Options, api};
use impresario_protocol::Queues;
use impresario_worker_sdk::amqp::{AmqpSettings, AmqpTransport};
use impresario_worker_sdk::{Worker, WorkerSettings, echo};
use impresario_workflows::Definition;
use impresario_workflows::definition::SHIPPED;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::world::{amqp, eventually, fresh_database};

const NEVER: Duration = Duration::from_secs(3600);

/// One orchestrator process, as `serve` wires it.
struct Replica {
    engine: Engine,
    address: SocketAddr,
}

impl Replica {
    async fn start(name: &str, url: &str, queues: &Queues) -> Replica {
        let database = Database::open(&StoreOptions::new(url)).await.unwrap();
        let (arrivals, arrivals_in) = mpsc::channel(1024);
        let (announcements, announced) = mpsc::channel(64);
        let rabbit = rabbit::Options {
            queues: queues.clone(),
            announcements: Some(announcements),
            ..rabbit::Options::new(amqp())
        };
        let broker = Arc::new(Rabbit::connect(rabbit, arrivals).unwrap());
        let options = Options {
            look_every: NEVER,
            ..Options::new(name)
        };
        let trivial = SHIPPED.iter().find(|(name, _)| name.contains("trivial"));
        let (file, text) = trivial.unwrap();
        let definitions = vec![Definition::parse(file, text).unwrap()];
        let engine = Engine::start(options, database, definitions, broker, arrivals_in)
            .await
            .unwrap();
        engine.listen(announced).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let options = api::Options {
            webhook_secret: None,
            orphan_grace: Duration::ZERO,
        };
        let router = api::router(engine.clone(), options);
        tokio::spawn(api::serve(listener, router, CancellationToken::new()));
        Replica { engine, address }
    }

    async fn start_trivial(&self, key: &str, prefer: &str) -> (u16, Value) {
        let answer = reqwest::Client::new()
            .post(format!("http://{}/v1/trivials", self.address))
            .header("idempotency-key", key)
            .header("prefer", prefer)
            .json(&json!({ "id": key }))
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_at_another_replica_is_woken_by_its_announcement() {
    let url = fresh_database().await;
    let queues: Queues = format!("elsewhere-{}", uuid::Uuid::new_v4().simple())
        .parse()
        .unwrap();
    let a = Arc::new(Replica::start("a", &url, &queues).await);
    let b = Arc::new(Replica::start("b", &url, &queues).await);
    // Each has seen the other: the partitions are shared out.
    eventually("both lease partitions", async || {
        let owners: i64 = sqlx::query_scalar("select count(distinct owner) from lease")
            .fetch_one(&a.engine.database().pool)
            .await
            .unwrap();
        owners == 2
    })
    .await;

    // Started at A, asked for again at B while no worker is there yet: B waits for what A drives.
    let (status, started) = a.start_trivial("k1", "respond-async").await;
    assert_eq!(status, 202, "{started}");
    let id = started["id"].as_str().unwrap().parse().unwrap();
    let waiting = tokio::spawn({
        let b = b.clone();
        async move { b.start_trivial("k1", "wait=30").await }
    });
    eventually("B has read it and waits", async || {
        b.engine.hub().known(id) == Some(1)
    })
    .await;

    let settings = WorkerSettings::default();
    let mut amqp = AmqpSettings::new(amqp(), "echo", settings.slots);
    amqp.queues = queues;
    let transport = Arc::new(AmqpTransport::open(amqp));
    tokio::spawn(Worker::new(echo::pool(), transport, settings).run(CancellationToken::new()));

    let (status, ended) = waiting.await.unwrap();
    assert_eq!(
        (status, &ended["status"]),
        (200, &json!("confirmed")),
        "{ended}"
    );
}
