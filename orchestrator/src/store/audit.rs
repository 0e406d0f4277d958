//! `audit`: what people did beside the rules, and why.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{FromRow, PgConnection, PgPool};

use super::Error;

/// Records in one page at most.
pub const PAGE_MAX: i64 = 200;

/// Who does what to which thing, and why.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'d> {
    /// Tenant.
    pub tenant: &'d str,
    /// Principal.
    pub who: &'d str,
    /// For example `definition.forced`.
    pub action: &'d str,
    /// What it was done to.
    pub subject: &'d str,
    /// In their words.
    pub reason: &'d str,
    /// What stood against it.
    pub detail: &'d Value,
}

/// A deed as recorded.
#[derive(Clone, Debug, FromRow)]
pub struct Record {
    /// Grows with every record.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Principal.
    pub who: String,
    /// What.
    pub action: String,
    /// To what.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// What stood against it.
    pub detail: Option<Value>,
}

/// Records a deed, in the transaction of the deed itself.
pub async fn record(connection: &mut PgConnection, deed: &Deed<'_>) -> Result<(), Error> {
    sqlx::query(
        "insert into audit (tenant, who, action, subject, reason, detail) values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(deed.tenant)
    .bind(deed.who)
    .bind(deed.action)
    .bind(deed.subject)
    .bind(deed.reason)
    .bind(deed.detail)
    .execute(connection)
    .await
    .map(drop)
    .map_err(Error::doing("write an audit record"))
}

/// Records a deed that is done in other transactions, before the first of them.
pub async fn record_alone(pool: &PgPool, deed: &Deed<'_>) -> Result<(), Error> {
    let mut connection = pool
        .acquire()
        .await
        .map_err(Error::doing("write an audit record"))?;
    record(&mut connection, deed).await
}

/// The newest records before `before`, newest first.
pub async fn page(
    pool: &PgPool,
    tenant: &str,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Record>, Error> {
    sqlx::query_as(
        "select id, at, who, action, subject, reason, detail from audit
         where tenant = $1 and ($2::bigint is null or id < $2)
         order by id desc limit $3",
    )
    .bind(tenant)
    .bind(before)
    .bind(limit.clamp(1, PAGE_MAX))
    .fetch_all(pool)
    .await
    .map_err(Error::doing("read the audit records"))
}
