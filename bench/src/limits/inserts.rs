//! How many rows a second Postgres takes when they come in batches: rows of a journal, and nothing else.

use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::Outcome;

/// As large as the journal rows of a small saga.
const BODY: [u8; 250] = [b'x'; 250];

/// Rows of one saga, as a saga of three steps has them.
const ROWS_OF_A_SAGA: usize = 4;

const TABLE: &str =
    "create table bench_limit (saga_id uuid, seq integer, body bytea, primary key (saga_id, seq))";
const INSERT: &str =
    "insert into bench_limit select * from unnest($1::uuid[], $2::int[], $3::bytea[])";

/// Rows a second on so many connections, in transactions of so many rows.
pub(super) async fn rows(
    url: &str,
    connections: usize,
    batch: usize,
    time: Duration,
) -> Outcome<f64> {
    let failed = |e: sqlx::Error| format!("could not measure inserts: {e}");
    let mut admin = PgConnection::connect(url).await.map_err(failed)?;
    admin.execute(TABLE).await.map_err(failed)?;
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let url = url.to_owned();
        tasks.spawn(async move { insert(&url, batch, began + time).await });
    }
    let mut rows = 0;
    while let Some(done) = tasks.join_next().await {
        rows += done.map_err(|e| e.to_string())?.map_err(failed)?;
    }
    let seconds = began.elapsed().as_secs_f64();
    admin
        .execute("drop table bench_limit")
        .await
        .map_err(failed)?;
    Ok(rows as f64 / seconds)
}

async fn insert(url: &str, batch: usize, until: Instant) -> Result<usize, sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    let numbers: Vec<i32> = (1..=ROWS_OF_A_SAGA as i32).cycle().take(batch).collect();
    let bodies: Vec<&[u8]> = vec![&BODY; batch];
    let mut rows = 0;
    while Instant::now() < until {
        let mut sagas = Vec::with_capacity(batch);
        while sagas.len() < batch {
            let left = batch - sagas.len();
            sagas.extend([Uuid::new_v4()].repeat(ROWS_OF_A_SAGA.min(left)));
        }
        sqlx::query(INSERT)
            .bind(&sagas)
            .bind(&numbers)
            .bind(&bodies)
            .execute(&mut connection)
            .await?;
        rows += batch;
    }
    Ok(rows)
}
