//! Finding sagas: pages of their rows, newest first, and one saga's row and journal for people.
//!
//! Pages are by key (start, id), so they stay right while sagas come in. Ids begin with the day of the start, so
//! a bound on the start is one on the id too, and days that cannot matter are not looked at. Searches run under
//! a short statement timeout of their own: one that is too wide says so and harms nobody else.

use chrono::{DateTime, Utc};
use impresario_workflows::saga::Status;
use impresario_workflows::{Millis, SagaId};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Postgres, QueryBuilder, Row as _};
use uuid::Uuid;

use super::Error;
use super::sagas::millis;

/// A search that takes longer needs narrowing, not patience.
const SEARCH_TIMEOUT: &str = "set local statement_timeout = '3s'";

/// What is looked for; every part that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Status.
    pub status: Option<Status>,
    /// Name of the definition, any version.
    pub definition: Option<String>,
    /// Row of one version of a definition.
    pub definition_id: Option<i32>,
    /// Only sagas that have not ended.
    pub open: bool,
    /// Business key.
    pub business_key: Option<String>,
    /// Started at this instant or later.
    pub started_from: Option<DateTime<Utc>>,
    /// Started before this instant.
    pub started_before: Option<DateTime<Utc>>,
    /// Attributes, compared as text.
    pub attributes: Vec<(String, String)>,
}

/// The place of a saga in the order of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// Its id.
    pub id: SagaId,
}

/// A saga's row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its id.
    pub id: SagaId,
    /// Name of its definition.
    pub definition: String,
    /// Version of its definition.
    pub version: i32,
    /// Status.
    pub status: String,
    /// Business key.
    pub business_key: Option<String>,
    /// Attributes, an object.
    pub attributes: Option<Value>,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// When the engine looks at it by itself.
    pub wake_at: Option<DateTime<Utc>>,
}

/// What a search found.
#[derive(Debug)]
pub enum Page {
    /// These.
    Rows(Vec<Row>),
    /// It took too long and was given up.
    TooWide,
}

const SELECT: &str =
    "select s.id, d.name, d.version, s.status, s.business_key, s.attributes, s.started_at,
            s.ended_at, s.wake_at
     from saga s join definition d on d.id = s.definition_id
     where s.tenant = ";

/// At most `limit` sagas behind `after`, newest first.
pub async fn page(
    pool: &PgPool,
    tenant: &str,
    filter: &Filter,
    after: Option<Position>,
    limit: i64,
) -> Result<Page, Error> {
    let mut query = search(tenant, filter, after, limit);
    let found = async {
        let mut transaction = pool.begin().await?;
        sqlx::query(SEARCH_TIMEOUT)
            .execute(&mut *transaction)
            .await?;
        // Planned for these values: a rare status deserves another plan than a common one.
        let rows = query
            .build()
            .persistent(false)
            .fetch_all(&mut *transaction)
            .await?;
        transaction.commit().await?;
        rows.iter().map(row).collect::<Result<Vec<Row>, _>>()
    };
    match found.await {
        Ok(rows) => Ok(Page::Rows(rows)),
        Err(error) if was_cancelled(&error) => Ok(Page::TooWide),
        Err(source) => Err(Error::Statement {
            doing: "list sagas",
            source,
        }),
    }
}

fn search(
    tenant: &str,
    filter: &Filter,
    after: Option<Position>,
    limit: i64,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(SELECT);
    query.push_bind(tenant.to_owned());
    if let Some(status) = filter.status {
        // Our own word, written out so that the partial index of this status can serve.
        query
            .push(" and s.status = '")
            .push(status.as_str())
            .push("'");
    }
    if let Some(definition) = &filter.definition {
        query
            .push(" and s.definition_id in (select id from definition where name = ")
            .push_bind(definition.clone())
            .push(")");
    }
    if let Some(id) = filter.definition_id {
        query.push(" and s.definition_id = ").push_bind(id);
    }
    if filter.open {
        query.push(" and s.ended_at is null");
    }
    if let Some(key) = &filter.business_key {
        query.push(" and s.business_key = ").push_bind(key.clone());
    }
    for (name, value) in &filter.attributes {
        query
            .push(" and s.attributes ->> ")
            .push_bind(name.clone())
            .push(" = ")
            .push_bind(value.clone());
    }
    if let Some(from) = filter.started_from {
        query.push(" and s.started_at >= ").push_bind(from);
        query.push(" and s.id >= ").push_bind(first_id_from(from));
    }
    if let Some(before) = filter.started_before {
        query.push(" and s.started_at < ").push_bind(before);
        query.push(" and s.id < ").push_bind(first_id_after(before));
    }
    if let Some(Position { started_at, id }) = after {
        query
            .push(" and (s.started_at, s.id) < (")
            .push_bind(started_at)
            .push(", ")
            .push_bind(id.0)
            .push(") and s.id < ")
            .push_bind(first_id_after(started_at));
    }
    query
        .push(" order by s.started_at desc, s.id desc limit ")
        .push_bind(limit);
    query
}

