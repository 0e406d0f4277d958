//! The loop that turns single items into sets: a set is what arrived while the last one was being committed.
//!
//! The sets of a pool take turns, whatever their kind ([`Database::turn`]): a statement costs a set of thirty little more
//! than a set of ten, and what arrives while another kind has its turn makes the next set fuller.
//!
//! Nothing lingers: an item that is alone is a set of one. An item that the set could not answer (the set failed as a
//! whole, or the item needs a look of its own) is handed back to whoever brought it, to be done alone; a few are done
//! alone side by side, so that a bad one is found without costing its siblings their answer.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt;
use impresario_protocol::{EffectKey, TASKS_PER_MESSAGE_MAX};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc, oneshot};

use crate::Database;

/// Items in one set at most: past it, transactions grow longer without growing cheaper.
const SET_MAX: usize = TASKS_PER_MESSAGE_MAX;
/// Items waiting for the next set at most; more wait with their senders.
const WAITING_MAX: usize = 4 * SET_MAX;
/// Items that are done alone side by side: half a pool's connections, so that others can work too.
const ALONE_MAX: usize = 4;

/// What is done set by set.
#[async_trait]
pub(crate) trait Sets: Send + Sync + 'static {
    type Item: Send + Sync + 'static;
    type Answer: Send + 'static;

    /// Where it is done.
    fn database(&self) -> &Database;

    /// Items with one key never meet in a set.
    fn key(item: &Self::Item) -> &EffectKey;

    /// Does the items together and answers each, in order; `None` for those that have to be done alone.
    async fn together(&self, items: &[Self::Item]) -> Vec<Option<Self::Answer>>;
}

struct Waiting<S: Sets> {
    item: S::Item,
    answer: oneshot::Sender<Option<S::Answer>>,
}

/// The way into the sets of one kind of work.
pub(crate) struct SetQueue<S: Sets> {
    waiting: mpsc::Sender<Waiting<S>>,
    alone: Semaphore,
}

impl<S: Sets> SetQueue<S> {
    /// Starts the loop; it ends when the queue is gone.
    pub(crate) fn start(work: Arc<S>) -> Self {
        let (waiting, arrivals) = mpsc::channel(WAITING_MAX);
        tokio::spawn(serve(work, arrivals));
        SetQueue {
            waiting,
            alone: Semaphore::new(ALONE_MAX),
        }
    }

    /// Does one item in the next set; `None` when it has to be done alone.
    pub(crate) async fn ask(&self, item: S::Item) -> Option<S::Answer> {
        let (answer, answered) = oneshot::channel();
        self.waiting.send(Waiting { item, answer }).await.ok()?;
        answered.await.ok()?
    }

    /// Waits until an item may be done alone.
    pub(crate) async fn alone(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed, so never an error.
        self.alone.acquire().await.ok()
    }
}

async fn serve<S: Sets>(work: Arc<S>, mut arrivals: mpsc::Receiver<Waiting<S>>) {
    // Of two items with one key in a set the second would find its own twin's unfinished claim.
    let mut twins: Vec<Waiting<S>> = Vec::new();
    loop {
        let mut set = std::mem::take(&mut twins);
        if set.is_empty() {
            match arrivals.recv().await {
                Some(first) => set.push(first),
                None => return,
            }
        }
        let turn = work.database().turn().await;
        while set.len() < SET_MAX
            && let Ok(next) = arrivals.try_recv()
        {
            set.push(next);
        }
        let mut keys = HashSet::new();
        let (set, again): (Vec<_>, Vec<_>) = set
            .into_iter()
            .partition(|waiting| keys.insert(S::key(&waiting.item).clone()));
        twins = again;
        answer(work.as_ref(), set).await;
        drop(turn);
    }
}

async fn answer<S: Sets>(work: &S, set: Vec<Waiting<S>>) {
    let (items, askers): (Vec<_>, Vec<_>) = set
        .into_iter()
        .map(|waiting| (waiting.item, waiting.answer))
        .unzip();
    // A set that panicked has rolled back: its items come again alone, where the bad one is found.
    let answers = AssertUnwindSafe(work.together(&items))
        .catch_unwind()
        .await
        .unwrap_or_default();
    let answers = answers.into_iter().chain(std::iter::repeat_with(|| None));
    for (asker, answer) in askers.into_iter().zip(answers) {
        // The asker may have timed out meanwhile; the barrier has the answer.
        drop(asker.send(answer));
    }
}
