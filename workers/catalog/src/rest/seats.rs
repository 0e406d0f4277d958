//! `GET /v1/events/{event_id}/seats`: the seat map with prices and what is still free.
//!
//! Who holds a seat is nobody's business: a seat is `free`, `held` or `sold`.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use impresario_worker_sdk::Database;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use uuid::Uuid;

use super::cache::{Cache, Name};
use super::events::parse_id;
use super::page_size;
use super::problem::Problem;
use crate::model::Money;

/// Bytes of a cursor that may be part of a key; a page that begins at a longer one is not kept.
const FROM_MAX: usize = 64;

/// The query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A seat.
#[derive(Debug, Serialize)]
pub(super) struct Seat {
    seat: String,
    section: String,
    price: Money,
    status: String,
}

/// A page of the seat map, by seat name.
#[derive(Debug, Serialize)]
pub(super) struct Seats {
    data: Vec<Seat>,
    /// Pass it as `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

pub(super) async fn list(
    State(database): State<Database>,
    State(cache): State<Cache>,
    Path(event_id): Path<String>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Response, Problem> {
    let event_id = parse_id(&event_id)?;
    let Query(page) = page?;
    let limit = page_size(page.limit)?;
    let from = page.cursor.unwrap_or_default();
    let cache = if from.len() > FROM_MAX {
        Cache::none()
    } else {
        cache
    };
    let name = Name {
        tag: event_id.to_string(),
        page: format!("seats:{limit}:{from}"),
    };
    cache
        .page(name, read_page(&database, event_id, &from, limit))
        .await
}

async fn read_page(
    database: &Database,
    event_id: Uuid,
    from: &str,
    limit: i64,
) -> Result<Seats, Problem> {
    let currency: Option<String> =
        sqlx::query_scalar("select currency from event where event_id = $1")
            .bind(event_id)
            .fetch_optional(database.pool())
            .await?;
    let currency = currency.ok_or_else(|| Problem::not_found("There is no such event."))?;
    let rows = sqlx::query(
        "select seat, section, price_amount,
                case when held_until is null or held_until <= now() then 'free'
                     when sold_at is not null then 'sold'
                     else 'held' end as status
           from seat
          where event_id = $1 and seat > $2
          order by seat
          limit $3",
    )
    .bind(event_id)
    .bind(from)
    .bind(limit + 1)
    .fetch_all(database.pool())
    .await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        let price = Money {
            amount: row.try_get("price_amount")?,
            currency: currency.clone(),
        };
        items.push(Seat {
            seat: row.try_get("seat")?,
            section: row.try_get("section")?,
            price,
            status: row.try_get("status")?,
        });
    }
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > size;
    items.truncate(size);
    let next = if more {
        items.last().map(|seat| seat.seat.clone())
    } else {
        None
    };
    Ok(Seats {
        data: items,
        next_cursor: next,
    })
}
