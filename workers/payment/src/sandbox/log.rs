//! `GET /v1/log`: everything that moved money, in order. What end checks compare the engine's story with.

use axum::extract::{Query, State};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Sandbox;
use super::answer::Answer;

const PAGE_MAX: i64 = 10_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Id of the last entry seen.
    #[serde(default)]
    after: i64,
    limit: Option<i64>,
}

#[derive(Debug, Serialize, sqlx::FromRow)]
struct Entry {
    id: i64,
    at: DateTime<Utc>,
    key: String,
    operation: String,
    authorization_id: String,
    charge_id: Option<String>,
    amount: i64,
    currency: String,
}

pub(super) async fn list(State(sandbox): State<Sandbox>, Query(page): Query<Page>) -> Answer {
    let entries: Result<Vec<Entry>, sqlx::Error> = sqlx::query_as(
        "select id, at, key, operation, authorization_id, charge_id, amount, currency
           from log
          where id > $1
          order by id
          limit $2",
    )
    .bind(page.after)
    .bind(page.limit.unwrap_or(1000).clamp(1, PAGE_MAX))
    .fetch_all(sandbox.database.pool())
    .await;
    match entries {
        Ok(entries) => Answer::done(json!({ "entries": entries })),
        Err(error) => error.into(),
    }
}
