//! Watches the task queues of the served pools: makes sure that they exist, looks how deep they are, and
//! tells when what was in one is lost.
//!
//! A loss is told when a queue had to be created that this process had served before, when a publish was
//! returned for one, when a results queue had vanished (the broker lost its data), and when another instance
//! tells of it. A false alarm only sends open attempts again, which their barrier makes harmless; a missed
//! one costs a timeout. So whenever in doubt, it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use impresario_protocol::Queues;
use lapin::Connection;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::announce::Outgoing;
use super::connection::Error;
use super::options::{DEPTH_EVERY, QueueKind};
use super::state::State;
use super::topology::{Declarer, Presence, Role, TopologyError, is_missing, look};
use crate::broker::{Arrival, PoolDepth};

/// How long the echoes of one loss go on: some rounds of looking at the depths, here and elsewhere.
const LOSS_ECHO: Duration = Duration::from_secs(2);

/// What the watch over pools owns over all its channels.
pub(super) struct Pools {
    pub(super) queues: Queues,
    pub(super) wanted: watch::Receiver<BTreeSet<String>>,
    /// Pools whose queue is there, for those who wait for it.
    pub(super) present: watch::Sender<BTreeSet<String>>,
    pub(super) unroutable: mpsc::Receiver<String>,
    /// A results queue had vanished.
    pub(super) lost: mpsc::Receiver<()>,
    /// Another instance found the queue of this pool gone.
    pub(super) told: mpsc::Receiver<String>,
    pub(super) outgoing: mpsc::Sender<Outgoing>,
    pub(super) arrivals: mpsc::Sender<Arrival>,
    pub(super) kind: QueueKind,
    pub(super) conflict_retry: Duration,
    pub(super) state: Arc<State>,
    pub(super) closing: CancellationToken,
    /// When the loss of a pool's queue was told last.
    pub(super) last_told: BTreeMap<String, Instant>,
}

impl Pools {
    /// Watches over one connection until something breaks.
    pub(super) async fn session(&mut self, connection: &Connection) -> Result<(), Error> {
        let mut declarer = Declarer::new(connection, self.kind);
        // Nothing is known on a new connection: the broker may have come back empty.
        self.present.send_replace(BTreeSet::new());
        self.wanted.mark_changed();
        let mut look_again = interval(DEPTH_EVERY);
        look_again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut conflicts_again = tokio::time::Instant::now();
        loop {
            tokio::select! {
                _ = look_again.tick() => self.look_at_all(&mut declarer).await?,
                changed = self.wanted.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    self.ensure_missing(&mut declarer).await?;
                }
                () = sleep_until(conflicts_again) => {
                    self.ensure_missing(&mut declarer).await?;
                    conflicts_again = tokio::time::Instant::now() + self.conflict_retry;
                }
                Some(pool) = self.unroutable.recv() => {
                    let served = self.ensure(&mut declarer, &pool).await?;
                    // Also when somebody else has created it again meanwhile: ours are gone all the same.
                    if served == Some(Told::No) && self.is_news(&pool) {
                        self.tell_lost(pool).await;
                    }
                }
                Some(()) = self.lost.recv() => {
                    let all = self.wanted.borrow().clone();
                    for pool in all {
                        if self.is_news(&pool) {
                            self.tell_lost(pool).await;
                        }
                    }
                }
                Some(pool) = self.told.recv() => {
                    // Whoever tells has made the queue again: no echo, however soon after the last loss.
                    let ours = self.wanted.borrow().contains(&pool);
                    if ours {
                        self.tell_engine(pool).await;
                    }
                }
            }
        }
    }

    /// Declares what is wanted and not known to be there.
    async fn ensure_missing(&mut self, declarer: &mut Declarer<'_>) -> Result<(), Error> {
        let wanted = self.wanted.borrow_and_update().clone();
        let missing: Vec<_> = wanted.difference(&self.present.borrow()).cloned().collect();
        for pool in missing {
            self.ensure(declarer, &pool).await?;
        }
        Ok(())
    }

    async fn look_at_all(&mut self, declarer: &mut Declarer<'_>) -> Result<(), Error> {
        let present = self.present.borrow().clone();
        for pool in present {
            let queue = self.queues.tasks(&pool);
            match look(&declarer.channel().await?, &queue).await {
                Ok(queue) => {
                    let messages = u64::from(queue.message_count());
                    let consumers = u64::from(queue.consumer_count());
                    self.state.saw(
                        &pool,
                        PoolDepth {
                            messages,
                            consumers,
                        },
                    );
                }
                Err(error) if is_missing(&error) => {
                    self.ensure(declarer, &pool).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Makes sure of one pool's queue. None: it is not as it should be, or was never served before.
    async fn ensure(
        &mut self,
        declarer: &mut Declarer<'_>,
        pool: &str,
    ) -> Result<Option<Told>, Error> {
        let queue = self.queues.tasks(pool);
        match declarer.ensure(&queue, Role::Tasks).await {
            Ok(presence) => {
                let before = self.state.serve(&queue);
                self.present.send_modify(|present| {
                    present.insert(pool.to_owned());
                });
                match presence {
                    Presence::Created if before => {
                        self.tell_lost(pool.to_owned()).await;
                        Ok(Some(Told::Yes))
                    }
                    Presence::Created | Presence::Found => Ok(before.then_some(Told::No)),
                }
            }
            Err(error @ TopologyError::Conflict { .. }) => {
                self.present.send_modify(|present| {
                    present.remove(pool);
                });
                if self.state.conflict(&queue) {
                    tracing::error!(%error, pool, "tasks cannot be published as configured");
                }
                Ok(None)
            }
            Err(TopologyError::Broker(error)) => Err(error),
        }
    }

    /// One loss is noticed in several ways. That the queue had to be created, here or elsewhere, is proof and always
    /// told; the messages that were returned and the results queue that vanished with it are echoes.
    fn is_news(&self, pool: &str) -> bool {
        self.last_told
            .get(pool)
            .is_none_or(|told| told.elapsed() > LOSS_ECHO)
    }

    /// Tells the engine here and the instances elsewhere.
    async fn tell_lost(&mut self, pool: String) {
        // A hint: full or not connected means that they find out by themselves, or by their timeouts.
        drop(self.outgoing.try_send(Outgoing::Lost(pool.clone())));
        self.tell_engine(pool).await;
    }

    async fn tell_engine(&mut self, pool: String) {
        self.last_told.insert(pool.clone(), Instant::now());
        tracing::warn!(pool, "the broker lost what was in the pool's queue");
        tokio::select! {
            // The engine is gone when nobody takes it.
            sent = self.arrivals.send(Arrival::Lost { pool }) => drop(sent),
            () = self.closing.cancelled() => {}
        }
    }
}

/// Whether a loss was told already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Yes,
    No,
}
