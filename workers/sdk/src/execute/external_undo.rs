//! Undoing and finding effects at somebody else's: first close the key there, then undo what it did.
//!
//! ```text
//! compensate: intent -> closing -> (close at the provider) -> tombstone | undoing -> (undo) -> compensated
//! reconcile:  intent -> (close at the provider) -> succeeded | tombstone
//! ```
//!
//! Each arrow is a short transaction; the calls in brackets are between them. Every step can be repeated by
//! another worker at the same time: the row is read again under lock before it is moved.

use std::sync::Arc;

use impresario_protocol::{EffectKey, Outcome, Problem};
use serde_json::Value;
use sqlx::{PgConnection, Postgres, Transaction};

use super::external::{Booked, ErasedExternal, Stored, remembered};
use super::joined;
use super::reconcile::never_ran;
use super::transactional::vanished;
use crate::barrier::meaning::{self, Compensate, Reconcile};
use crate::barrier::row::{self, Found, json_text};
use crate::barrier::{EffectState, horizon};
use crate::{Closing, Database, HandlerError, TaskContext, Undo};

/// One external effect in front of its row.
struct Effect {
    database: Database,
    handler: Arc<dyn ErasedExternal>,
    task: TaskContext,
    key: EffectKey,
}

/// What was found under the key: an answer, or work.
enum Opened {
    Answer(Outcome),
    Row(Transaction<'static, Postgres>, Found),
}

pub(crate) async fn compensate(
    database: Database,
    handler: Arc<dyn ErasedExternal>,
    task: TaskContext,
) -> Outcome {
    let key = task.forward_effect();
    let effect = Effect {
        database,
        handler,
        task,
        key,
    };
    joined(async move { effect.compensate().await }).await
}

pub(crate) async fn reconcile(
    database: Database,
    handler: Arc<dyn ErasedExternal>,
    task: TaskContext,
) -> Outcome {
    let key = task.forward_effect();
    let effect = Effect {
        database,
        handler,
        task,
        key,
    };
    joined(async move { effect.reconcile().await }).await
}

impl Effect {
    /// Buries the key if it was never seen, and otherwise locks its row.
    async fn open(&self, buried: Outcome) -> Result<Opened, HandlerError> {
        let mut tx = self.database.begin().await?;
        if !self.task.begin() {
            return Ok(Opened::Answer(Outcome::Expired));
        }
        if row::bury(&mut tx, &self.task).await? {
            if !horizon::covers(&mut tx, self.task.task().saga_started_at).await? {
                tx.rollback().await?;
                return Ok(Opened::Answer(meaning::before_horizon()));
            }
            tx.commit().await?;
            return Ok(Opened::Answer(buried));
        }
        match row::lock(&mut tx, &self.key).await? {
            Some(found) => Ok(Opened::Row(tx, found)),
            None => Ok(Opened::Answer(Outcome::Failed(vanished()))),
        }
    }

    /// The row again, after a call; it may have been moved by somebody else.
    async fn reopen(&self) -> Result<(Transaction<'static, Postgres>, Found), HandlerError> {
        let mut tx = self.database.begin().await?;
        let found = row::lock(&mut tx, &self.key).await?;
        let found =
            found.ok_or_else(|| HandlerError::Broken("an open effect was purged".into()))?;
        Ok((tx, found))
    }

    async fn book(
        &self,
        tx: &mut PgConnection,
        what: Booked,
        input: &Value,
        output: &Value,
    ) -> Result<(), HandlerError> {
        let task = &self.task;
        let stored = Stored {
            task,
            input,
            output,
        };
        self.handler.record(tx, what, &[stored]).await
    }

    async fn close_at_provider(&self, found: &Found, input: &Value) -> Closing<Value> {
        if remembered(self.handler.as_ref(), found.age_ms) {
            self.handler.close(&self.task, input).await
        } else {
            match self.handler.find(&self.task, input).await {
                // Not found is not never: the provider forgot the key, not the request on its way.
                Closing::Closed(problem) => Closing::Unknown(problem),
                other => other,
            }
        }
    }

