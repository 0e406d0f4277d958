//! Many tasks of one kind, one transaction: claim all, run the handler once, settle all, commit.
//!
//! Keys that were claimed before are answered from their rows and take no part. Items that are rejected have
//! written nothing (the handler's promise), so their rejection is stored beside their siblings' success.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use impresario_protocol::Outcome;
use serde::Deserialize;
use serde_json::Value;
use sqlx::PgConnection;

use super::transactional::found;
use super::{bad_input, bounded, commit_unknown};
use crate::barrier::EffectState;
use crate::barrier::row::{self, Claim, Settled, json_text};
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
pub(crate) async fn run(
    database: &Database,
    handler: &Arc<dyn ErasedBatch>,
    tasks: &[TaskContext],
) -> Result<Vec<Outcome>, HandlerError> {
    let claims: Vec<Claim> = tasks.iter().map(Claim::of).collect();
    let mut tx = database.begin().await?;
    let fresh: HashSet<String> = row::claim(&mut tx, &claims.iter().collect::<Vec<_>>())
        .await?
        .into_iter()
        .collect();
    let ours: Vec<TaskContext> = tasks
        .iter()
        .zip(&claims)
        .filter(|(_, claim)| fresh.contains(&claim.effect))
        .map(|(task, _)| task.clone())
        .collect();
    let verdicts = if ours.is_empty() {
        Vec::new()
    } else {
        handler.run(&mut tx, &ours).await?
    };
    let verdicts: Vec<Verdict<Value>> = verdicts.into_iter().map(bounded).collect();
    settle(&mut tx, &ours, &verdicts).await?;

    let mut verdicts = verdicts.into_iter();
    let mut outcomes = Vec::with_capacity(tasks.len());
    for (task, claim) in tasks.iter().zip(&claims) {
        outcomes.push(if fresh.contains(&claim.effect) {
            verdicts.next().map(Outcome::from)
        } else {
            Some(found(&mut tx, task, claim).await?)
        });
    }
    if ours.is_empty() {
        tx.rollback().await?;
    } else if let Err(error) = tx.commit().await {
        return Ok(tasks.iter().map(|_| commit_unknown(&error)).collect());
    }
    Ok(outcomes.into_iter().flatten().collect())
}

async fn settle(
    tx: &mut PgConnection,
    tasks: &[TaskContext],
    verdicts: &[Verdict<Value>],
) -> Result<(), HandlerError> {
    let mut settled = Settled::default();
    let mut unclaimed = Vec::new();
    for (task, verdict) in tasks.iter().zip(verdicts) {
        let effect = task.forward_effect().to_string();
        let (state, outcome) = match verdict {
            Verdict::Done(output) => (EffectState::Succeeded, json_text(output)?),
            Verdict::Rejected(problem) => (EffectState::Rejected, json_text(problem)?),
            Verdict::Failed(_) | Verdict::Unknown(_) => {
                unclaimed.push(effect);
                continue;
            }
        };
        settled.effects.push(effect);
        settled.states.push(state.as_str());
        settled.outcomes.push(outcome);
    }
    if !settled.effects.is_empty() {
        row::settle(tx, &settled).await?;
    }
    if !unclaimed.is_empty() {
        row::unclaim(tx, &unclaimed).await?;
    }
    Ok(())
}
