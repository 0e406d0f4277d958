//! Effects at somebody else's, set by set: one transaction for the intents of a set, the calls side by side, one
//! transaction for the answers that came back while the last one was being committed.
//!
//! A set does what is plain: intents that are new, answers whose intent is still open. Everything else (a key that was
//! seen before, an answer that says "no effect claimed", a set that failed) goes alone, through [`external`].

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use impresario_protocol::{EffectKey, Outcome};
use serde_json::Value;

use super::commit_unknown;
use super::external::{self, Attempt, Booked, ErasedExternal, Intent, Stored, fresh};
use super::sets::{SetQueue, Sets};
use crate::barrier::row::{self, Settled, json_text};
use crate::barrier::{EffectState, horizon};
use crate::{Database, HandlerError, Verdict};

/// One external handler and its two queues.
pub(crate) struct ExternalSets {
    work: Arc<Work>,
    intents: SetQueue<Intents>,
    answers: SetQueue<Answers>,
}

struct Work {
    database: Database,
    handler: Arc<dyn ErasedExternal>,
}

impl ExternalSets {
    /// Starts the loops; they end when the last owner is gone. Must be called inside a tokio runtime.
    pub(crate) fn start(database: Database, handler: Arc<dyn ErasedExternal>) -> Arc<Self> {
        let work = Arc::new(Work { database, handler });
        Arc::new(ExternalSets {
            intents: SetQueue::start(Arc::new(Intents(work.clone()))),
            answers: SetQueue::start(Arc::new(Answers(work.clone()))),
            work,
        })
    }

    pub(super) fn handler(&self) -> &dyn ErasedExternal {
        self.work.handler.as_ref()
    }

    pub(super) async fn intend(&self, attempt: &Arc<Attempt>) -> Result<Intent, HandlerError> {
        if let Some(intent) = self.intents.ask(attempt.clone()).await {
            return Ok(intent);
        }
        let _permit = self.intents.alone().await;
        external::intend(&self.work.database, self.handler(), attempt).await
    }

    pub(super) async fn settle(
        &self,
        attempt: &Arc<Attempt>,
        verdict: Verdict<Value>,
    ) -> Result<Outcome, HandlerError> {
        let answered = match &verdict {
            Verdict::Done(_) | Verdict::Rejected(_) => {
                let answer = Answer {
                    attempt: attempt.clone(),
                    verdict: verdict.clone(),
                };
                self.answers.ask(answer).await
            }
            // They store nothing: only the row is looked at.
            Verdict::Failed(_) | Verdict::Unknown(_) => None,
        };
        if let Some(outcome) = answered {
            return Ok(outcome);
        }
        let _permit = self.answers.alone().await;
        external::settle(&self.work.database, self.handler(), attempt, verdict).await
    }
}

struct Intents(Arc<Work>);

#[async_trait]
impl Sets for Intents {
    type Item = Arc<Attempt>;
    type Answer = Intent;

    fn database(&self) -> &Database {
        &self.0.database
    }

    fn key(attempt: &Arc<Attempt>) -> &EffectKey {
        attempt.task.effect()
    }

    async fn together(&self, attempts: &[Arc<Attempt>]) -> Vec<Option<Intent>> {
        match self.0.intend(attempts).await {
            Ok(intents) => intents,
            Err(error) => {
                tracing::info!(intents = attempts.len(), %error, "a set failed; its items go alone");
                Vec::new()
            }
        }
    }
}

struct Answer {
    attempt: Arc<Attempt>,
    verdict: Verdict<Value>,
}

struct Answers(Arc<Work>);

#[async_trait]
impl Sets for Answers {
    type Item = Answer;
    type Answer = Outcome;

    fn database(&self) -> &Database {
        &self.0.database
    }

    fn key(answer: &Answer) -> &EffectKey {
        answer.attempt.task.effect()
    }

    async fn together(&self, answers: &[Answer]) -> Vec<Option<Outcome>> {
        match self.0.settle(answers).await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                tracing::info!(answers = answers.len(), %error, "a set failed; its items go alone");
                Vec::new()
            }
        }
    }
}

impl Work {
    /// One statement, which is its own transaction. An error from it leaves intents that may be there: whoever goes
    /// alone then finds its own and repeats.
    async fn intend(&self, attempts: &[Arc<Attempt>]) -> Result<Vec<Option<Intent>>, HandlerError> {
        let mut connection = self.database.pool().acquire().await?;
        // An intent and a call that nobody waits for would only keep those waiting who are in time.
        let begun: Vec<bool> = attempts.iter().map(|one| one.task.begin()).collect();
        let claims: Vec<_> = attempts
            .iter()
            .zip(&begun)
            .filter(|(_, begun)| **begun)
            .map(|(one, _)| &one.claim)
            .collect();
        let claimed = row::claim_seeing_horizon(&mut connection, &claims).await?;
        let ours: HashSet<&str> = claimed.effects.iter().map(String::as_str).collect();
        let intent = |(one, begun): (&Arc<Attempt>, bool)| {
            if !begun {
                return Some(Intent::Answer(Outcome::Expired));
            }
            let covered = horizon::reaches(claimed.horizon, one.task.task().saga_started_at);
            ours.contains(one.claim.effect.as_str())
                .then(|| fresh(self.handler.as_ref(), &one.task, covered))
        };
        Ok(attempts.iter().zip(begun).map(intent).collect())
    }

    async fn settle(&self, answers: &[Answer]) -> Result<Vec<Option<Outcome>>, HandlerError> {
        let mut settled = Settled::default();
        for answer in answers {
            let (state, outcome) = match &answer.verdict {
                Verdict::Done(output) => (EffectState::Succeeded, json_text(output)?),
                Verdict::Rejected(problem) => (EffectState::Rejected, json_text(problem)?),
                Verdict::Failed(_) | Verdict::Unknown(_) => continue,
            };
            settled.effects.push(answer.attempt.claim.effect.clone());
            settled.states.push(state.as_str());
            settled.outcomes.push(outcome);
        }
        let mut tx = self.database.begin().await?;
        let open: HashSet<String> = row::settle_open(&mut tx, &settled)
            .await?
            .into_iter()
            .collect();
        let happened: Vec<Stored<'_>> = answers
            .iter()
            .filter(|answer| open.contains(&answer.attempt.claim.effect))
            .filter_map(|answer| answer.verdict.stored(&answer.attempt))
            .collect();
        if !happened.is_empty() {
            self.handler
                .record(&mut tx, Booked::Made, &happened)
                .await?;
        }
        let committed = tx.commit().await;
        let outcome = |answer: &Answer| {
            let ours = open.contains(&answer.attempt.claim.effect);
            ours.then(|| match &committed {
                Ok(()) => answer.verdict.clone().into(),
                Err(error) => commit_unknown(error),
            })
        };
        Ok(answers.iter().map(outcome).collect())
    }
}

impl Verdict<Value> {
    /// What the books are told of it.
    fn stored<'a>(&'a self, attempt: &'a Attempt) -> Option<Stored<'a>> {
        match self {
            Verdict::Done(output) => Some(Stored {
                task: &attempt.task,
                input: &attempt.task.task().input,
                output,
            }),
            Verdict::Rejected(_) | Verdict::Failed(_) | Verdict::Unknown(_) => None,
        }
    }
}
