//! What the tasks of one [`Rabbit`](super::Rabbit) know together: which links are up, which queues are in
//! conflict, which were served before, and how deep they are.
//!
//! Plain values behind one mutex, held for a few instructions and never across a wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::options::DEPTH_STALE;
use crate::broker::PoolDepth;

#[derive(Debug, Default)]
struct Inner {
    publishing: bool,
    /// The broker's reason, while it has stopped reading what we publish (memory or disk alarm).
    blocked: Option<String>,
    conflicts: BTreeSet<String>,
    served: BTreeSet<String>,
    depths: BTreeMap<String, (PoolDepth, Instant)>,
    generation: u64,
}

/// Shared by the tasks of one `Rabbit`.
#[derive(Debug, Default)]
pub(super) struct State(Mutex<Inner>);

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here can be half changed: every critical section is one assignment or one insertion.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The publishing link is up (confirm channel open) or down.
    pub(super) fn set_publishing(&self, up: bool) {
        let mut inner = self.lock();
        inner.publishing = up;
        inner.blocked = None;
    }

    /// The broker blocked our publishing, or unblocked it.
    pub(super) fn set_blocked(&self, reason: Option<String>) {
        self.lock().blocked = reason;
    }

    /// Why publishing is blocked, if it is.
    pub(super) fn blocked(&self) -> Option<String> {
        self.lock().blocked.clone()
    }

    /// See [`Broker::connected`](crate::broker::Broker::connected).
    pub(super) fn connected(&self) -> bool {
        let inner = self.lock();
        inner.publishing && inner.blocked.is_none() && inner.conflicts.is_empty()
    }

    /// The queue exists with other arguments. True when that is news, so that it is logged loudly once.
    pub(super) fn conflict(&self, queue: &str) -> bool {
        self.lock().conflicts.insert(queue.to_owned())
    }

    /// The queue is as it should be. True when this process had served it before.
    pub(super) fn serve(&self, queue: &str) -> bool {
        let mut inner = self.lock();
        inner.conflicts.remove(queue);
        !inner.served.insert(queue.to_owned())
    }

    /// This process no longer wants the queue: what it is like is not our concern, and when we come back to it
    /// somebody else may have owned it meanwhile.
    pub(super) fn release(&self, queue: &str) {
        let mut inner = self.lock();
        inner.conflicts.remove(queue);
        inner.served.remove(queue);
    }

    /// A look at a pool's queue.
    pub(super) fn saw(&self, pool: &str, depth: PoolDepth) {
        self.lock()
            .depths
            .insert(pool.to_owned(), (depth, Instant::now()));
    }

    /// What was seen and is still fresh.
    pub(super) fn depths(&self) -> BTreeMap<String, PoolDepth> {
        let inner = self.lock();
        let fresh = inner
            .depths
            .iter()
            .filter(|(_, (_, at))| at.elapsed() < DEPTH_STALE);
        fresh
            .map(|(pool, (depth, _))| (pool.clone(), *depth))
            .collect()
    }

    /// A number for the next channel that results are read from.
    pub(super) fn next_generation(&self) -> u64 {
        let mut inner = self.lock();
        inner.generation += 1;
        inner.generation
    }
}