/// No saga that started at `at` or later has a smaller id. A day of slack: the id is made a moment before the
/// start, perhaps on the day before.
fn first_id_from(at: DateTime<Utc>) -> Uuid {
    SagaId::first_of_day(SagaId::day_of(millis(at)).saturating_sub(1))
}

/// Every saga that started before or at `at` has a smaller id.
fn first_id_after(at: DateTime<Utc>) -> Uuid {
    SagaId::first_of_day(SagaId::day_of(millis(at)) + 1)
}

fn was_cancelled(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|database| database.code())
        .is_some_and(|code| code == "57014")
}

/// One saga's row.
pub async fn one(pool: &PgPool, tenant: &str, id: SagaId) -> Result<Option<Row>, Error> {
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    query
        .push_bind(tenant.to_owned())
        .push(" and s.id = ")
        .push_bind(id.0);
    let found = query.build().fetch_optional(pool).await;
    found
        .and_then(|found| found.as_ref().map(row).transpose())
        .map_err(Error::doing("read a saga's row"))
}

fn row(row: &PgRow) -> Result<Row, sqlx::Error> {
    Ok(Row {
        id: SagaId(row.try_get(0)?),
        definition: row.try_get(1)?,
        version: row.try_get(2)?,
        status: row.try_get(3)?,
        business_key: row.try_get(4)?,
        attributes: row.try_get(5)?,
        started_at: row.try_get(6)?,
        ended_at: row.try_get(7)?,
        wake_at: row.try_get(8)?,
    })
}

/// One journal row as people read it; the facts are left as they stand.
#[derive(Debug)]
pub struct JournalRow {
    /// Its number.
    pub seq: i32,
    /// When it was decided.
    pub at: Millis,
    /// The inputs, in words.
    pub by: Vec<String>,
    /// The facts, a JSON array.
    pub events: Box<RawValue>,
}

#[derive(Deserialize)]
struct Body {
    at: Millis,
    by: Vec<String>,
    ev: Box<RawValue>,
}

/// The last `max` rows of a journal up to `seq`, oldest first.
pub async fn journal(
    pool: &PgPool,
    id: SagaId,
    seq: i32,
    max: i32,
) -> Result<Vec<JournalRow>, Error> {
    let rows: Vec<(i32, Vec<u8>)> = sqlx::query_as(
        "select seq, body from journal where saga_id = $1 and seq <= $2 and seq > $2 - $3 order by seq",
    )
    .bind(id.0)
    .bind(seq)
    .bind(max)
    .fetch_all(pool)
    .await
    .map_err(Error::doing("read a journal"))?;
    rows.into_iter()
        .map(|(seq, body)| {
            let Body { at, by, ev } =
                serde_json::from_slice(&body).map_err(|source| Error::Journal {
                    saga: id,
                    seq,
                    source,
                })?;
            Ok(JournalRow {
                seq,
                at,
                by,
                events: ev,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_on_ids_leave_out_nothing() {
        let at: DateTime<Utc> = "2026-11-22T00:00:00Z".parse().unwrap();
        let ms = millis(at);
        for made in [ms - 1, ms, ms + 86_399_999] {
            let id = SagaId::derive(made, "main", "booking", "k").0;
            assert!(first_id_from(at) <= id, "{made}");
        }
        let id = SagaId::derive(ms, "main", "booking", "k").0;
        assert!(id < first_id_after(at));
    }
}
