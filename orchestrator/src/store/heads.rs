//! Heads of journals: which sagas have moved on since somebody last looked.

use impresario_workflows::SagaId;
use sqlx::PgPool;
use uuid::Uuid;

use super::Error;

/// Those of `known` (saga, its last row as far as known) whose journal goes on.
pub async fn moved(pool: &PgPool, known: &[(SagaId, i32)]) -> Result<Vec<SagaId>, Error> {
    let sagas: Vec<Uuid> = known.iter().map(|(id, _)| id.0).collect();
    let rows: Vec<i32> = known.iter().map(|(_, seq)| *seq).collect();
    // Rows are gapless: whether the next one is there is one look at the primary key.
    let moved: Vec<Uuid> = sqlx::query_scalar(
        "select k.saga_id from unnest($1::uuid[], $2::int[]) as k (saga_id, seq)
         where exists (select 1 from journal j where j.saga_id = k.saga_id and j.seq = k.seq + 1)",
    )
    .bind(&sagas)
    .bind(&rows)
    .fetch_all(pool)
    .await
    .map_err(Error::doing("look at the heads of journals"))?;
    Ok(moved.into_iter().map(SagaId).collect())
}
