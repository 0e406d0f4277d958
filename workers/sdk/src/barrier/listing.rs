//! The barrier as a list: what this participant did, for effects whose saga nobody knows any more.
//!
//! Pages by key, so it can be walked while work goes on.

use serde_json::Value;
use sqlx::Row;

use super::{Barrier, BarrierError, EffectState};

/// Rows on a page at most: each may have an input and an output of some hundred kilobytes.
const PAGE_MAX: i64 = 1_000;

/// One effect, and whose it is.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectRecord {
    /// The forward effect's key.
    pub effect: String,
    /// Its saga's id.
    pub saga: String,
    /// When that was started (Unix milliseconds).
    pub saga_started_at: i64,
    /// The name of its definition, when the forward task was seen.
    pub definition: Option<String>,
    /// The first digits of the hash of that definition.
    pub version: Option<String>,
    /// The saga that runs it as a step.
    pub parent: Option<String>,
    /// The task's name (the compensation's, for a tombstone).
    pub task: String,
    /// What the forward task was asked with.
    pub input: Option<Value>,
    /// Output when it succeeded, problem when it was rejected.
    pub outcome: Option<Value>,
    /// What is known.
    pub state: EffectState,
    /// When that was written (Unix milliseconds).
    pub at_ms: i64,
}

impl Barrier {
    /// Effects by key, after `after` (empty for the first page).
    pub async fn effects(
        &self,
        after: &str,
        limit: i64,
    ) -> Result<Vec<EffectRecord>, BarrierError> {
        let rows = sqlx::query(
            "select effect, saga, saga_started_at, definition, version, parent, task, state, input, outcome,
                    (extract(epoch from at) * 1000)::int8 as at_ms
               from barrier
              where effect > $1
              order by effect
              limit $2",
        )
        .bind(after)
        .bind(limit.clamp(1, PAGE_MAX))
        .fetch_all(self.database.pool())
        .await
        .map_err(|source| self.failed(source))?;
        let read = |row: &sqlx::postgres::PgRow| -> Result<EffectRecord, sqlx::Error> {
            let state: String = row.try_get("state")?;
            Ok(EffectRecord {
                effect: row.try_get("effect")?,
                saga: row.try_get("saga")?,
                saga_started_at: row.try_get("saga_started_at")?,
                definition: row.try_get("definition")?,
                version: row.try_get("version")?,
                parent: row.try_get("parent")?,
                input: row.try_get("input")?,
                outcome: row.try_get("outcome")?,
                task: row.try_get("task")?,
                state: EffectState::parse(&state)
                    .map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
                at_ms: row.try_get("at_ms")?,
            })
        };
        rows.iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map_err(|source| self.failed(source))
    }
}
