//! What customers may see of the catalogue: events and their seat maps; and the waitlist, which they may join.
//!
//! `GET /v1/events` · `GET /v1/events/{id}` · `GET /v1/events/{id}/seats` · `POST /v1/events/{id}/waitlist`. Pages are by key, not by offset, so
//! they stay right while seats are being sold. Errors are RFC 9457 problem documents.

mod cache;
mod events;
mod problem;
mod seats;
mod waitlist;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use impresario_worker_sdk::Database;

pub use cache::{Cache, CacheError};

/// Rows on a page when the request does not say.
const PAGE_DEFAULT: i64 = 50;
/// Rows on a page at most: a whole small hall, not a stadium.
const PAGE_MAX: i64 = 500;

/// What handlers work with.
#[derive(Clone)]
struct Shown {
    database: Database,
    cache: Cache,
}

impl FromRef<Shown> for Database {
    fn from_ref(shown: &Shown) -> Self {
        shown.database.clone()
    }
}

impl FromRef<Shown> for Cache {
    fn from_ref(shown: &Shown) -> Self {
        shown.cache.clone()
    }
}

/// The routes.
pub fn router(database: Database, cache: Cache) -> Router {
    Router::new()
        .route("/v1/events", get(events::list))
        .route("/v1/events/{event_id}", get(events::one))
        .route("/v1/events/{event_id}/seats", get(seats::list))
        .route("/v1/events/{event_id}/waitlist", post(waitlist::join))
        .with_state(Shown { database, cache })
}

/// The size of a page: what was asked for, if it is sensible.
fn page_size(limit: Option<i64>) -> Result<i64, problem::Problem> {
    match limit.unwrap_or(PAGE_DEFAULT) {
        limit @ 1..=PAGE_MAX => Ok(limit),
        _ => Err(problem::Problem::bad_request(format!(
            "limit must be 1 to {PAGE_MAX}"
        ))),
    }
}
