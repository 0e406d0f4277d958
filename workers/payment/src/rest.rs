//! `GET /v1/ledger/balances`: the accounts, for the people who close the books.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use impresario_worker_sdk::Database;
use serde_json::json;

use crate::ledger;

/// The routes.
pub fn router(database: Database) -> Router {
    Router::new()
        .route("/v1/ledger/balances", get(balances))
        .with_state(database)
}

async fn balances(State(database): State<Database>) -> Response {
    match ledger::balances(&database).await {
        Ok(accounts) => Json(json!({ "data": accounts })).into_response(),
        Err(error) => {
            tracing::error!(%error, "balances could not be read");
            let body = json!({
                "type": "urn:impresario:problem:unavailable",
                "title": "The ledger cannot be read at the moment",
                "status": 503,
                "code": "unavailable",
            });
            let kind = [(header::CONTENT_TYPE, "application/problem+json")];
            (StatusCode::SERVICE_UNAVAILABLE, kind, body.to_string()).into_response()
        }
    }
}
