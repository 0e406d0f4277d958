//! Making an effect at somebody else's: intent, call, answer. No transaction is open during the call.
//!
//! The committed intent says "it may have happened" whatever becomes of this process. An attempt that finds an
//! intent repeats the request under the same key while the provider remembers it, and only searches after.
//!
//! Intents and answers are written set by set ([`external_sets`](super::external_sets)); here is what each means, and
//! the way of a task that goes alone.
//!
//! Subtle: between the call and the second transaction a compensation may have closed the key. Then the row
//! decides, not our answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use impresario_metrics::table::{CALL_DURATION, DEDUPE_HITS};
use impresario_protocol::{OUTPUT_BYTES_MAX, Outcome, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;

use super::external_sets::ExternalSets;
use super::transactional::vanished;
use super::{bad_input, commit_unknown, joined};
use crate::answer::Said;
use crate::barrier::meaning::{self, Forward};
use crate::barrier::row::{self, Claim, json_text};
use crate::barrier::{EffectState, horizon};
use crate::spans;
use crate::{Closing, Database, External, HandlerError, Happened, TaskContext, Undo, Verdict};

/// An [`External`] handler without its types; stored inputs and outputs come back through it.
#[async_trait]
pub(crate) trait ErasedExternal: Send + Sync + 'static {
    fn readable(&self, input: &Value) -> Result<(), Problem>;
    fn key_life(&self) -> Duration;
    async fn act(&self, task: &TaskContext, input: &Value) -> Verdict<Value>;
    async fn close(&self, task: &TaskContext, input: &Value) -> Closing<Value>;
    async fn find(&self, task: &TaskContext, input: &Value) -> Closing<Value>;
    async fn undo(&self, task: &TaskContext, input: &Value, output: &Value) -> Undo;
    async fn record(
        &self,
        tx: &mut PgConnection,
        what: Booked,
        effects: &[Stored<'_>],
    ) -> Result<(), HandlerError>;
}

/// What the books are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Booked {
    Made,
    Undone,
}

/// An effect as it is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored<'a> {
    pub(crate) task: &'a TaskContext,
    pub(crate) input: &'a Value,
    pub(crate) output: &'a Value,
}

pub(crate) struct Erase<H> {
    pub(crate) handler: H,
    /// The pool's name in traces: calls are told here.
    pub(crate) service: Arc<str>,
}

fn broken(error: &serde_json::Error) -> Problem {
    Problem::new(
        "worker_bug",
        format!("a stored value cannot be read: {error}"),
    )
}

fn erase_closing<O: Serialize>(closing: Closing<O>) -> Closing<Value> {
    match closing {
        Closing::Applied(output) => match serde_json::to_value(output) {
            Ok(output) => Closing::Applied(output),
            Err(error) => Closing::Unknown(broken(&error)),
        },
        Closing::Closed(problem) => Closing::Closed(problem),
        Closing::StillOpen(problem) => Closing::StillOpen(problem),
        Closing::Unknown(problem) => Closing::Unknown(problem),
    }
}

#[async_trait]
impl<H: External> ErasedExternal for Erase<H> {
    fn readable(&self, input: &Value) -> Result<(), Problem> {
        H::Input::deserialize(input)
            .map(drop)
            .map_err(|error| bad_input(&error))
    }

    fn key_life(&self) -> Duration {
        self.handler.key_life()
    }

    async fn act(&self, task: &TaskContext, input: &Value) -> Verdict<Value> {
        let verdict = match H::Input::deserialize(input) {
            Ok(input) => {
                let call = self.handler.act(task, &input);
                spans::called(&self.service, task, "call", call)
                    .await
                    .erase()
            }
            Err(error) => Verdict::Failed(bad_input(&error)),
        };
        match verdict {
            // It did happen, so this cannot be a failure; a person has to look.
            Verdict::Done(output) if output.to_string().len() > OUTPUT_BYTES_MAX => {
                let sentence = "the effect happened, but its output fits into no message";
                Verdict::Unknown(Problem::new("output_too_large", sentence))
            }
            other => other,
        }
    }

