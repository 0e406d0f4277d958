//! `GET /v1/events` and `GET /v1/events/{event_id}`.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use impresario_worker_sdk::Database;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row};
use uuid::Uuid;

use super::cache::{Cache, Name};
use super::page_size;
use super::problem::Problem;

/// The query of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<Uuid>,
}

/// An event on sale.
#[derive(Debug, Serialize)]
pub(super) struct Event {
    event_id: Uuid,
    title: String,
    venue: String,
    starts_at: DateTime<Utc>,
    currency: String,
    state: String,
    seats: i64,
    seats_free: i64,
    price_from: Option<i64>,
}

impl FromRow<'_, PgRow> for Event {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Event {
            event_id: row.try_get("event_id")?,
            title: row.try_get("title")?,
            venue: row.try_get("venue")?,
            starts_at: row.try_get("starts_at")?,
            currency: row.try_get("currency")?,
            state: row.try_get("state")?,
            seats: row.try_get("seats")?,
            seats_free: row.try_get("seats_free")?,
            price_from: row.try_get("price_from")?,
        })
    }
}

/// A page of events, soonest first.
#[derive(Debug, Serialize)]
pub(super) struct Events {
    data: Vec<Event>,
    /// Pass it as `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<Uuid>,
}

pub(super) async fn list(
    State(database): State<Database>,
    State(cache): State<Cache>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(page) = page?;
    let limit = page_size(page.limit)?;
    let from = page.cursor.map(|cursor| cursor.to_string());
    let name = Name {
        tag: "events".into(),
        page: format!("{limit}:{}", from.unwrap_or_default()),
    };
    cache
        .page(name, read_page(&database, page.cursor, limit))
        .await
}

async fn read_page(
    database: &Database,
    cursor: Option<Uuid>,
    limit: i64,
) -> Result<Events, Problem> {
    let mut items: Vec<Event> = sqlx::query_as(
        "select e.event_id, e.title, e.venue, e.starts_at, e.currency, e.state,
                s.seats, s.seats_free, s.price_from
           from (select *
                   from event
                  where $2::uuid is null
                     or (starts_at, event_id) >
                        (select starts_at, event_id from event where event_id = $2)
                  order by starts_at, event_id
                  limit $1) e
          cross join lateral (
                select count(*) as seats,
                       count(*) filter (where held_until is null or held_until <= now())
                           as seats_free,
                       min(price_amount) as price_from
                  from seat
                 where seat.event_id = e.event_id) s
          order by e.starts_at, e.event_id",
    )
    // One more than asked for tells whether there is a next page.
    .bind(limit + 1)
    .bind(cursor)
    .fetch_all(database.pool())
    .await?;
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > size;
    items.truncate(size);
    let next = if more {
        items.last().map(|event| event.event_id)
    } else {
        None
    };
    Ok(Events {
        data: items,
        next_cursor: next,
    })
}

pub(super) async fn one(
    State(database): State<Database>,
    Path(event_id): Path<String>,
) -> Result<Json<Event>, Problem> {
    let event_id = parse_id(&event_id)?;
    let event: Option<Event> = sqlx::query_as(
        "select e.event_id, e.title, e.venue, e.starts_at, e.currency, e.state,
                count(s.*) as seats,
                count(s.*) filter (where s.held_until is null or s.held_until <= now())
                    as seats_free,
                min(s.price_amount) as price_from
           from event e
           left join seat s on s.event_id = e.event_id
          where e.event_id = $1
          group by e.event_id",
    )
    .bind(event_id)
    .fetch_optional(database.pool())
    .await?;
    event
        .map(Json)
        .ok_or_else(|| Problem::not_found("There is no such event."))
}

pub(super) fn parse_id(text: &str) -> Result<Uuid, Problem> {
    text.parse()
        .map_err(|_| Problem::bad_request("An event's id is a UUID."))
}
