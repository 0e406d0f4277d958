//! `GET /v1/sagas`: finds sagas, newest first.
//!
//! Filters `status`, `definition`, `business_key`, `started[gte]`, `started[lt]`, `attribute.<name>`; `limit` and
//! `cursor` for pages. Answers `{data, next_cursor, has_more, as_of}`.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as Pairs, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use impresario_workflows::SagaId;
use serde::Serialize;
use serde_json::Value;

use super::super::instant::Instant;
use super::super::problem::{Code, Problem};
use super::super::reads::detached;
use super::super::{Api, TENANT};
use super::query::Query;
use crate::store::listing::{self, Page, Position, Row};

#[derive(Serialize)]
struct List {
    data: Vec<Item>,
    next_cursor: Option<String>,
    has_more: bool,
    as_of: Instant,
}

#[derive(Serialize)]
struct Item {
    id: SagaId,
    definition: String,
    version: i32,
    status: String,
    business_key: Option<String>,
    attributes: Option<Value>,
    started_at: Instant,
    ended_at: Option<Instant>,
}

pub(super) async fn list(
    State(api): State<Api>,
    pairs: Result<Pairs<Vec<(String, String)>>, QueryRejection>,
) -> Result<Response, Problem> {
    let Pairs(pairs) = pairs.map_err(|_| {
        Problem::new(
            Code::MalformedQuery,
            "The query is not name=value&name=value.",
        )
    })?;
    let query = Query::read(TENANT, pairs)?;
    let as_of = Instant::now();
    let (limit, scope) = (query.limit, query.scope);
    let pool = api.engine.database().pool.clone();
    // One more than asked for tells whether there is more.
    let page = detached(async move {
        listing::page(&pool, TENANT, &query.filter, query.after, limit + 1).await
    });
    let mut rows = match page.await? {
        Page::Rows(rows) => rows,
        Page::TooWide => {
            return Err(Problem::new(
                Code::SearchTooWide,
                "Narrow the search, for example with started[gte] and started[lt].",
            ));
        }
    };
    let limit = usize::try_from(limit).unwrap_or_default();
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| has_more).map(|row| Position {
        started_at: row.started_at,
        id: row.id,
    });
    let list = List {
        data: rows.into_iter().map(Item::from).collect(),
        next_cursor: last.map(|last| scope.seal(last)),
        has_more,
        as_of,
    };
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((no_store, Json(list)).into_response())
}

impl From<Row> for Item {
    fn from(row: Row) -> Item {
        Item {
            id: row.id,
            definition: row.definition,
            version: row.version,
            status: row.status,
            business_key: row.business_key,
            attributes: row.attributes,
            started_at: Instant(row.started_at),
            ended_at: row.ended_at.map(Instant),
        }
    }
}
