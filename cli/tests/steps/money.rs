//! The payment side of the world: the pool, its provider over real HTTP, and the engine's own endpoint for the
//! provider's events, behind a wire that can lose them.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use impresario_orchestrator::{Engine, api};
use impresario_payment::Provider;
use impresario_payment::provider::sandbox::SandboxProvider;
use impresario_payment::sandbox::{self, Secret, Webhook};
use impresario_worker_sdk::{Database, Pool};
use impresario_workflows::SagaId;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// Customers, the provider and what is known about their money.
pub(crate) struct Money {
    url: String,
    /// Where the engine's API is.
    api: String,
    database: Database,
    provider: Arc<dyn Provider>,
    deaf: Deaf,
}

/// Sagas whose events get lost.
type Deaf = Arc<Mutex<HashSet<String>>>;

/// Shared by the provider and the engine.
const SECRET: &str = "a secret of two";

/// The wire between the provider and the engine.
#[derive(Clone)]
struct Wire {
    api: String,
    deaf: Deaf,
}

impl Money {
    /// Starts everything; also the pool's handlers.
    pub(crate) async fn open(url: &str, engine: &Engine) -> (Pool, Money) {
        let deaf = Deaf::default();
        let api = serve(api_of(engine)).await;
        let wire = Wire {
            api: api.clone(),
            deaf: deaf.clone(),
        };
        let lossy = Router::new()
            .route("/v1/webhooks/payments", post(carry))
            .with_state(wire);
        let webhook = Webhook {
            secret: Secret::new(SECRET),
            url: format!("{}/v1/webhooks/payments", serve(lossy).await),
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
            api,
            database,
            provider,
            deaf,
        };
        (pool, money)
    }

    /// Where the engine's API is.
    pub(crate) fn api(&self) -> &str {
        &self.api
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

/// The engine's API, which checks signatures and makes signals of events.
fn api_of(engine: &Engine) -> Router {
    let options = api::Options {
        webhook_secret: Some(SECRET.to_owned()),
        orphan_grace: Duration::ZERO,
    };
    api::router(engine.clone(), options)
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Hands an event on as it is, or loses it.
async fn carry(State(wire): State<Wire>, headers: HeaderMap, body: String) -> StatusCode {
    let event: Value = serde_json::from_str(&body).unwrap();
    let saga = event["saga"].as_str().unwrap();
    if wire.deaf.lock().unwrap().contains(saga) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let answer = reqwest::Client::new()
        .post(format!("{}/v1/webhooks/payments", wire.api))
        .header("content-type", "application/json")
        .header("impresario-signature", &headers["impresario-signature"])
        .body(body)
        .send()
        .await
        .unwrap();
    answer.status()
}
