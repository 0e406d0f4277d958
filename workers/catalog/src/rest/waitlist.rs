//! `POST /v1/events/{event_id}/waitlist`: a customer wants seats that are not free.
//!
//! One living entry for each address and event: asking again gives the same entry, so the button may be pressed twice.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use impresario_worker_sdk::Database;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::events::parse_id;
use super::problem::Problem;

/// Seats that one entry may ask for, as many as one booking.
const SEATS_MAX: i32 = 8;
/// The longest address that mail knows.
const EMAIL_MAX: usize = 254;

/// The request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    customer_email: String,
    seats: i32,
}

/// The place in the list.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    entry_id: Uuid,
}

pub(super) async fn join(
    State(database): State<Database>,
    Path(event_id): Path<String>,
    wish: Result<Json<Wish>, JsonRejection>,
) -> Result<Json<Entry>, Problem> {
    let event_id = parse_id(&event_id)?;
    let Json(wish) = wish?;
    let email = wish.customer_email.trim();
    if email.len() > EMAIL_MAX || !email.contains('@') {
        return Err(Problem::bad_request("customer_email is an address."));
    }
    if !(1..=SEATS_MAX).contains(&wish.seats) {
        let sentence = format!("seats must be 1 to {SEATS_MAX}");
        return Err(Problem::bad_request(sentence));
    }
    // The update changes nothing: it makes the entry that is there come back.
    let entry_id: Option<Uuid> = sqlx::query_scalar(
        "insert into waitlist (entry_id, event_id, customer_email, seats)
         select $1, event_id, $3, $4 from event where event_id = $2 and state = 'on_sale'
         on conflict (event_id, customer_email) where state in ('waiting', 'offered')
         do update set customer_email = excluded.customer_email
         returning entry_id",
    )
    .bind(Uuid::new_v4())
    .bind(event_id)
    .bind(email)
    .bind(wish.seats)
    .fetch_optional(database.pool())
    .await?;
    entry_id
        .map(|entry_id| Json(Entry { entry_id }))
        .ok_or_else(|| Problem::not_found("This event is not on sale."))
}
