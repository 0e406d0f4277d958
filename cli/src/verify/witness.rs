//! The witness: triggers that note every change of the participants' barriers, every redelivery and every repetition
//! of an outbox row, in the very transaction that makes it.
//!
//! For tests and drills: it costs a row for each change. Installing it twice changes nothing.

use anyhow::Context;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor};

const WITNESS: &str = include_str!("witness.sql");

/// Installs it in every schema that has something to see.
pub(super) async fn install(url: &str) -> anyhow::Result<()> {
    let options: PgConnectOptions = url.parse().context("read --database-url")?;
    let mut connection = options.connect().await.context("reach the database")?;
    connection
        .execute(sqlx::raw_sql(WITNESS))
        .await
        .context("install the witness")?;
    connection.close().await?;
    Ok(())
}
