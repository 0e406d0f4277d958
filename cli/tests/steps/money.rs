//! The payment side of the world: the pool, its provider over real HTTP, and the receiver of the provider's events,
//! which checks their signature and makes signals of them, as the engine's own endpoint does.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use impresario_orchestrator::Engine;
use impresario_payment::Provider;
use impresario_payment::provider::sandbox::SandboxProvider;
use impresario_payment::sandbox::{self, Secret, Webhook};
use impresario_worker_sdk::{Database, Pool};
use impresario_workflows::SagaId;
use impresario_workflows::saga::Message;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// Customers, the provider and what is known about their money.
pub(crate) struct Money {
    url: String,
    database: Database,
    provider: Arc<dyn Provider>,
    deaf: Deaf,
}

/// Sagas whose events get lost.
type Deaf = Arc<Mutex<HashSet<String>>>;

#[derive(Clone)]
struct Receiver {
    engine: Engine,
    secret: Secret,
    deaf: Deaf,
}

impl Money {
    /// Starts everything; also the pool's handlers.
    pub(crate) async fn open(url: &str, engine: &Engine) -> (Pool, Money) {
        let deaf = Deaf::default();
        let receiver = Receiver {
            engine: engine.clone(),
            secret: Secret::new("steps"),
            deaf: deaf.clone(),
        };
        let webhook = Webhook {
            secret: receiver.secret.clone(),
            url: listen(receiver).await,
        };
        let config = sandbox::Config {
            webhook: Some(webhook),
            ..sandbox::Config::default()
        };
        let books = sandbox::database(url).unwrap();
        sandbox::migrate(&books).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let background =
            sandbox::run_background(books.clone(), config.clone(), CancellationToken::new());
        tokio::spawn(background);
        let key_life = config.key_life;
        let router = sandbox::router(books, config);
        tokio::spawn(sandbox::serve(listener, router, std::future::pending()));

        let database = impresario_payment::database(url).unwrap();
        impresario_payment::migrate(&database).await.unwrap();
        let client = SandboxProvider::new(address.clone(), key_life).unwrap();
        let provider: Arc<dyn Provider> = Arc::new(client);
        let pool = impresario_payment::pool(&database, provider.clone());
        let money = Money {
            url: address,
            database,
            provider,
            deaf,
        };
        (pool, money)
    }

    /// The customer transfers what a request asks for.
    pub(crate) async fn pay(&self, request: &Value) {
        let id = request["request_id"].as_str().unwrap();
        self.tell(&format!("/sandbox/settle/{id}")).await;
    }

    /// Makes refunds work that have failed.
    pub(crate) async fn heal(&self) {
        self.tell("/sandbox/heal").await;
    }

    async fn tell(&self, path: &str) {
        let told = reqwest::Client::new()
            .post(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap();
        assert!(told.status().is_success(), "{path}: {}", told.status());
    }

    /// Loses every event about this saga from now on.
    pub(crate) fn lose_events_of(&self, saga: SagaId) {
        self.deaf.lock().unwrap().insert(saga.to_string());
    }

    /// Gives back what came too late.
    pub(crate) async fn look_for_late_money(&self) {
        impresario_payment::late::round(&self.database, &self.provider)
            .await
            .unwrap();
    }
}

async fn listen(receiver: Receiver) -> String {
    let router = Router::new()
        .route("/v1/webhooks/payments", post(receive))
        .with_state(receiver);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://{}/v1/webhooks/payments",
        listener.local_addr().unwrap()
    );
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: String) -> StatusCode {
    let signature = headers["impresario-signature"].to_str().unwrap();
    let at = signature.split([',', '=']).nth(1).unwrap().parse().unwrap();
    if signature != receiver.secret.sign(at, &body) {
        return StatusCode::UNAUTHORIZED;
    }
    let event: Value = serde_json::from_str(&body).unwrap();
    let text = |name: &str| event[name].as_str().unwrap().to_owned();
    if receiver.deaf.lock().unwrap().contains(&text("saga")) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let message = Message {
        key: text("id"),
        name: text("type"),
        payload: event["data"].clone(),
    };
    let saga: SagaId = text("saga").parse().unwrap();
    match receiver.engine.signal(saga, message).await {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
