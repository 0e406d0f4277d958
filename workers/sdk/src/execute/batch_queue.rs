//! The loop that turns tasks into sets: the set is what arrived while the last one was being committed.
//!
//! Nothing lingers: a task that is alone is a set of one. When a set fails as a whole, its items are run by
//! themselves, a few side by side, so that a bad one is found without costing its siblings their answer.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::{FutureExt, StreamExt};
use impresario_protocol::{Outcome, Problem, TASKS_PER_MESSAGE_MAX};
use tokio::sync::{mpsc, oneshot};

use super::set::{self, ErasedBatch};
use super::{joined, panicked};
use crate::{Database, HandlerError, TaskContext};

/// Tasks in one set at most: past it, transactions grow longer without growing cheaper.
const SET_MAX: usize = TASKS_PER_MESSAGE_MAX;
/// Tasks waiting for the next set at most; more wait with their senders.
const WAITING_MAX: usize = 4 * SET_MAX;
/// Items of a failed set that run side by side: half a pool's connections, so that others can work too.
const SINGLES_MAX: usize = 4;

struct Waiting {
    task: TaskContext,
    answer: oneshot::Sender<Outcome>,
}

/// The way into one batch handler's sets.
#[derive(Clone)]
pub(crate) struct BatchQueue {
    waiting: mpsc::Sender<Waiting>,
}

impl BatchQueue {
    /// Starts the loop; it ends when the last clone of the queue is gone.
    pub(crate) fn start(database: Database, handler: Arc<dyn ErasedBatch>) -> Self {
        let (waiting, arrivals) = mpsc::channel(WAITING_MAX);
        tokio::spawn(serve(database, handler, arrivals));
        BatchQueue { waiting }
    }

    /// Runs one task in the next set.
    pub(crate) async fn run(&self, task: TaskContext) -> Outcome {
        let (answer, answered) = oneshot::channel();
        if self.waiting.send(Waiting { task, answer }).await.is_err() {
            return Outcome::Failed(Problem::new("draining", "this worker is stopping"));
        }
        match answered.await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Failed(panicked()),
        }
    }
}

async fn serve(
    database: Database,
    handler: Arc<dyn ErasedBatch>,
    mut arrivals: mpsc::Receiver<Waiting>,
) {
    // Of two tasks with one key in a set the second would find its own twin's unfinished claim.
    let mut twins: Vec<Waiting> = Vec::new();
    loop {
        let mut set = std::mem::take(&mut twins);
        if set.is_empty() {
            match arrivals.recv().await {
                Some(first) => set.push(first),
                None => return,
            }
        }
        while set.len() < SET_MAX
            && let Ok(next) = arrivals.try_recv()
        {
            set.push(next);
        }
        let mut keys = HashSet::new();
        let (set, again): (Vec<_>, Vec<_>) = set
            .into_iter()
            .partition(|item| keys.insert(item.task.effect().clone()));
        twins = again;
        answer(&database, &handler, set).await;
    }
}

async fn answer(database: &Database, handler: &Arc<dyn ErasedBatch>, waiting: Vec<Waiting>) {
    // Whoever gave up waiting was answered `expired` already, and must not be done any more.
    let waiting: Vec<Waiting> = waiting
        .into_iter()
        .filter(|item| item.task.begin())
        .collect();
    let tasks: Vec<TaskContext> = waiting.iter().map(|item| item.task.clone()).collect();
    let together = AssertUnwindSafe(set::run(database, handler, &tasks))
        .catch_unwind()
        .await;
    match together {
        Ok(Ok(outcomes)) => {
            for (item, outcome) in waiting.into_iter().zip(outcomes) {
                // The receiver may have timed out meanwhile; the barrier has the answer.
                drop(item.answer.send(outcome));
            }
        }
        Ok(Err(error)) if waiting.len() == 1 => fail(waiting, &error),
        Ok(Err(error)) => {
            tracing::info!(tasks = waiting.len(), %error, "a set failed; its items run one by one");
            one_by_one(database, handler, waiting).await;
        }
        Err(_) => one_by_one(database, handler, waiting).await,
    }
}

fn fail(waiting: Vec<Waiting>, error: &HandlerError) {
    tracing::warn!(%error, "a task failed");
    for item in waiting {
        drop(item.answer.send(Outcome::Failed(error.problem())));
    }
}

async fn one_by_one(database: &Database, handler: &Arc<dyn ErasedBatch>, waiting: Vec<Waiting>) {
    futures::stream::iter(waiting)
        .for_each_concurrent(SINGLES_MAX, |item| {
            let (database, handler) = (database.clone(), handler.clone());
            async move {
                let task = item.task;
                let outcome = joined(async move {
                    let outcomes = set::run(&database, &handler, &[task]).await?;
                    outcomes.into_iter().next().ok_or_else(|| {
                        HandlerError::Broken("a set of one without an answer".into())
                    })
                })
                .await;
                drop(item.answer.send(outcome));
            }
        })
        .await;
}
