//! Undoing what was judged so: each lost saga is made anew, and turns around in its first commit.
//!
//! Ordering it twice is harmless: a saga that was made anew is known from then on.

use std::time::Duration;

use impresario_workflows::SagaId;

use super::Judged;
use crate::Engine;
use crate::lane::StartError;
use crate::store::{self, days};

/// One that is not durable by then is asked for again by whoever ordered it.
const DURABLE_WITHIN: Duration = Duration::from_secs(10);

/// Why a lost saga was not made anew.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// The store.
    #[error("cannot prepare the undoing of lost saga {saga}")]
    Store {
        /// Which.
        saga: SagaId,
        /// Why not.
        #[source]
        source: store::Error,
    },
    /// The engine. It is not known whether it was made anew.
    #[error("cannot make lost saga {saga} anew")]
    Start {
        /// Which.
        saga: SagaId,
        /// Why not.
        #[source]
        source: StartError,
    },
}

/// Makes a lost saga anew, to undo it. False when it is none that can be undone, or is known by now.
pub async fn undo(engine: &Engine, tenant: &str, judged: &Judged) -> Result<bool, UndoError> {
    let Some((stored, lost)) = &judged.anew else {
        return Ok(false);
    };
    let saga = judged.id;
    make_day(engine, saga)
        .await
        .map_err(|source| UndoError::Store { saga, source })?;
    let made = engine.make_anew(tenant, stored.clone(), saga, lost.clone());
    match tokio::time::timeout(DURABLE_WITHIN, made).await {
        // Somebody else was faster: it is known by now.
        Ok(Ok(started)) => Ok(started.created),
        Ok(Err(source)) => Err(UndoError::Start { saga, source }),
        Err(_) => Err(UndoError::Start {
            saga,
            source: StartError::Unavailable,
        }),
    }
}

/// The database went back, perhaps to before that day.
async fn make_day(engine: &Engine, saga: SagaId) -> Result<(), store::Error> {
    let mut connection = engine.database().live_connection().await?;
    days::one(&mut connection, saga.day()).await
}
