//! The REST API: the only door of the engine for customers, support staff and machines.
//!
//! Every definition with `rest: <plural>` has a surface of its own below `/v1/<plural>`; support staff see all
//! sagas below `/v1/sagas`. Each endpoint is one file that reads request, response, handler. Conventions
//! (idempotency keys, preferences, entity tags, problem documents) are one file each, and `docs/api.md` tells
//! them to callers.
//!
//! Handlers hold nothing that a dropped connection could break: the engine works in its own tasks, and reads
//! of the store run in theirs (`reads`).

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
pub mod openapi;
mod prefer;
mod problem;
mod reads;
mod sagas;
mod schema;
mod serve;
mod surface;
mod view;
mod watch;

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

pub use serve::serve;

use crate::Engine;
use problem::{Code, Problem};
use surface::Surface;

/// The one tenant there is for now; it comes from the caller's token once there is sign-in.
const TENANT: &str = "main";

/// Nouns below `/v1` that no definition can have: they are ours, or the pools'.
const RESERVED: [&str; 6] = [
    "batches",
    "confirmations",
    "definitions",
    "events",
    "sagas",
    "schedules",
];

/// How the API is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where `/metrics` reads from.
    pub metrics: PrometheusHandle,
}

/// What handlers work with; cheap to clone.
#[derive(Clone)]
struct Api {
    engine: Engine,
    metrics: PrometheusHandle,
    /// Room for open event streams.
    streams: Arc<Semaphore>,
}

/// The routes, for the definitions that the engine has now. Other routers may be merged into it, as long as
/// they have no fallback.
pub fn router(engine: Engine, options: Options) -> Router {
    let current = engine.catalogue().all_current();
    let document = openapi::document(current.iter().map(|stored| &*stored.definition));
    let document = Bytes::from(document.to_string());
    let api = Api {
        engine,
        metrics: options.metrics,
        streams: Arc::new(Semaphore::new(watch::STREAMS_MAX)),
    };
    let fixed = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/v1/definitions", get(definitions::list))
        .route("/v1/definitions/{name}", get(definitions::one))
        .with_state(api.clone())
        .route(
            "/openapi.json",
            get(move || openapi::served(document.clone())),
        )
        .merge(sagas::routes(api.clone()));
    surfaces(&api)
        .into_iter()
        .map(surface_routes)
        .fold(fixed, Router::merge)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(panicked))
}

fn surface_routes(surface: Surface) -> Router {
    let all = format!("/v1/{}", surface.plural);
    let one = format!("{all}/{{id}}");
    Router::new()
        .route(&all, post(create::create))
        .route(&one, get(view::read))
        .route(&format!("{one}/events"), get(watch::watch))
        .with_state(Arc::new(surface))
}

/// One surface for each plural. A plural that is taken is told and left out: the definition still runs.
fn surfaces(api: &Api) -> Vec<Surface> {
    let mut taken: BTreeSet<String> = RESERVED.map(str::to_owned).into();
    let mut surfaces = Vec::new();
    for stored in api.engine.catalogue().all_current() {
        let Some(plural) = stored.definition.rest.clone() else {
            continue;
        };
        if !taken.insert(plural.clone()) {
            tracing::error!(
                definition = stored.definition.name,
                plural,
                "the plural is taken"
            );
            continue;
        }
        match Surface::new(api.clone(), plural, stored.clone()) {
            Ok(surface) => surfaces.push(surface),
            Err(error) => {
                tracing::error!(definition = stored.definition.name, %error, "no input can be checked");
            }
        }
    }
    surfaces
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
