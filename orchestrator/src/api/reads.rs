//! Reads of the store for handlers: each in a task of its own, and not waited for without bound.
//!
//! A handler is dropped whenever its client leaves; a statement that is dropped half-way would leave its
//! connection in an unknown state. So the statement goes on and only its answer is dropped.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use impresario_workflows::SagaId;

use super::problem::{Code, Problem};
use super::{Api, TENANT};
use crate::hub::Progress;
use crate::store;
use crate::store::sagas::Loaded;

/// A read that takes longer is no answer to somebody who waits.
const READ_WAIT: Duration = Duration::from_secs(5);

/// Runs a read to its end and answers what it found, or that it cannot be told now.
pub(super) async fn detached<T: Send + 'static>(
    read: impl Future<Output = Result<T, store::Error>> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::time::timeout(READ_WAIT, tokio::spawn(read)).await {
        Ok(Ok(Ok(found))) => Ok(found),
        Ok(Ok(Err(error))) => Err(failed(error)),
        Ok(Err(error)) => Err(Problem::internal(error)),
        Err(_) => Err(Problem::unavailable(
            "The database does not answer; try again in a moment.",
        )),
    }
}

fn failed(error: store::Error) -> Problem {
    match error {
        store::Error::Statement { .. } | store::Error::Open(_) | store::Error::Migrate(_) => {
            tracing::warn!(error = ?error, "a read failed");
            Problem::unavailable("The database does not answer; try again in a moment.")
        }
        store::Error::Journal { .. }
        | store::Error::Definition { .. }
        | store::Error::VersionTaken { .. } => Problem::internal(error),
    }
}

/// The saga that a path names. What is no id names nothing.
pub(super) fn saga_id(path: Result<Path<String>, PathRejection>) -> Result<SagaId, Problem> {
    let Ok(Path(text)) = path else {
        return Err(no_such_saga());
    };
    match text.parse::<SagaId>() {
        // One spelling for each: ids are compared as text elsewhere.
        Ok(id) if id.to_string() == text => Ok(id),
        Ok(_) | Err(_) => Err(no_such_saga()),
    }
}

pub(super) fn no_such_saga() -> Problem {
    Problem::new(Code::NotFound, "There is nothing with this id.")
}

impl Api {
    /// A saga of the tenant as stored.
    pub(super) async fn load(&self, id: SagaId) -> Result<Loaded, Problem> {
        let engine = self.engine.clone();
        detached(async move { engine.load(id).await })
            .await?
            .filter(|loaded| loaded.tenant == TENANT && loaded.seq > 0)
            .ok_or_else(no_such_saga)
    }

    /// A saga of this definition as stored.
    pub(super) async fn load_of(
        &self,
        definition: &str,
        id: SagaId,
    ) -> Result<Arc<Progress>, Problem> {
        let loaded = self.load(id).await?;
        if loaded.definition.name != definition {
            return Err(no_such_saga());
        }
        Ok(Arc::new(Progress {
            seq: loaded.seq,
            definition: loaded.definition,
            state: Arc::new(loaded.state),
        }))
    }
}
