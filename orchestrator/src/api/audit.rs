//! `GET /v1/audit`: what people did beside the rules, newest first.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::problem::{Code, Problem};
use super::{Api, TENANT, reads};
use crate::store::audit::{PAGE_MAX, Record, page};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Records older than this one.
    before: Option<i64>,
    limit: Option<i64>,
}

#[derive(Serialize)]
struct List {
    data: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    id: i64,
    at: String,
    who: String,
    action: String,
    subject: String,
    reason: String,
    detail: Option<Value>,
}

pub(super) async fn list(
    State(api): State<Api>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(Wanted { before, limit }) = wanted.map_err(|_| {
        let detail = "There are `before` (an id) and `limit` (1 to 200).";
        Problem::new(Code::MalformedQuery, detail)
    })?;
    let pool = api.engine.database().pool.clone();
    let limit = limit.unwrap_or(PAGE_MAX);
    let records = reads::detached(async move { page(&pool, TENANT, before, limit).await }).await?;
    let data = records.into_iter().map(item).collect();
    Ok(Json(List { data }).into_response())
}

fn item(record: Record) -> Item {
    Item {
        id: record.id,
        at: record.at.to_rfc3339(),
        who: record.who,
        action: record.action,
        subject: record.subject,
        reason: record.reason,
        detail: record.detail,
    }
}