    async fn close(&self, task: &TaskContext, input: &Value) -> Closing<Value> {
        match H::Input::deserialize(input) {
            Ok(input) => {
                let call = self.handler.close(task, &input);
                erase_closing(spans::called(&self.service, task, "close", call).await)
            }
            Err(error) => Closing::Unknown(broken(&error)),
        }
    }

    async fn find(&self, task: &TaskContext, input: &Value) -> Closing<Value> {
        match H::Input::deserialize(input) {
            Ok(input) => {
                let call = self.handler.find(task, &input);
                erase_closing(spans::called(&self.service, task, "find", call).await)
            }
            Err(error) => Closing::Unknown(broken(&error)),
        }
    }

    async fn undo(&self, task: &TaskContext, input: &Value, output: &Value) -> Undo {
        match (H::Input::deserialize(input), H::Output::deserialize(output)) {
            (Ok(input), Ok(output)) => {
                let call = self.handler.undo(task, &input, &output);
                spans::called(&self.service, task, "undo", call).await
            }
            (Err(error), _) | (_, Err(error)) => Undo::Failed(broken(&error)),
        }
    }

    async fn record(
        &self,
        tx: &mut PgConnection,
        what: Booked,
        effects: &[Stored<'_>],
    ) -> Result<(), HandlerError> {
        let unreadable = |error: serde_json::Error| HandlerError::Broken(broken(&error).message);
        let mut happened = Vec::with_capacity(effects.len());
        for effect in effects {
            happened.push(Happened {
                task: effect.task.clone(),
                input: H::Input::deserialize(effect.input).map_err(unreadable)?,
                output: H::Output::deserialize(effect.output).map_err(unreadable)?,
            });
        }
        match what {
            Booked::Made => self.handler.record(tx, &happened).await,
            Booked::Undone => self.handler.record_undo(tx, &happened).await,
        }
    }
}

/// One attempt, with what it writes under its key.
pub(super) struct Attempt {
    pub(super) task: TaskContext,
    pub(super) claim: Claim,
}

pub(crate) async fn run(sets: Arc<ExternalSets>, task: TaskContext) -> Outcome {
    if let Err(problem) = sets.handler().readable(&task.task().input) {
        return Outcome::Failed(problem);
    }
    joined(async move {
        let (claim, handler) = (Claim::of(&task), sets.handler());
        let attempt = Arc::new(Attempt { task, claim });
        let (task, input) = (&attempt.task, &attempt.task.task().input);
        let verdict = match sets.intend(&attempt).await? {
            Intent::Answer(outcome) => return Ok(outcome),
            Intent::Act => {
                let begun = Instant::now();
                let verdict = handler.act(task, input).await;
                called(&task.task().task, &verdict, begun.elapsed());
                verdict
            }
            Intent::FindFirst => match handler.find(task, input).await {
                Closing::Applied(output) => Verdict::Done(output),
                Closing::Closed(problem)
                | Closing::StillOpen(problem)
                | Closing::Unknown(problem) => Verdict::Unknown(problem),
            },
        };
        let happened = matches!(verdict, Verdict::Done(_) | Verdict::Unknown(_));
        match sets.settle(&attempt, verdict).await {
            // The call was made: an error after it leaves the question open, it does not answer "no".
            Err(error) if happened => Ok(Outcome::Unknown(error.problem())),
            other => other,
        }
    })
    .await
}

/// How long a call took, and what came of it. Looked up each time: it is little beside a call.
fn called(task: &str, verdict: &Verdict<Value>, took: Duration) {
    let (result, _) = verdict.said();
    CALL_DURATION
        .with([task, result])
        .record(took.as_secs_f64());
}

/// What an attempt does after its intent was looked at.
#[derive(Debug)]
pub(super) enum Intent {
    Answer(Outcome),
    Act,
    FindFirst,
}

/// What an attempt does whose intent is new, and on disk.
pub(super) fn fresh(handler: &dyn ErasedExternal, task: &TaskContext, covered: bool) -> Intent {
    // After a restore the row of an earlier attempt may be missing. While its key still lives, repeating
    // is the same request; later it would be a second one.
    if !covered && saga_age(task) >= handler.key_life() {
        Intent::FindFirst
    } else {
        Intent::Act
    }
}

pub(super) async fn intend(
    database: &Database,
    handler: &dyn ErasedExternal,
    attempt: &Attempt,
) -> Result<Intent, HandlerError> {
    let Attempt { task, claim } = attempt;
    let mut tx = database.begin().await?;
    // An intent and a call that nobody waits for would only keep those waiting who are in time.
    if !task.begin() {
        return Ok(Intent::Answer(Outcome::Expired));
    }
    if !row::claim(&mut tx, &[claim]).await?.is_empty() {
        let covered = horizon::covers(&mut tx, task.task().saga_started_at).await?;
        tx.commit().await?;
        return Ok(fresh(handler, task, covered));
    }
    let found = row::lock(&mut tx, &task.forward_effect()).await?;
    tx.rollback().await?;
    let Some(found) = found else {
        return Ok(Intent::Answer(Outcome::Failed(vanished())));
    };
    Ok(match meaning::forward(&found, claim)? {
        Forward::Answer(outcome) => {
            DEDUPE_HITS.with(["barrier"]).increment(1);
            Intent::Answer(outcome)
        }
        Forward::Repeat { age_ms } if remembered(handler, age_ms) => Intent::Act,
        Forward::Repeat { age_ms: _ } => Intent::FindFirst,
    })
}

/// Whether the provider still remembers a key first used that long ago; an hour is kept as a margin for
/// clocks and for the call itself, a tenth of lives that are short.
pub(super) fn remembered(handler: &dyn ErasedExternal, age_ms: i64) -> bool {
    let life = handler.key_life();
    let margin = (life / 10).min(Duration::from_secs(3600));
    Duration::from_millis(u64::try_from(age_ms).unwrap_or(0)) < life - margin
}

fn saga_age(task: &TaskContext) -> Duration {
    let started = Duration::from_millis(task.task().saga_started_at);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap_or_default().saturating_sub(started)
}

pub(super) async fn settle(
    database: &Database,
    handler: &dyn ErasedExternal,
    attempt: &Attempt,
    verdict: Verdict<Value>,
) -> Result<Outcome, HandlerError> {
    let Attempt { task, claim } = attempt;
    let mut tx = database.begin().await?;
    let effect = task.forward_effect();
    let Some(found) = row::lock(&mut tx, &effect).await? else {
        return Ok(Outcome::Unknown(vanished()));
    };
    match (found.state, &verdict) {
        (EffectState::Intent, Verdict::Done(output)) => {
            let stored = Stored {
                task,
                input: &task.task().input,
                output,
            };
            handler.record(&mut tx, Booked::Made, &[stored]).await?;
            let outcome = Some(json_text(output)?);
            row::advance(&mut tx, &effect, EffectState::Succeeded, outcome, None).await?;
        }
        (EffectState::Intent, Verdict::Rejected(problem)) => {
            let outcome = Some(json_text(problem)?);
            row::advance(&mut tx, &effect, EffectState::Rejected, outcome, None).await?;
        }
        // A compensated row is no surprise: the provider acted in time, and its answer to us was slow.
        (EffectState::Tombstone, Verdict::Done(_)) => {
            tracing::error!(%effect, "the provider acted under a key that it had closed");
            let sentence = "the provider acted under a key that it had closed";
            return Ok(Outcome::Unknown(Problem::new(
                "acted_after_close",
                sentence,
            )));
        }
        (EffectState::Intent, Verdict::Failed(_) | Verdict::Unknown(_)) => {
            tx.rollback().await?;
            return Ok(verdict.into());
        }
        (
            EffectState::Succeeded
            | EffectState::Rejected
            | EffectState::Closing
            | EffectState::Undoing
            | EffectState::Tombstone
            | EffectState::Compensated,
            _,
        ) => {
            tx.rollback().await?;
            // A twin of this attempt, a reconcile or a compensation was faster.
            return Ok(match meaning::forward(&found, claim)? {
                Forward::Answer(outcome) => outcome,
                Forward::Repeat { age_ms: _ } => verdict.into(),
            });
        }
    }
    Ok(match tx.commit().await {
        Ok(()) => verdict.into(),
        Err(error) => commit_unknown(&error),
    })
}
