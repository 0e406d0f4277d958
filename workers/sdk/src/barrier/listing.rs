//! The barrier as a list: what this participant did, for checkers and for effects whose saga nobody knows.
//!
//! Pages by key, so it can be walked while work goes on.

use sqlx::Row;

use super::{Barrier, BarrierError, EffectState};

/// Rows on a page at most.
const PAGE_MAX: i64 = 10_000;

/// One effect, without its input and output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectRecord {
    /// The forward effect's key.
    pub effect: String,
    /// Its saga's id.
    pub saga: String,
    /// The task's name (the compensation's, for a tombstone).
    pub task: String,
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
            "select effect, saga, task, state, (extract(epoch from at) * 1000)::int8 as at_ms
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
