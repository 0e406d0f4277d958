//! Wakes those who wait for a saga: `Prefer: wait`, live progress.
//!
//! In memory and best effort: what this process commits is told at once; what others commit, and what was
//! missed, comes by the net behind it (`catch_up`), so a lost wake-up costs a quarter of a second and never an
//! answer. News is only ever newer: an older row never replaces what is known.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use impresario_workflows::saga::{State, Status};
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
    pub state: Arc<State>,
}

impl Progress {
    /// Whether nothing more happens by itself: it ended, or stands before a human.
    pub fn is_settled(&self) -> bool {
        match self.state.status(&self.definition) {
            Status::Completed | Status::Compensated | Status::Stuck => true,
            Status::Running | Status::Waiting | Status::Compensating => false,
        }
    }

    /// Whether nothing more happens at all.
    pub fn is_final(&self) -> bool {
        self.state.status(&self.definition).is_final()
    }
}

/// What a subscriber is woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Everything.
    Every,
    /// Only that it has settled: most callers want the outcome, and a wake-up for each step would cost them
    /// more than the step. What they read is still the newest.
    Settled,
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
    /// Subscribers who want to hear of everything.
    curious: usize,
    /// Looks of the net since there was news.
    quiet: u32,
}

/// So many looks in a row are made at a quiet saga; then only each [`QUIET_STRIDE`]th: what nothing has happened
/// to for seconds (it is stuck, or waits for an hour) is rarely about to move.
const QUIET_LOOKS: u32 = 20;
const QUIET_STRIDE: u32 = 8;

impl Hub {
    /// Subscribes to a saga: the value is the last progress since the first subscription, if any. Ends with
    /// [`Hub::release`].
    pub fn subscribe(
        &self,
        id: SagaId,
        interest: Interest,
    ) -> watch::Receiver<Option<Arc<Progress>>> {
        let mut waiting = self.lock();
        let waited = waiting.entry(id).or_insert_with(|| Waited {
            news: watch::channel(None).0,
            curious: 0,
            quiet: 0,
        });
        waited.curious += usize::from(interest == Interest::Every);
        waited.news.subscribe()
    }

    /// Ends a subscription's bookkeeping, once its receiver is dropped; with the last one the saga is forgotten.
    pub fn release(&self, id: SagaId, interest: Interest) {
        let mut waiting = self.lock();
        let Some(waited) = waiting.get_mut(&id) else {
            return;
        };
        waited.curious = waited
            .curious
            .saturating_sub(usize::from(interest == Interest::Every));
        if waited.news.receiver_count() == 0 {
            waiting.remove(&id);
        }
    }

    /// Whether anybody waits for this saga: what is not asked for is not made.
    pub(crate) fn is_waited_for(&self, id: SagaId) -> bool {
        self.lock().contains_key(&id)
    }

    /// The last row that is known of a saga that is waited for here.
    pub fn known(&self, id: SagaId) -> Option<i32> {
        let waiting = self.lock();
        let known = waiting.get(&id)?.news.borrow().as_ref()?.seq;
        Some(known)
    }

    /// Tells the waiters, unless they know as much; wakes those whom it interests.
    pub(crate) fn publish(&self, id: SagaId, progress: impl Into<Arc<Progress>>) {
        let progress = progress.into();
        if let Some(waited) = self.lock().get_mut(&id) {
            waited.quiet = 0;
            let wakes = waited.curious > 0 || progress.is_settled();
            waited.news.send_if_modified(|known| {
                let newer = known.as_ref().is_none_or(|known| known.seq < progress.seq);
                if newer {
                    *known = Some(progress);
                }
                newer && wakes
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

#[cfg(test)]
mod tests {
    use impresario_workflows::definition::SHIPPED;

    use super::*;

    fn progress(seq: i32) -> Progress {
        let (_, text) = SHIPPED[1];
        let definition = Arc::new(Definition::parse("trivial", text).unwrap());
        let state = State::unborn("s", &definition);
        Progress {
            seq,
            definition,
            state: Arc::new(state),
        }
    }

    #[test]
    fn news_is_only_ever_newer_and_wakes_whom_it_interests() {
        let hub = Hub::default();
        let id = SagaId::derive(0, "main", "trivial", "k");
        let patient = hub.subscribe(id, Interest::Settled);
        hub.publish(id, progress(2));
        assert!(
            !patient.has_changed().unwrap(),
            "a step wakes nobody who waits for the end"
        );
        assert_eq!(patient.borrow().as_ref().unwrap().seq, 2);
        let curious = hub.subscribe(id, Interest::Every);
        hub.publish(id, progress(1));
        assert!(!curious.has_changed().unwrap());
        hub.publish(id, progress(3));
        assert!(curious.has_changed().unwrap());
        drop(curious);
        hub.release(id, Interest::Every);
        assert!(hub.is_waited_for(id));
        drop(patient);
        hub.release(id, Interest::Settled);
        assert!(!hub.is_waited_for(id));
    }

    #[test]
    fn quiet_sagas_are_asked_about_less_and_less() {
        let hub = Hub::default();
        let id = SagaId::derive(0, "main", "trivial", "k");
        let _receiver = hub.subscribe(id, Interest::Every);
        assert!(hub.quiet(8).is_empty(), "it has just been asked for");
        assert_eq!(hub.quiet(8), [(id, 0)]);
        hub.publish(id, progress(4));
        assert!(hub.quiet(8).is_empty());
        let looks: usize = (0..100).map(|_| hub.quiet(8).len()).sum();
        assert!((28..=32).contains(&looks), "{looks}");
        assert!(hub.quiet(0).is_empty());
    }
}
