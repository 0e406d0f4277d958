//! Wakes those who wait for a saga: `Prefer: wait`, live progress.
//!
//! In memory and best effort: what this process commits is told at once; what others commit, and what was
//! missed, comes by the net behind it (`catch_up`), so a lost wake-up costs a quarter of a second and never an
//! answer. News is only ever newer: an older row never replaces what is known.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    waiting: Mutex<HashMap<SagaId, Waited>>,
}

/// One saga that somebody waits for.
#[derive(Debug)]
struct Waited {
    news: watch::Sender<Option<Arc<Progress>>>,
    /// Looks of the net since there was news.
    quiet: u32,
}

/// So many looks in a row are made at a quiet saga; then only each [`QUIET_STRIDE`]th: what nothing has happened
/// to for seconds (it is stuck, or waits for an hour) is rarely about to move.
const QUIET_LOOKS: u32 = 20;
const QUIET_STRIDE: u32 = 8;

impl Hub {
    /// Subscribes to a saga: the value is the last progress since the first subscription, if any.
    pub fn subscribe(&self, id: SagaId) -> watch::Receiver<Option<Arc<Progress>>> {
        self.lock()
            .entry(id)
            .or_insert_with(|| Waited {
                news: watch::channel(None).0,
                quiet: 0,
            })
            .news
            .subscribe()
    }

    /// Ends a subscription's bookkeeping, when it was the last of its saga.
    pub fn release(&self, id: SagaId) {
        let mut waiting = self.lock();
        if waiting
            .get(&id)
            .is_some_and(|waited| waited.news.receiver_count() == 0)
        {
            waiting.remove(&id);
        }
    }

    /// Whether anybody waits for this saga: what is not asked for is not made.
    pub(crate) fn is_waited_for(&self, id: SagaId) -> bool {
        self.lock().contains_key(&id)
    }

    /// Tells the waiters, unless they know as much.
    pub(crate) fn publish(&self, id: SagaId, progress: impl Into<Arc<Progress>>) {
        let progress = progress.into();
        if let Some(waited) = self.lock().get_mut(&id) {
            waited.quiet = 0;
            waited.news.send_if_modified(|known| {
                let newer = known.as_ref().is_none_or(|known| known.seq < progress.seq);
                if newer {
                    *known = Some(progress);
                }
                newer
            });
        }
    }

    /// The sagas without news since the last look, with the last row known of each: the longest quiet first.
    pub(crate) fn quiet(&self, max: usize) -> Vec<(SagaId, i32)> {
        let mut quiet: Vec<(u32, SagaId, i32)> = Vec::new();
        for (id, waited) in self.lock().iter_mut() {
            let looks = waited.quiet;
            waited.quiet = looks.saturating_add(1);
            if looks > 0 && (looks <= QUIET_LOOKS || looks.is_multiple_of(QUIET_STRIDE)) {
                let known = waited.news.borrow().as_ref().map_or(0, |known| known.seq);
                quiet.push((looks, *id, known));
            }
        }
        quiet.sort_unstable_by_key(|(looks, _, _)| Reverse(*looks));
        quiet.truncate(max);
        quiet
            .into_iter()
            .map(|(_, id, known)| (id, known))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SagaId, Waited>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
