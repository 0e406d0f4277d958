//! `GET /v1/confirmations/{booking_ref}`: a confirmed booking and its tickets, for the box office.
//!
//! The customer's own view of a booking is the saga's (`/v1/bookings`); this one is the participant's record.
//! Ticket codes are not shown: whoever has one can enter.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use impresario_worker_sdk::Database;
use serde_json::json;
use sqlx::Row;

/// The routes.
pub fn router(database: Database) -> Router {
    Router::new()
        .route("/v1/confirmations/{booking_ref}", get(one))
        .with_state(database)
}

async fn one(State(database): State<Database>, Path(booking_ref): Path<String>) -> Response {
    match load(&database, &booking_ref).await {
        Ok(Some(booking)) => Json(booking).into_response(),
        Ok(None) => problem(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is no such booking.",
        ),
        Err(error) => {
            tracing::error!(%error, "a booking could not be read");
            let sentence = "Try again in a moment.";
            problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable", sentence)
        }
    }
}

async fn load(
    database: &Database,
    booking_ref: &str,
) -> Result<Option<serde_json::Value>, sqlx::Error> {
    let row = sqlx::query(
        "select b.saga, b.event_id, b.state, b.amount, b.currency, b.charge_id, b.created_at,
                (select array_agg(t.seat order by t.seat)
                   from ticket t
                  where t.booking_ref = b.booking_ref) as seats
           from booking b
          where b.booking_ref = $1",
    )
    .bind(booking_ref)
    .fetch_optional(database.pool())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let created_at: chrono::DateTime<chrono::Utc> = row.try_get("created_at")?;
    Ok(Some(json!({
        "booking_ref": booking_ref,
        "saga": row.try_get::<String, _>("saga")?,
        "event_id": row.try_get::<String, _>("event_id")?,
        "state": row.try_get::<String, _>("state")?,
        "seats": row.try_get::<Option<Vec<String>>, _>("seats")?.unwrap_or_default(),
        "price": {
            "amount": row.try_get::<i64, _>("amount")?,
            "currency": row.try_get::<String, _>("currency")?,
        },
        "charge_id": row.try_get::<String, _>("charge_id")?,
        "created_at": created_at,
    })))
}

fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let body = json!({
        "type": format!("urn:impresario:problem:{code}"),
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": code,
        "detail": detail,
    });
    (
        status,
        [(header::CONTENT_TYPE, "application/problem+json")],
        body.to_string(),
    )
        .into_response()
}
