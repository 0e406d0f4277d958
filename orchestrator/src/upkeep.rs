//! The slow loops beside the lane: leases, due timers, the outbox's leftovers, tomorrow's partitions.
//!
//! Each is a safety net or a convenience; none is on the path of a saga that runs well. An error is logged and
//! the next turn tries again.

use std::sync::Arc;
use std::time::Duration;

use impresario_metrics::table::{LEASES_LOST, OUTBOX_REPEATED};
use impresario_workflows::SagaId;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::announce::Announcer;
use crate::broker::{Arrival, Broker, TaskList};
use crate::clock::Clock;
use crate::lane::{Message, Releaser};
use crate::measure::Standing;
use crate::store::definitions::Catalogue;
use crate::store::leases::LEASE_SECONDS;
use crate::store::timers::DUE_MAX;
use crate::store::{Database, days, leases, outbox, timers};

/// How often the poller looks for due sagas and leftover outbox rows.
const POLL: Duration = Duration::from_millis(500);

/// How often a process looks for definitions that others have stored.
const DEFINITIONS: Duration = Duration::from_secs(2);

/// What the loops work with.
#[derive(Clone)]
pub(crate) struct Upkeep {
    pub(crate) replica: String,
    pub(crate) partitions: u16,
    pub(crate) database: Database,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) releaser: Releaser,
    pub(crate) announcer: Arc<Announcer>,
    pub(crate) lane: mpsc::Sender<Message>,
    pub(crate) stop: CancellationToken,
    pub(crate) clock: Clock,
    /// For whoever asks how things stand.
    pub(crate) standing: Standing,
    /// The partitions that are leased now.
    pub(crate) held: Arc<watch::Sender<Vec<u16>>>,
}

/// Passes the broker's arrivals on; a full lane holds them back, and prefetch holds the broker back.
pub(crate) async fn forward(
    mut arrivals: mpsc::Receiver<Arrival>,
    lane: mpsc::Sender<Message>,
    stop: CancellationToken,
) {
    loop {
        let arrival = tokio::select! {
            arrival = arrivals.recv() => arrival,
            () = stop.cancelled() => None,
        };
        let Some(arrival) = arrival else { return };
        if lane.send(Message::Arrival(arrival)).await.is_err() {
            return;
        }
    }
}

impl Upkeep {
    /// Definitions that other processes have stored become this one's too, with their pools.
    pub(crate) async fn watch_definitions(self) {
        let mut served = self.catalogue.generation();
        while !self.pause(DEFINITIONS).await {
            if let Err(error) = self.catalogue.look_for_new(&self.database.pool).await {
                tracing::warn!(%error, "cannot look for new definitions");
                continue;
            }
            let now = self.catalogue.generation();
            if now != served {
                served = now;
                self.broker.serve_pools(self.catalogue.pools()).await;
            }
        }
    }

    /// Keeps this process's share of the partitions, and reads exactly those.
    pub(crate) async fn hold_leases(self, redispatch_at_first: bool) {
        let mut held: Vec<u16> = Vec::new();
        let mut redispatch = redispatch_at_first;
        loop {
            if let Err(error) = self.clock.follow(&self.database).await {
                tracing::warn!(error = ?error, "cannot read the database's clock");
            }
            match leases::turn(&self.database.pool, &self.replica, self.partitions).await {
                Ok(turn) => {
                    self.standing.database(true);
                    self.standing.leases(turn.held.len());
                    self.announcer.set_others(turn.others > 0);
                    if turn.held != held {
                        tracing::info!(partitions = ?turn.held, "results partitions leased");
                        let lost = held.iter().filter(|one| !turn.held.contains(one));
                        LEASES_LOST.add(lost.count() as u64);
                        held = turn.held;
                        self.held.send_replace(held.clone());
                        // The lane first: it forgets sagas of partitions that it does not know to be ours.
                        self.tell(Message::Leased(held.clone())).await;
                        self.broker.read_partitions(held.clone()).await;
                    }
                }
                Err(error) => {
                    self.standing.database(false);
                    tracing::warn!(error = ?error, "cannot renew leases");
                }
            }
            if redispatch && !held.is_empty() {
                redispatch = false;
                self.redispatch_open(&held).await;
            }
            if self
                .pause(Duration::from_secs_f64(LEASE_SECONDS / 3.0))
                .await
            {
                return;
            }
        }
    }

