//! The REST API: the only door of the engine for customers, support staff and machines.
//!
//! Every definition with `rest: <plural>` has a surface of its own below `/v1/<plural>`; support staff see all
//! sagas below `/v1/sagas`. Each endpoint is one file that reads request, response, handler. Conventions
//! (idempotency keys, preferences, entity tags, problem documents) are one file each, and `docs/api.md` tells
//! them to callers.
//!
//! Handlers hold nothing that a dropped connection could break: the engine works in its own tasks, and reads
//! of the store run in theirs (`reads`).

mod audit;
mod body;
mod canonical;
mod create;
mod definitions;
mod etag;
mod follow;
mod health;
mod idempotency_key;
mod instant;
mod json;
mod measured;
mod migrations;
pub mod openapi;
mod orphans;
mod prefer;
mod problem;
mod reads;
mod sagas;
mod schema;
mod serve;
mod signals;
mod surface;
mod surfaces;
mod traced;
mod upload;
mod view;
mod watch;
mod webhooks;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

pub use measured::measured;
pub use serve::serve;
pub use traced::traced;

use crate::Engine;
use crate::migrations::Prospects;
use problem::{Code, Problem};
use surfaces::Surfaces;

/// The one tenant there is for now; it comes from the caller's token once there is sign-in.
const TENANT: &str = "main";

/// Nouns below `/v1` that no definition can have: they are ours, or the pools'.
const RESERVED: [&str; 10] = [
    "audit",
    "batches",
    "confirmations",
    "definitions",
    "events",
    "orphans",
    "sagas",
    "schedules",
    "signals",
    "webhooks",
];

/// How the API is set up.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What webhooks of the payment provider are signed with; without it they are refused.
    pub webhook_secret: Option<String>,
    /// A lost saga that was heard of within this time is not undone.
    pub orphan_grace: Duration,
}

/// What handlers work with; cheap to clone.
#[derive(Clone)]
struct Api {
    engine: Engine,
    webhook_secret: Option<Arc<str>>,
    orphan_grace: Duration,
    /// Room for open event streams.
    streams: Arc<Semaphore>,
    /// What is known of sagas under other versions.
    prospects: Arc<Prospects>,
}

/// The routes. Other routers may be merged into it, as long as they have no fallback: ours are the surfaces of the
/// definitions.
pub fn router(engine: Engine, options: Options) -> Router {
    let api = Api {
        engine,
        webhook_secret: options.webhook_secret.map(Arc::from),
        orphan_grace: options.orphan_grace,
        streams: Arc::new(Semaphore::new(watch::STREAMS_MAX)),
        prospects: Arc::default(),
    };
    let surfaces = Surfaces::new(api.clone());
    let documents = surfaces.clone();
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route(
            "/v1/definitions",
            get(definitions::list).post(upload::upload),
        )
        .route("/v1/definitions/{name}", get(definitions::one))
        .route(
            "/v1/definitions/{name}/migrations",
            post(migrations::migrate),
        )
        .route("/v1/audit", get(audit::list))
        .route("/v1/orphans", post(orphans::orphans))
        .route("/v1/signals", post(signals::to_key))
        .route("/v1/sagas/{id}/signals", post(signals::to_one))
        .route("/v1/webhooks/payments", post(webhooks::payments))
        .with_state(api.clone())
        .route(
            "/openapi.json",
            get(move || openapi::served(documents.document())),
        )
        .merge(sagas::routes(api))
        .fallback_service(surfaces)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(panicked))
}

async fn not_found() -> Problem {
    Problem::new(Code::NotFound, "There is nothing at this address.")
}

async fn method_not_allowed() -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        "This address does not take that method.",
    )
}

/// A panic is our mistake and ends one request; what it says is for the log alone (the panic hook's).
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    Problem::internal("a handler panicked").into_response()
}
