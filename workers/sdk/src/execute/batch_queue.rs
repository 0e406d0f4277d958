//! Batch handlers: tasks become sets, and when a set fails as a whole its items are run by themselves.

use std::sync::Arc;

use async_trait::async_trait;
use impresario_protocol::{EffectKey, Outcome};

use super::joined;
use super::set::{self, ErasedBatch};
use super::sets::{SetQueue, Sets};
use crate::{Database, HandlerError, TaskContext};

struct Batches {
    database: Database,
    handler: Arc<dyn ErasedBatch>,
}

/// The way into one batch handler's sets. Cheap to clone.
#[derive(Clone)]
pub(crate) struct BatchQueue {
    batches: Arc<Batches>,
    queue: Arc<SetQueue<Batches>>,
}

impl BatchQueue {
    /// Starts the loop; it ends when the last clone of the queue is gone.
    pub(crate) fn start(database: Database, handler: Arc<dyn ErasedBatch>) -> Self {
        let batches = Arc::new(Batches { database, handler });
        let queue = Arc::new(SetQueue::start(batches.clone()));
        BatchQueue { batches, queue }
    }

    /// Runs one task in the next set.
    pub(crate) async fn run(&self, task: TaskContext) -> Outcome {
        if let Some(outcome) = self.queue.ask(task.clone()).await {
            return outcome;
        }
        let _permit = self.queue.alone().await;
        if !task.begin() {
            return Outcome::Expired;
        }
        let batches = self.batches.clone();
        joined(async move {
            let outcomes = set::run_alone(&batches.database, &batches.handler, task).await?;
            let outcome = outcomes.into_iter().next();
            outcome.ok_or_else(|| HandlerError::Broken("a set of one without an answer".into()))
        })
        .await
    }
}

#[async_trait]
impl Sets for Batches {
    type Item = TaskContext;
    type Answer = Outcome;

    fn database(&self) -> &Database {
        &self.database
    }

    fn key(task: &TaskContext) -> &EffectKey {
        task.effect()
    }

    async fn together(&self, tasks: &[TaskContext]) -> Vec<Option<Outcome>> {
        // Whoever gave up waiting was answered `expired` already, and must not be done any more.
        let begun: Vec<bool> = tasks.iter().map(TaskContext::begin).collect();
        let ours: Vec<TaskContext> = tasks
            .iter()
            .zip(&begun)
            .filter(|(_, begun)| **begun)
            .map(|(task, _)| task.clone())
            .collect();
        let mut outcomes = match set::run(&self.database, &self.handler, &ours).await {
            Ok(outcomes) => outcomes.into_iter(),
            Err(error) => {
                tracing::info!(tasks = ours.len(), %error, "a set failed; its items run one by one");
                Vec::new().into_iter()
            }
        };
        begun
            .into_iter()
            .map(|begun| {
                if begun {
                    outcomes.next()
                } else {
                    Some(Outcome::Expired)
                }
            })
            .collect()
    }
}
