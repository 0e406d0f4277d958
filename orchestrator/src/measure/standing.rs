//! What is so in this process at the moment somebody asks.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use impresario_metrics::table::{
    CLOCK_AHEAD, CONNECTIONS, DAYS_KEPT_OPEN, DEPENDENCY_UP, LANE_CACHED, LANE_INBOX, LEASES_HELD,
    QUEUE_AGE, QUEUE_BACKLOG, QUEUE_CONSUMERS, QUEUE_READY,
};
use impresario_metrics::{Readings, Source, pull};
use tokio::sync::mpsc;

use super::Sampler;
use crate::broker::{Broker, PoolDepth};
use crate::clock::Clock;
use crate::lane::{INBOX_MAX, Message, Releaser};
use crate::store::Database;

/// What the loops note for whoever asks. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Standing {
    notes: Arc<Notes>,
}

#[derive(Default)]
struct Notes {
    cached: AtomicUsize,
    leases: AtomicUsize,
    database_down: AtomicBool,
    days_kept_open: AtomicUsize,
    /// Queues with something in them, and when that was first seen.
    waiting_since: Mutex<HashMap<String, Instant>>,
}

impl Standing {
    /// Sagas in the lane's memory.
    pub(crate) fn cached(&self, sagas: usize) {
        self.notes.cached.store(sagas, Ordering::Relaxed);
    }

    /// Partitions that are leased.
    pub(crate) fn leases(&self, held: usize) {
        self.notes.leases.store(held, Ordering::Relaxed);
    }

    /// Whether the database has answered.
    pub(crate) fn database(&self, up: bool) {
        self.notes.database_down.store(!up, Ordering::Relaxed);
    }

    /// Days past their retention.
    pub(crate) fn days_kept_open(&self, days: usize) {
        self.notes.days_kept_open.store(days, Ordering::Relaxed);
    }

    /// The queues were looked at.
    pub(crate) fn looked(&self, depths: &BTreeMap<String, PoolDepth>) {
        let mut waiting = self.waiting();
        for (pool, depth) in depths {
            if depth.messages == 0 {
                waiting.remove(pool);
            } else {
                waiting.entry(pool.clone()).or_insert_with(Instant::now);
            }
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<String, Instant>> {
        let waiting = self.notes.waiting_since.lock();
        waiting.unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is looked at when somebody asks.
pub(crate) struct Watched {
    pub(crate) standing: Standing,
    pub(crate) sampler: Sampler,
    pub(crate) database: Database,
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) releaser: Releaser,
    pub(crate) lane: mpsc::Sender<Message>,
    pub(crate) clock: Clock,
}

impl Watched {
    /// Shows it from now on, until the source is dropped.
    pub(crate) fn show(self) -> Source {
        pull(move |readings| self.read(readings))
    }

    fn read(&self, readings: &mut Readings) {
        let notes = &self.standing.notes;
        let load = |number: &AtomicUsize| number.load(Ordering::Relaxed) as f64;
        let inbox = INBOX_MAX.saturating_sub(self.lane.capacity());
        readings.gauge(&LANE_INBOX, [], inbox as f64);
        readings.gauge(&LANE_CACHED, [], load(&notes.cached));
        readings.gauge(&LEASES_HELD, [], load(&notes.leases));
        readings.gauge(&DAYS_KEPT_OPEN, [], load(&notes.days_kept_open));
        readings.gauge(&CLOCK_AHEAD, [], self.clock.ahead_seconds());
        let database_up = !notes.database_down.load(Ordering::Relaxed);
        let flag = |is: bool| f64::from(u8::from(is));
        readings.gauge(&DEPENDENCY_UP, ["postgres"], flag(database_up));
        readings.gauge(&DEPENDENCY_UP, ["rabbitmq"], flag(self.broker.connected()));
        let pool = &self.database.pool;
        let (open, idle) = (f64::from(pool.size()), pool.num_idle() as f64);
        readings.gauge(&CONNECTIONS, ["engine", "used"], (open - idle).max(0.0));
        readings.gauge(&CONNECTIONS, ["engine", "idle"], idle);
        let most = f64::from(pool.options().get_max_connections());
        readings.gauge(&CONNECTIONS, ["engine", "max"], most);
        self.queues(readings);
    }

    fn queues(&self, readings: &mut Readings) {
        let depths = self.broker.depths();
        let held_back = self.sampler.held_back();
        let waiting = self.standing.waiting();
        for (pool, depth) in &depths {
            let age = waiting
                .get(pool)
                .map_or(0.0, |since| since.elapsed().as_secs_f64());
            let queued = depth
                .messages
                .saturating_mul(self.releaser.tasks_per_message(pool));
            let held = held_back.get(pool).copied().unwrap_or(0);
            readings.gauge(&QUEUE_READY, [pool], depth.messages as f64);
            readings.gauge(&QUEUE_CONSUMERS, [pool], depth.consumers as f64);
            readings.gauge(&QUEUE_BACKLOG, [pool], queued as f64 + held as f64);
            readings.gauge(&QUEUE_AGE, [pool], age);
        }
        let pools: Vec<String> = depths.into_keys().collect();
        self.sampler.show(&pools, readings);
    }
}
