//! The sandbox provider: an HTTP server that behaves like a payment provider, well or badly on request.
//!
//! It keeps its own books in its own schema and survives the death of everybody including itself. What goes
//! wrong is chosen by the payment token ([`token`]); `docs/sandbox-provider.md` is its manual. It never looks
//! at the pool's tables, and the pool never at its.
//!
//! Here: wiring. Requests that act are in [`operation`] and [`request`], plain ones side by side in [`sets`], keys in [`keys`], rows in [`store`], what
//! happens without a request (customers pay, events are posted) in [`webhook`].

mod answer;
mod keys;
mod log;
mod operation;
mod request;
mod sets;
mod store;
mod token;
mod webhook;

pub use webhook::{Secret, Webhook};

use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use impresario_worker_sdk::{Database, DatabaseError, DatabaseSettings};

/// The server's schema.
pub const SCHEMA: &str = "provider";

/// How the server behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long a key is remembered; after it the same key is a new request.
    pub key_life: Duration,
    /// How late `tok_slow` is.
    pub slow_by: Duration,
    /// How soon the customer of `tok_pays` pays a payment request.
    pub pays_after: Duration,
    /// Who is told when money comes; nobody without one.
    pub webhook: Option<Webhook>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            key_life: Duration::from_secs(24 * 60 * 60),
            slow_by: Duration::from_secs(3),
            pays_after: Duration::from_secs(2),
            webhook: None,
        }
    }
}

/// State of the server.
#[derive(Clone, Debug)]
pub(crate) struct Sandbox {
    pub(crate) database: Database,
    pub(crate) config: Config,
    pub(crate) sets: sets::Sets,
}

impl Sandbox {
    fn new(database: Database, config: Config) -> Self {
        let sets = sets::Sets::start(database.clone());
        Sandbox {
            database,
            config,
            sets,
        }
    }
}

/// Prepares connections to the server's schema.
pub fn database(url: &str) -> Result<Database, DatabaseError> {
    Database::open(url, DatabaseSettings::new(SCHEMA))
}

/// Creates or upgrades the server's schema.
pub async fn migrate(database: &Database) -> Result<(), DatabaseError> {
    database
        .migrate_without_barrier(sqlx::migrate!("./sandbox-migrations"))
        .await
}

/// The server's routes. Must be called inside a tokio runtime.
pub fn router(database: Database, config: Config) -> Router {
    Router::new()
        .route("/v1/authorizations", post(operation::authorize))
        .route("/v1/authorizations/{id}/capture", post(operation::capture))
        .route("/v1/authorizations/{id}/void", post(operation::void))
        .route("/v1/charges/{id}/refund", post(operation::refund))
        .route("/v1/payment-requests", post(request::create))
        .route("/v1/payment-requests/{id}", get(request::one))
        .route("/v1/payment-requests/{id}/cancel", post(request::cancel))
        .route("/v1/payment-requests/{id}/collect", post(request::collect))
        .route("/v1/late-charges", get(request::late))
        .route("/v1/keys/{key}", get(keys::find))
        .route("/v1/keys/{key}/cancel", post(keys::cancel))
        .route("/v1/log", get(log::list))
        .route("/sandbox/heal", post(keys::heal))
        .route("/sandbox/settle/{id}", post(request::settle))
        .with_state(Sandbox::new(database, config))
}

/// Serves until `shutdown` resolves. Requests that never answer do not hold the end up.
pub async fn serve(
    listener: tokio::net::TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let server = axum::serve(listener, router).into_future();
    tokio::select! {
        served = server => served,
        () = shutdown => Ok(()),
    }
}

/// What the provider does by itself, until `shutdown`: customers pay, and whoever asked is told.
pub async fn run_background(
    database: Database,
    config: Config,
    shutdown: tokio_util::sync::CancellationToken,
) {
    webhook::run(Sandbox::new(database, config), shutdown).await;
}
