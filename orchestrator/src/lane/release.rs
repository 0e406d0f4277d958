//! Releasing effects: publish what a commit asked for, then acknowledge what it rested on, then forget the
//! outbox rows (with the next commit). A crash anywhere in between is repaired from the outbox.
//!
//! Credit: a queue takes tasks up to a window (its observed depth plus what was published since); beyond it
//! rows wait in the outbox, never in memory, and are claimed again when the queue has drained.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use impresario_metrics::Count;
use impresario_metrics::table::{OUTBOX_HELD, OUTBOX_LEFT, OUTBOX_PUBLISHED};
use impresario_workflows::SagaId;
use sqlx::PgPool;
use tokio::sync::Semaphore;

use crate::broker::{Broker, Receipt, TaskList};
use crate::spans::Sending;
use crate::store::outbox;

/// Tasks that may be in a pool's queue before the outbox holds back: a few seconds of a fast pool's work, and
/// a bounded herd when an absent one comes back.
const CREDIT_TASKS: u64 = 20_000;

/// Releases under way at most. Past it a release is left to the outbox: the broker is not keeping up.
const RELEASES_MAX: usize = 256;

/// Confirmed rows carried along by one commit at most.
const DELIVERED_MAX: usize = 2_000;

/// What one commit asks of the world.
#[derive(Debug, Default)]
pub(super) struct Release {
    /// Outbox rows with their lists.
    pub(super) lists: Vec<(i64, TaskList)>,
    /// Deliveries that rest on commits by now.
    pub(super) receipts: Vec<Receipt>,
    /// Sagas that clients of other replicas may wait for.
    pub(super) moved: Vec<SagaId>,
}

/// Publishes and acknowledges.
#[derive(Clone)]
pub struct Releaser {
    broker: Arc<dyn Broker>,
    reads: PgPool,
    slots: Arc<Semaphore>,
    shared: Arc<Mutex<Shared>>,
    published: Published,
}

/// Lists that went out, by what became of them.
#[derive(Clone)]
struct Published {
    confirmed: Count,
    failed: Count,
}

#[derive(Default)]
struct Shared {
    /// Confirmed outbox rows, to be deleted.
    delivered: Vec<i64>,
    /// Tasks published since the last look at the queue's depth.
    since_look: HashMap<String, u64>,
    /// Tasks per message lately, to read a depth in tasks.
    per_message: HashMap<String, u64>,
}

impl Releaser {
    /// A releaser over a broker and the pool for upkeep.
    pub fn new(broker: Arc<dyn Broker>, reads: PgPool) -> Releaser {
        Releaser {
            broker,
            reads,
            slots: Arc::new(Semaphore::new(RELEASES_MAX)),
            shared: Arc::new(Mutex::new(Shared::default())),
            published: Published {
                confirmed: OUTBOX_PUBLISHED.with(["confirmed"]),
                failed: OUTBOX_PUBLISHED.with(["failed"]),
            },
        }
    }

