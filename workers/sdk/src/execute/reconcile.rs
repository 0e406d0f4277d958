//! Reconcile for effects of the pool's own schema: the barrier alone knows, and closes what never ran.
//!
//! A forward transaction that is still running holds its row; waiting for it ends with the lock timeout, and
//! the answer is then `still_open`.

use impresario_protocol::{Outcome, Problem};

use super::{commit_unknown, joined};
use crate::barrier::meaning::{self, Reconcile};
use crate::barrier::{horizon, row};
use crate::execute::transactional::vanished;
use crate::{Database, HandlerError, TaskContext};

/// SQLSTATE of a statement that waited too long for a lock.
const LOCK_NOT_AVAILABLE: &str = "55P03";

pub(crate) async fn run(database: Database, task: TaskContext) -> Outcome {
    joined(async move {
        match attempt(&database, &task).await {
            Err(HandlerError::Database(error)) if is_lock_timeout(&error) => {
                let problem = Problem::new("busy", "another transaction holds this effect");
                Ok(Outcome::StillOpen(problem))
            }
            other => other,
        }
    })
    .await
}

fn is_lock_timeout(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|e| e.code()).as_deref() == Some(LOCK_NOT_AVAILABLE)
}

async fn attempt(database: &Database, task: &TaskContext) -> Result<Outcome, HandlerError> {
    let mut tx = database.begin().await?;
    if !task.begin() {
        return Ok(Outcome::Expired);
    }
    if row::bury(&mut tx, task).await? {
        if !horizon::covers(&mut tx, task.task().saga_started_at).await? {
            tx.rollback().await?;
            return Ok(meaning::before_horizon());
        }
        return Ok(match tx.commit().await {
            Ok(()) => never_ran(),
            Err(error) => commit_unknown(&error),
        });
    }
    let Some(found) = row::lock(&mut tx, &task.forward_effect()).await? else {
        return Ok(Outcome::Failed(vanished()));
    };
    let answer = match meaning::reconcile(&found)? {
        Reconcile::Answer(outcome) => outcome,
        Reconcile::Close => {
            return Err(HandlerError::Broken(
                "an intent where effects are transactional: was the handler's kind changed?".into(),
            ));
        }
    };
    tx.rollback().await?;
    Ok(answer)
}

pub(crate) fn never_ran() -> Outcome {
    Outcome::Closed(Problem::new(
        "never_ran",
        "it did not happen and never will",
    ))
}
