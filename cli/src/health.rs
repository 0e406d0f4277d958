//! `/healthz`, `/readyz` and `/metrics` of a worker, which has no REST API of its own.
//!
//! Alive means that the process answers, whatever else is down. Ready means that it takes tasks: connected to the
//! broker and not draining. It answers until the drain is over, so that a worker that finishes its last tasks is
//! seen to be alive.

use std::net::SocketAddr;

use anyhow::Context;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use impresario_orchestrator::api;
use impresario_worker_sdk::Watch;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The endpoints, being served. They end with `stop`.
pub(crate) struct Health {
    serving: JoinHandle<()>,
    over: CancellationToken,
}

impl Health {
    /// Serves them at `address`; an address that is taken is an error.
    pub(crate) async fn serve(address: SocketAddr, watch: Watch) -> anyhow::Result<Health> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("listen on {address}"))?;
        tracing::info!(address = %listener.local_addr()?, "answering probes");
        let over = CancellationToken::new();
        let serving = tokio::spawn(api::serve(listener, router(watch), over.clone()));
        Ok(Health { serving, over })
    }

    /// The worker is done.
    pub(crate) async fn stop(self) {
        self.over.cancel();
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "answering probes ended badly");
        }
    }
}

fn router(watch: Watch) -> Router {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(watch)
}

#[derive(Serialize)]
struct Alive {
    status: &'static str,
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    broker: bool,
    draining: bool,
}

async fn alive() -> Json<Alive> {
    Json(Alive { status: "alive" })
}

async fn ready(State(watch): State<Watch>) -> Response {
    let (broker, draining) = (watch.is_connected(), watch.is_draining());
    let ready = broker && !draining;
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = Ready {
        ready,
        broker,
        draining,
    };
    (status, Json(body)).into_response()
}

/// What this process has measured.
pub(crate) async fn metrics() -> Response {
    let kind = [(header::CONTENT_TYPE, impresario_metrics::CONTENT_TYPE)];
    (kind, impresario_metrics::render()).into_response()
}
