//! Frees the seats of holds whose time is over.
//!
//! Only for the eyes: an expired hold's seats can be held by others at once. So it may be slow, it skips what
//! somebody else has locked, and any number of replicas may sweep.

use std::time::Duration;

use impresario_metrics::table::SEATS_CHANGED;
use impresario_worker_sdk::Database;
use tokio_util::sync::CancellationToken;

use crate::model::HoldState;
use crate::tasks::rows;

/// Holds swept in one transaction at most.
const SWEEP_MAX: i64 = 200;

pub(crate) async fn run(database: Database, every: Duration, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        match sweep(&database).await {
            Ok(0) => {}
            Ok(swept) => tracing::info!(swept, "expired holds"),
            Err(error) => tracing::warn!(%error, "expired holds could not be swept"),
        }
    }
}

/// Sweeps once, up to a bound; how many holds expired.
pub async fn sweep(database: &Database) -> Result<usize, sqlx::Error> {
    let database = database.clone();
    let swept = tokio::spawn(async move {
        let mut tx = database.begin().await?;
        let expired: Vec<uuid::Uuid> = sqlx::query_scalar(
            "select hold_id
               from hold
              where due <= now()
              order by due
              limit $1
                for update skip locked",
        )
        .bind(SWEEP_MAX)
        .fetch_all(&mut *tx)
        .await?;
        let holds = rows::holds_lock(&mut tx, &expired)
            .await
            .map_err(|error| sqlx::Error::Protocol(error.to_string()))?;
        let freed = rows::seats_free(&mut tx, &holds).await?;
        rows::holds_set_state(&mut tx, &expired, HoldState::Expired).await?;
        tx.commit().await?;
        SEATS_CHANGED.with(["expired"]).increment(freed);
        Ok(expired.len())
    });
    swept
        .await
        .map_err(|panic| sqlx::Error::Protocol(panic.to_string()))?
}