    /// Carries a release out in a task of its own.
    pub(super) fn release(&self, release: Release) {
        if release.lists.is_empty() {
            release.receipts.iter().for_each(Receipt::acknowledge);
            return;
        }
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            OUTBOX_LEFT.add(1);
            release.receipts.iter().for_each(Receipt::acknowledge);
            return;
        };
        let this = self.clone();
        tokio::spawn(async move {
            this.carry_out(release.lists).await;
            // After the confirms: until then a crash would leave the outbox alone to know of the tasks.
            release.receipts.iter().for_each(Receipt::acknowledge);
            drop(slot);
        });
    }

    /// Publishes lists and notes which rows are done.
    pub(crate) async fn carry_out(&self, lists: Vec<(i64, TaskList)>) {
        let (now, held): (Vec<_>, Vec<_>) = lists
            .into_iter()
            .partition(|(_, list)| self.has_credit(list));
        if !held.is_empty() {
            let ids: Vec<i64> = held.iter().map(|(id, _)| *id).collect();
            OUTBOX_HELD.add(ids.len() as u64);
            if let Err(error) = outbox::hold(&self.reads, &ids).await {
                tracing::warn!(%error, "cannot hold outbox rows back; they come due by themselves");
            }
        }
        if now.is_empty() {
            return;
        }
        let (ids, lists): (Vec<i64>, Vec<TaskList>) = now.into_iter().unzip();
        let sending = Sending::begin(&lists).map(|sending| {
            let pools: Vec<String> = lists.iter().map(|list| list.pool.clone()).collect();
            (sending, pools)
        });
        let per_message = self.per_message(&lists);
        let outcomes = self.broker.publish(lists, per_message).await;
        if let Some((sending, pools)) = sending {
            sending.tell(&pools, &outcomes);
        }
        let mut done = Vec::with_capacity(ids.len());
        let mut failed = 0;
        for (id, outcome) in ids.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => done.push(id),
                Err(error) => {
                    failed += 1;
                    tracing::warn!(%error, outbox = id, "the outbox will repeat a publication");
                }
            }
        }
        self.published.confirmed.increment(done.len() as u64);
        self.published.failed.increment(failed);
        self.lock().delivered.extend(done);
    }

    /// Lists carry as many tasks as keep every worker busy: what there is, divided by the workers.
    fn per_message(&self, lists: &[TaskList]) -> usize {
        let depths = self.broker.depths();
        lists
            .iter()
            .map(|list| {
                let workers = depths
                    .get(&list.pool)
                    .map_or(1, |depth| depth.consumers.max(1));
                let share = list.tasks.len() as u64 / workers;
                usize::try_from(share).unwrap_or(usize::MAX)
            })
            .max()
            .unwrap_or(1)
            .clamp(8, impresario_protocol::TASKS_PER_MESSAGE_MAX)
    }

    fn has_credit(&self, list: &TaskList) -> bool {
        let depths = self.broker.depths();
        let mut shared = self.lock();
        let per_message = shared.per_message.get(&list.pool).copied().unwrap_or(1);
        let in_queue = depths
            .get(&list.pool)
            .map_or(0, |depth| depth.messages.saturating_mul(per_message));
        let since = shared.since_look.get(&list.pool).copied().unwrap_or(0);
        let tasks = list.tasks.len() as u64;
        if in_queue + since >= CREDIT_TASKS {
            return false;
        }
        shared
            .per_message
            .insert(list.pool.clone(), per_message.midpoint(tasks).max(1));
        *shared.since_look.entry(list.pool.clone()).or_default() += tasks;
        true
    }

    /// The depths were looked at anew: what was published before is in them.
    pub(super) fn looked(&self) {
        self.lock().since_look.clear();
    }

    /// Confirmed rows for the next commit to delete.
    pub(super) fn take_delivered(&self) -> Vec<i64> {
        let delivered = &mut self.lock().delivered;
        let keep = delivered.len().saturating_sub(DELIVERED_MAX);
        delivered.split_off(keep)
    }

    /// A commit that was to delete these did not happen.
    pub(super) fn give_back(&self, ids: Vec<i64>) {
        self.lock().delivered.extend(ids);
    }

    /// Deletes confirmed rows by themselves when no commit is there to carry them along.
    pub(super) fn flush_when_idle(&self, idle: bool) {
        if !idle {
            return;
        }
        let ids = self.take_delivered();
        if ids.is_empty() {
            return;
        }
        let this = self.clone();
        tokio::spawn(async move {
            if let Err(error) = outbox::delete(&this.reads, &ids).await {
                tracing::warn!(%error, "cannot delete outbox rows; trying again");
                this.give_back(ids);
            }
        });
    }

    /// Tasks that a message of this pool has held lately.
    pub(crate) fn tasks_per_message(&self, pool: &str) -> u64 {
        self.lock().per_message.get(pool).copied().unwrap_or(1)
    }

    /// The pools whose queues take nothing more at the moment.
    pub(crate) fn without_credit(&self) -> Vec<String> {
        let depths = self.broker.depths();
        let shared = self.lock();
        depths
            .iter()
            .filter(|(pool, depth)| {
                let per_message = shared.per_message.get(*pool).copied().unwrap_or(1);
                depth.messages.saturating_mul(per_message) >= CREDIT_TASKS
            })
            .map(|(pool, _)| pool.clone())
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Releaser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Releaser").finish_non_exhaustive()
    }
}
