//! Which sagas the database knows, asked by the part of their ids that effect keys carry: for whoever has found effects
//! and looks for whose they are. Reads every saga's id: not for the hot path.

use sqlx::FromRow;

use super::{Database, Error};

/// A saga that is there.
#[derive(Clone, Debug, FromRow)]
pub struct Known {
    /// The part of its id that its effect keys carry.
    pub part: String,
    /// Its id.
    pub id: String,
    /// Its status, in the table's word.
    pub status: String,
    /// When it was started, in milliseconds.
    pub started_at: i64,
}

/// Those of these sagas that are there.
pub async fn of(database: &Database, parts: &[String]) -> Result<Vec<Known>, Error> {
    sqlx::query_as(
        "select part, s.id::text as id, s.status, (extract(epoch from s.started_at) * 1000)::int8 as started_at
           from unnest($1::text[]) as asked(part)
           join saga s on right(replace(s.id::text, '-', ''), 26) = asked.part",
    )
    .bind(parts)
    .fetch_all(&database.pool)
    .await
    .map_err(Error::doing("look for sagas by their effects"))
}
