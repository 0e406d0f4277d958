//! `/healthz`, `/readyz`, `/metrics`: for machines that look after this process.
//!
//! Alive means that the process answers, whatever else is down: restarting it would not bring a database back.
//! Ready means that it can take starts and get their tasks out.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Api;

/// A database that takes longer is not ready.
const PING_WAIT: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Alive {
    status: &'static str,
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    database: bool,
    broker: bool,
}

pub(super) async fn alive() -> impl IntoResponse {
    Json(Alive { status: "alive" })
}

pub(super) async fn ready(State(api): State<Api>) -> Response {
    let broker = api.engine.broker_connected();
    let engine = api.engine.clone();
    // In its own task: a probe that hangs up must not drop a statement half-way.
    let ping = tokio::spawn(async move { engine.database().ping().await });
    let database = matches!(tokio::time::timeout(PING_WAIT, ping).await, Ok(Ok(true)));
    let ready = database && broker;
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = Ready {
        ready,
        database,
        broker,
    };
    (status, Json(body)).into_response()
}

pub(super) async fn metrics() -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, impresario_metrics::CONTENT_TYPE)];
    (kind, impresario_metrics::render())
}