    async fn compensate(&self) -> Result<Outcome, HandlerError> {
        let (mut tx, mut found) = match self.open(meaning::nothing_to_undo()).await? {
            Opened::Answer(outcome) => return Ok(outcome),
            Opened::Row(tx, found) => (tx, found),
        };
        let input = found.input()?;
        if let Compensate::Close = meaning::compensate(&found)? {
            row::advance(&mut tx, &self.key, EffectState::Closing, None, None).await?;
            tx.commit().await?;
            let closing = self.close_at_provider(&found, &input).await;
            (tx, found) = self.reopen().await?;
            if found.state == EffectState::Closing {
                match closing {
                    Closing::Applied(output) => {
                        self.book(&mut tx, Booked::Made, &input, &output).await?;
                        let outcome = Some(json_text(&output)?);
                        let state = EffectState::Undoing;
                        row::advance(&mut tx, &self.key, state, outcome, None).await?;
                        tx.commit().await?;
                        return self.undo(&input, &output).await;
                    }
                    Closing::Closed(_) => {
                        let state = EffectState::Tombstone;
                        row::advance(&mut tx, &self.key, state, None, None).await?;
                        tx.commit().await?;
                        return Ok(meaning::nothing_to_undo());
                    }
                    Closing::StillOpen(problem) => return Ok(Outcome::Failed(problem)),
                    Closing::Unknown(problem) => return Ok(Outcome::Unknown(problem)),
                }
            }
        }
        match meaning::compensate(&found)? {
            Compensate::Answer(outcome) => Ok(outcome),
            Compensate::Undo => {
                let output = found.output()?;
                let state = EffectState::Undoing;
                row::advance(&mut tx, &self.key, state, None, None).await?;
                tx.commit().await?;
                self.undo(&input, &output).await
            }
            Compensate::Close => Err(HandlerError::Broken("an effect reopened itself".into())),
        }
    }

    async fn undo(&self, input: &Value, output: &Value) -> Result<Outcome, HandlerError> {
        let undone = match self.handler.undo(&self.task, input, output).await {
            Undo::Undone(undone) => undone,
            Undo::Failed(problem) => return Ok(Outcome::Failed(problem)),
            Undo::Unknown(problem) => return Ok(Outcome::Unknown(problem)),
        };
        let (mut tx, found) = self.reopen().await?;
        if found.state != EffectState::Undoing {
            // A twin of this compensation was faster and has kept the books.
            return Ok(match meaning::compensate(&found)? {
                Compensate::Answer(outcome) => outcome,
                Compensate::Undo | Compensate::Close => Outcome::Unknown(Problem::new(
                    "moved_back",
                    "the effect's row moved back while it was being undone",
                )),
            });
        }
        self.book(&mut tx, Booked::Undone, input, output).await?;
        let stored = Some(json_text(&undone)?);
        row::advance(&mut tx, &self.key, EffectState::Compensated, None, stored).await?;
        tx.commit().await?;
        Ok(Outcome::Succeeded { output: undone })
    }

    async fn reconcile(&self) -> Result<Outcome, HandlerError> {
        let (tx, found) = match self.open(never_ran()).await? {
            Opened::Answer(outcome) => return Ok(outcome),
            Opened::Row(tx, found) => (tx, found),
        };
        tx.rollback().await?;
        if let Reconcile::Answer(outcome) = meaning::reconcile(&found)? {
            return Ok(outcome);
        }
        let input = found.input()?;
        let closing = self.close_at_provider(&found, &input).await;
        let (mut tx, found) = self.reopen().await?;
        if let Reconcile::Answer(outcome) = meaning::reconcile(&found)? {
            return Ok(outcome);
        }
        match closing {
            Closing::Applied(output) => {
                self.book(&mut tx, Booked::Made, &input, &output).await?;
                let outcome = Some(json_text(&output)?);
                row::advance(&mut tx, &self.key, EffectState::Succeeded, outcome, None).await?;
                tx.commit().await?;
                Ok(Outcome::Applied { output })
            }
            Closing::Closed(problem) => {
                let state = EffectState::Tombstone;
                row::advance(&mut tx, &self.key, state, None, None).await?;
                tx.commit().await?;
                Ok(Outcome::Closed(problem))
            }
            Closing::StillOpen(problem) => Ok(Outcome::StillOpen(problem)),
            Closing::Unknown(problem) => Ok(Outcome::Unknown(problem)),
        }
    }
}
