//! The safety net under the timers in memory: sagas whose wake-up has come, and open sagas after a start.

use impresario_workflows::SagaId;
use sqlx::PgPool;
use uuid::Uuid;

use super::Error;

/// One look takes at most this many; the next look follows at once when it was full. A hundred thousand timers
/// in one second are so many looks, with results served in between.
pub const DUE_MAX: i64 = 500;

/// Sagas of these partitions that are due, most overdue first.
pub async fn due(pool: &PgPool, partitions: &[u16]) -> Result<Vec<SagaId>, Error> {
    let partitions: Vec<i16> = partitions
        .iter()
        .filter_map(|&p| i16::try_from(p).ok())
        .collect();
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "select id from saga
         where wake_at <= clock_timestamp() and partition = any($1)
         order by wake_at limit $2",
    )
    .bind(&partitions)
    .bind(DUE_MAX)
    .fetch_all(pool)
    .await
    .map_err(Error::doing("look for due sagas"))?;
    Ok(ids.into_iter().map(SagaId).collect())
}

/// Sagas of these partitions that have not ended, page by page in id order.
pub async fn open(
    pool: &PgPool,
    partitions: &[u16],
    after: Option<SagaId>,
) -> Result<Vec<SagaId>, Error> {
    let partitions: Vec<i16> = partitions
        .iter()
        .filter_map(|&p| i16::try_from(p).ok())
        .collect();
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "select id from saga
         where wake_at is not null and partition = any($1) and id > $2
         order by id limit $3",
    )
    .bind(&partitions)
    .bind(after.map_or(Uuid::nil(), |id| id.0))
    .bind(DUE_MAX)
    .fetch_all(pool)
    .await
    .map_err(Error::doing("look for open sagas"))?;
    Ok(ids.into_iter().map(SagaId).collect())
}
