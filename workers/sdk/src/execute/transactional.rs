//! One task, one transaction: claim, handler, answer, commit.
//!
//! A rejection rolls back whatever the handler wrote and is stored by a second, tiny transaction. Between the
//! two a concurrent duplicate may win; then its stored answer is ours too, as for every duplicate.

use async_trait::async_trait;
use impresario_metrics::table::DEDUPE_HITS;
use impresario_protocol::{Outcome, Problem};
use serde::Deserialize;
use serde_json::Value;
use sqlx::PgConnection;
use std::sync::Arc;

use super::{bad_input, bounded, commit_unknown, joined};
use crate::barrier::EffectState;
use crate::barrier::meaning::{self, Forward};
use crate::barrier::row::{self, Claim, Found, json_text};
use crate::{Database, HandlerError, TaskContext, Transactional, Verdict};

/// A [`Transactional`] handler without its types.
#[async_trait]
pub(crate) trait ErasedTransactional: Send + Sync + 'static {
    async fn run(
        &self,
        tx: &mut PgConnection,
        task: &TaskContext,
    ) -> Result<Verdict<Value>, HandlerError>;
}

pub(crate) struct Erase<H>(pub(crate) H);

#[async_trait]
impl<H: Transactional> ErasedTransactional for Erase<H> {
    async fn run(
        &self,
        tx: &mut PgConnection,
        task: &TaskContext,
    ) -> Result<Verdict<Value>, HandlerError> {
        match H::Input::deserialize(&task.task().input) {
            Ok(input) => Ok(self.0.run(tx, task, input).await?.erase()),
            Err(error) => Ok(Verdict::Failed(bad_input(&error))),
        }
    }
}

pub(crate) async fn run(
    database: Database,
    handler: Arc<dyn ErasedTransactional>,
    task: TaskContext,
) -> Outcome {
    joined(async move { attempt(&database, handler.as_ref(), &task).await }).await
}

async fn attempt(
    database: &Database,
    handler: &dyn ErasedTransactional,
    task: &TaskContext,
) -> Result<Outcome, HandlerError> {
    let claim = Claim::of(task);
    let mut tx = database.begin().await?;
    if !task.begin() {
        return Ok(Outcome::Expired);
    }
    if row::claim(&mut tx, &[&claim]).await?.is_empty() {
        let answer = found(&mut tx, task, &claim).await;
        tx.rollback().await?;
        return answer;
    }
    match bounded(handler.run(&mut tx, task).await?) {
        Verdict::Done(output) => {
            let state = EffectState::Succeeded;
            let outcome = Some(json_text(&output)?);
            row::advance(&mut tx, &task.forward_effect(), state, outcome, None).await?;
            match tx.commit().await {
                Ok(()) => Ok(Outcome::Succeeded { output }),
                Err(error) => Ok(commit_unknown(&error)),
            }
        }
        Verdict::Rejected(problem) => {
            tx.rollback().await?;
            store_rejection(database, task, &claim, problem).await
        }
        Verdict::Failed(problem) => {
            tx.rollback().await?;
            Ok(Outcome::Failed(problem))
        }
        Verdict::Unknown(problem) => {
            // Nothing is unknown about a transaction that is rolled back.
            tx.rollback().await?;
            Ok(Outcome::Failed(problem))
        }
    }
}

/// The answer from the row that was there first.
async fn found(
    tx: &mut PgConnection,
    task: &TaskContext,
    claim: &Claim,
) -> Result<Outcome, HandlerError> {
    let Some(found) = row::lock(tx, &task.forward_effect()).await? else {
        return Ok(Outcome::Failed(vanished()));
    };
    from_row(&found, claim)
}

/// The answer of a row.
pub(crate) fn from_row(found: &Found, claim: &Claim) -> Result<Outcome, HandlerError> {
    match meaning::forward(found, claim)? {
        Forward::Answer(outcome) => {
            DEDUPE_HITS.with(["barrier"]).increment(1);
            Ok(outcome)
        }
        Forward::Repeat { age_ms: _ } => Err(HandlerError::Broken(
            "an intent where effects are transactional: was the handler's kind changed?".into(),
        )),
    }
}

pub(crate) fn vanished() -> Problem {
    Problem::new(
        "barrier_row_gone",
        "the barrier row was purged at this very moment; try again",
    )
}

async fn store_rejection(
    database: &Database,
    task: &TaskContext,
    claim: &Claim,
    problem: Problem,
) -> Result<Outcome, HandlerError> {
    let mut tx = database.begin().await?;
    if !row::insert_rejection(&mut tx, claim, &problem).await? {
        let answer = found(&mut tx, task, claim).await;
        tx.rollback().await?;
        return answer;
    }
    match tx.commit().await {
        Ok(()) => Ok(Outcome::Rejected(problem)),
        Err(error) => Ok(commit_unknown(&error)),
    }
}
