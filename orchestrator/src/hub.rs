//! Wakes those who wait for a saga: `Prefer: wait`, live progress.
//!
//! In memory and best effort: a waiter also looks at the store now and then, so a lost wake-up costs a quarter
//! of a second and never an answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use impresario_workflows::saga::State;
use impresario_workflows::{Definition, SagaId};
use tokio::sync::watch;

/// A saga as of a commit.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Its last journal row.
    pub seq: i32,
    /// Its definition.
    pub definition: Arc<Definition>,
    /// Its state.
    pub state: State,
}

/// Who waits for what.
#[derive(Debug, Default)]
pub struct Hub {
    waiting: Mutex<HashMap<SagaId, watch::Sender<Option<Arc<Progress>>>>>,
}

impl Hub {
    /// Subscribes to a saga: the value is the last progress since the first subscription, if any.
    pub fn subscribe(&self, id: SagaId) -> watch::Receiver<Option<Arc<Progress>>> {
        self.lock()
            .entry(id)
            .or_insert_with(|| watch::channel(None).0)
            .subscribe()
    }

    /// Ends a subscription's bookkeeping, when it was the last of its saga.
    pub fn release(&self, id: SagaId) {
        let mut waiting = self.lock();
        if waiting
            .get(&id)
            .is_some_and(|sender| sender.receiver_count() == 0)
        {
            waiting.remove(&id);
        }
    }

    /// Whether anybody waits for this saga: what is not asked for is not made.
    pub(crate) fn is_waited_for(&self, id: SagaId) -> bool {
        self.lock().contains_key(&id)
    }

    /// Tells the waiters.
    pub(crate) fn publish(&self, id: SagaId, progress: Progress) {
        if let Some(sender) = self.lock().get(&id) {
            // No receiver left: the entry is on its way out.
            drop(sender.send(Some(Arc::new(progress))));
        }
    }

    fn lock(
        &self,
    ) -> std::sync::MutexGuard<'_, HashMap<SagaId, watch::Sender<Option<Arc<Progress>>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