    /// After a start on a transport that forgets: every open attempt is sent again.
    async fn redispatch_open(&self, partitions: &[u16]) {
        let mut after: Option<SagaId> = None;
        loop {
            match timers::open(&self.database.pool, partitions, after).await {
                Ok(sagas) => {
                    let Some(&last) = sagas.last() else { return };
                    after = Some(last);
                    self.tell(Message::Redispatch { sagas, pool: None }).await;
                }
                Err(error) => {
                    tracing::warn!(error = ?error, "cannot look for open sagas");
                    if self.pause(POLL).await {
                        return;
                    }
                }
            }
        }
    }

    /// The net under the timers in memory.
    pub(crate) async fn watch_timers(self) {
        let mut full = false;
        loop {
            if !full && self.pause(POLL).await {
                return;
            }
            let partitions = self.held.borrow().clone();
            full = match timers::due(&self.database.pool, &partitions).await {
                Ok(due) => {
                    let found = due.len();
                    if found > 0 {
                        self.tell(Message::Due(due)).await;
                    }
                    // A full page that is still being decided would only be found again: breathe.
                    if usize::try_from(DUE_MAX).is_ok_and(|max| found == max)
                        && self.pause(POLL / 5).await
                    {
                        return;
                    }
                    usize::try_from(DUE_MAX).is_ok_and(|max| found == max)
                }
                Err(error) => {
                    tracing::warn!(error = ?error, "cannot look for due sagas");
                    false
                }
            };
        }
    }

    /// Publishes what a crash or a full queue has left in the outbox.
    pub(crate) async fn repeat_outbox(self) {
        loop {
            if self.pause(POLL).await {
                return;
            }
            match outbox::pools_behind(&self.database.pool).await {
                Ok(behind) => self.tell(Message::Behind(behind)).await,
                Err(error) => tracing::warn!(error = ?error, "cannot look at the outbox"),
            }
            if !self.broker.connected() {
                continue;
            }
            loop {
                match outbox::claim(&self.database.pool, &self.releaser.without_credit()).await {
                    Ok(rows) if rows.is_empty() => break,
                    Ok(rows) => {
                        OUTBOX_REPEATED.add(rows.len() as u64);
                        let lists = rows
                            .into_iter()
                            .map(|row| {
                                let list = TaskList {
                                    pool: row.pool,
                                    partition: row.partition,
                                    tasks: row.tasks,
                                };
                                (row.id, list)
                            })
                            .collect();
                        self.releaser.carry_out(lists).await;
                    }
                    Err(error) => {
                        tracing::warn!(error = ?error, "cannot claim outbox rows");
                        break;
                    }
                }
                if self.stop.is_cancelled() {
                    return;
                }
            }
        }
    }

    /// Makes the coming days' partitions, once an hour.
    pub(crate) async fn make_days(self) {
        loop {
            if self.pause(Duration::from_secs(3600)).await {
                return;
            }
            if let Err(error) = days::ensure(&self.database.pool, self.clock.now()).await {
                tracing::error!(error = ?error, "cannot make partitions for the coming days");
            }
        }
    }

    async fn tell(&self, message: Message) {
        // The lane is gone only when the process stops.
        drop(self.lane.send(message).await);
    }

    /// Waits; true when the engine stops.
    async fn pause(&self, wait: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(wait) => false,
            () = self.stop.cancelled() => true,
        }
    }
}
