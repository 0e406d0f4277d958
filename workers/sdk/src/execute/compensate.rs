//! Undoing an effect of the pool's own schema, in one transaction with its barrier row.
//!
//! The tombstone goes in first: if that insert wins, the effect never ran and never will, and a forward task
//! that comes later is refused. If it loses, the row that was there says what is left to undo.

use std::sync::Arc;

use impresario_protocol::Outcome;

use super::{commit_unknown, joined};
use crate::barrier::meaning::{self, Compensate};
use crate::barrier::row::{self, json_text};
use crate::barrier::{EffectState, horizon};
use crate::execute::transactional::vanished;
use crate::{Compensation, Database, ForwardEffect, HandlerError, TaskContext, Undo};

pub(crate) async fn run(
    database: Database,
    handler: Arc<dyn Compensation>,
    task: TaskContext,
) -> Outcome {
    joined(async move { attempt(&database, handler.as_ref(), &task).await }).await
}

async fn attempt(
    database: &Database,
    handler: &dyn Compensation,
    task: &TaskContext,
) -> Result<Outcome, HandlerError> {
    let forward = task.forward_effect();
    let mut tx = database.begin().await?;
    if !task.begin() {
        return Ok(Outcome::Expired);
    }
    if row::bury(&mut tx, task).await? {
        if !horizon::covers(&mut tx, task.task().saga_started_at).await? {
            // No tombstone: it would let the next attempt believe that there was nothing.
            tx.rollback().await?;
            return Ok(meaning::before_horizon());
        }
        return Ok(match tx.commit().await {
            Ok(()) => meaning::nothing_to_undo(),
            Err(error) => commit_unknown(&error),
        });
    }
    let Some(found) = row::lock(&mut tx, &forward).await? else {
        return Ok(Outcome::Failed(vanished()));
    };
    match meaning::compensate(&found)? {
        Compensate::Answer(outcome) => {
            tx.rollback().await?;
            return Ok(outcome);
        }
        Compensate::Undo => {}
        Compensate::Close => {
            return Err(HandlerError::Broken(
                "an intent where effects are transactional: was the handler's kind changed?".into(),
            ));
        }
    }
    let effect = ForwardEffect {
        task: found.task.clone(),
        input: found.input()?,
        output: found.output()?,
    };
    match handler.undo(&mut tx, task, effect).await? {
        Undo::Undone(output) => {
            let undo = Some(json_text(&output)?);
            row::advance(&mut tx, &forward, EffectState::Compensated, None, undo).await?;
            Ok(match tx.commit().await {
                Ok(()) => Outcome::Succeeded { output },
                Err(error) => commit_unknown(&error),
            })
        }
        Undo::Failed(problem) | Undo::Unknown(problem) => {
            tx.rollback().await?;
            Ok(Outcome::Failed(problem))
        }
    }
}
