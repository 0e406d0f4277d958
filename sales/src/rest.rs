//! `GET /v1/sales`: what was sold, by event.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use impresario_worker_sdk::Database;

use crate::store;

/// The sales, and whether there are any.
pub fn router(database: Database) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/v1/sales", get(sales))
        .with_state(database)
}

async fn sales(State(database): State<Database>) -> Response {
    match store::sales(database.pool()).await {
        Ok(Some(sales)) => Json(sales).into_response(),
        Ok(None) => (StatusCode::SERVICE_UNAVAILABLE, "nothing has been read yet").into_response(),
        Err(error) => {
            tracing::warn!(error = ?error, "cannot read the sales");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database does not answer",
            )
                .into_response()
        }
    }
}
