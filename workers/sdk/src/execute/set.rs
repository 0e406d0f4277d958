//! Many tasks of one kind, one transaction: run the handler once, write all barrier rows with their answers, commit.
//!
//! The row is the last thing that is written, and written once. Whoever inserts it first decides, as everywhere: of two
//! who did the same work at the same time the second finds the row, rolls all of its work back, and answers what the
//! first one stored. Keys that are found like this are answered from their rows and take no part. Items that are rejected
//! have written nothing (the handler's promise), so their rejection is stored beside their siblings' success.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use impresario_protocol::{Outcome, Problem};
use serde::Deserialize;
use serde_json::Value;
use sqlx::{PgConnection, Postgres, Transaction};

use super::transactional::from_row;
use super::{bad_input, bounded, commit_unknown};
use crate::barrier::EffectState;
use crate::barrier::row::{self, Answered, Claim, Found, json_text};
use crate::{Batch, BatchItem, Database, HandlerError, TaskContext, Verdict};

/// A [`Batch`] handler without its types.
#[async_trait]
pub(crate) trait ErasedBatch: Send + Sync + 'static {
    async fn run(
        &self,
        tx: &mut PgConnection,
        tasks: &[TaskContext],
    ) -> Result<Vec<Verdict<Value>>, HandlerError>;
}

pub(crate) struct Erase<H>(pub(crate) H);

#[async_trait]
impl<H: Batch> ErasedBatch for Erase<H> {
    async fn run(
        &self,
        tx: &mut PgConnection,
        tasks: &[TaskContext],
    ) -> Result<Vec<Verdict<Value>>, HandlerError> {
        let mut verdicts: Vec<Option<Verdict<Value>>> = Vec::with_capacity(tasks.len());
        let mut items = Vec::with_capacity(tasks.len());
        for task in tasks {
            match H::Input::deserialize(&task.task().input) {
                Ok(input) => {
                    items.push(BatchItem {
                        task: task.clone(),
                        input,
                    });
                    verdicts.push(None);
                }
                Err(error) => verdicts.push(Some(Verdict::Failed(bad_input(&error)))),
            }
        }
        let answered = if items.is_empty() {
            Vec::new()
        } else {
            self.0.run(tx, &items).await?
        };
        if answered.len() != items.len() {
            let (asked, got) = (items.len(), answered.len());
            return Err(HandlerError::Broken(format!(
                "{got} verdicts for {asked} items"
            )));
        }
        let mut answered = answered.into_iter().map(Verdict::erase);
        Ok(verdicts
            .into_iter()
            .filter_map(|verdict| verdict.or_else(|| answered.next()))
            .collect())
    }
}

/// Runs the set in one transaction. `tasks` have distinct effect keys. On an error nothing was committed.
///
/// Hardly any key was seen before, so nobody looks: the rows at the end find out, and then the set is done again by
/// those who look.
pub(crate) async fn run(
    database: &Database,
    handler: &Arc<dyn ErasedBatch>,
    tasks: &[TaskContext],
) -> Result<Vec<Outcome>, HandlerError> {
    let claims: Vec<Claim> = tasks.iter().map(Claim::of).collect();
    let set = Set {
        handler,
        tasks,
        claims: &claims,
    };
    let tx = database.begin().await?;
    match set.attempt(tx, HashMap::new()).await? {
        Some(outcomes) => Ok(outcomes),
        None => set.looking(database).await,
    }
}

/// The same for one task of which something is odd: its row is looked for first.
pub(crate) async fn run_alone(
    database: &Database,
    handler: &Arc<dyn ErasedBatch>,
    task: TaskContext,
) -> Result<Vec<Outcome>, HandlerError> {
    let claims = [Claim::of(&task)];
    let set = Set {
        handler,
        tasks: &[task],
        claims: &claims,
    };
    set.looking(database).await
}

/// A key whose row appears between each look and the insert is answered `failed` after so many.
const LOOKS_MAX: usize = 3;

struct Set<'a> {
    handler: &'a Arc<dyn ErasedBatch>,
    tasks: &'a [TaskContext],
    claims: &'a [Claim],
}

impl Set<'_> {
    async fn looking(&self, database: &Database) -> Result<Vec<Outcome>, HandlerError> {
        for _ in 0..LOOKS_MAX {
            let mut tx = database.begin().await?;
            let known = row::look(&mut tx, self.claims.iter().collect()).await?;
            if let Some(outcomes) = self.attempt(tx, known).await? {
                return Ok(outcomes);
            }
        }
        let overtaken = || Problem::new("overtaken", "another transaction was faster; try again");
        Ok(self
            .tasks
            .iter()
            .map(|_| Outcome::Failed(overtaken()))
            .collect())
    }

    /// Does what is not `known`, and writes its rows; `None` when one of them was there already, and then nothing was
    /// done.
    async fn attempt(
        &self,
        mut tx: Transaction<'static, Postgres>,
        known: HashMap<String, Found>,
    ) -> Result<Option<Vec<Outcome>>, HandlerError> {
        let ours: Vec<TaskContext> = self
            .tasks
            .iter()
            .zip(self.claims)
            .filter(|(_, claim)| !known.contains_key(&claim.effect))
            .map(|(task, _)| task.clone())
            .collect();
        let verdicts = if ours.is_empty() {
            Vec::new()
        } else {
            self.handler.run(&mut tx, &ours).await?
        };
        let mut verdicts = verdicts.into_iter().map(bounded);
        let (mut answered, mut unanswered) = (Vec::with_capacity(ours.len()), Vec::new());
        let mut outcomes = Vec::with_capacity(self.tasks.len());
        for claim in self.claims {
            if let Some(found) = known.get(&claim.effect) {
                outcomes.push(from_row(found, claim)?);
            } else if let Some(verdict) = verdicts.next() {
                match answer(claim, &verdict)? {
                    Some(answer) => answered.push(answer),
                    None => unanswered.push(claim),
                }
                outcomes.push(Outcome::from(verdict));
            }
        }
        // What claims no effect writes no row that could find out: it may have failed because it was done before.
        let overtaken = !row::look(&mut tx, unanswered).await?.is_empty()
            || !row::insert_answered(&mut tx, &answered).await?;
        if overtaken || answered.is_empty() {
            tx.rollback().await?;
            return Ok(if overtaken { None } else { Some(outcomes) });
        }
        Ok(Some(match tx.commit().await {
            Ok(()) => outcomes,
            Err(error) => self.tasks.iter().map(|_| commit_unknown(&error)).collect(),
        }))
    }
}

/// What is stored of a verdict; nothing of one that claims no effect, so that another attempt starts anew.
fn answer<'a>(
    claim: &'a Claim,
    verdict: &Verdict<Value>,
) -> Result<Option<Answered<'a>>, HandlerError> {
    let (state, outcome) = match verdict {
        Verdict::Done(output) => (EffectState::Succeeded, json_text(output)?),
        Verdict::Rejected(problem) => (EffectState::Rejected, json_text(problem)?),
        Verdict::Failed(_) | Verdict::Unknown(_) => return Ok(None),
    };
    Ok(Some(Answered {
        claim,
        state,
        outcome,
    }))
}
