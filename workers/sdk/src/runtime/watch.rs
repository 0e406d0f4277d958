//! What others may see of a running worker: for probes and metrics.
//!
//! Reading costs the worker nothing: everything is looked up when somebody asks.

use std::sync::Arc;

use impresario_metrics::table::{CONNECTIONS, WORKER_CONNECTED, WORKER_DRAINING, WORKER_SLOTS};
use impresario_metrics::{Readings, Source, pull};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::Worker;
use crate::{Database, Transport};

/// A view of one worker; cheap to clone, and it may outlive the worker.
#[derive(Clone)]
pub struct Watch {
    pool: String,
    transport: Arc<dyn Transport>,
    slots: Arc<Semaphore>,
    slots_total: usize,
    draining: CancellationToken,
    database: Option<Database>,
}

impl Watch {
    pub(super) fn new(worker: &Worker) -> Self {
        Watch {
            pool: worker.pool.name().to_owned(),
            transport: Arc::clone(&worker.transport),
            slots: Arc::clone(&worker.slots),
            slots_total: worker.settings.slots.max(1),
            draining: worker.draining.clone(),
            database: worker.pool.database().cloned(),
        }
    }

    /// The pool's name.
    pub fn pool(&self) -> &str {
        &self.pool
    }

    /// Whether tasks can arrive and results can leave at the moment.
    pub fn is_connected(&self) -> bool {
        self.transport.connected()
    }

    /// Whether the worker has been told to stop: it takes no more tasks, and finishes those that it has.
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Tasks that may run at the same time.
    pub fn slots_total(&self) -> usize {
        self.slots_total
    }

    /// Tasks that run.
    pub fn slots_used(&self) -> usize {
        self.slots_total
            .saturating_sub(self.slots.available_permits())
    }

    /// Shows it among the process's metrics until the source is dropped.
    pub(super) fn show(self) -> Source {
        pull(move |readings| self.read(readings))
    }

    fn read(&self, readings: &mut Readings) {
        let pool = self.pool.as_str();
        let flag = |is: bool| f64::from(u8::from(is));
        readings.gauge(&WORKER_SLOTS, [pool, "used"], self.slots_used() as f64);
        readings.gauge(&WORKER_SLOTS, [pool, "total"], self.slots_total as f64);
        readings.gauge(&WORKER_CONNECTED, [pool], flag(self.is_connected()));
        readings.gauge(&WORKER_DRAINING, [pool], flag(self.is_draining()));
        if let Some(database) = &self.database {
            let connections = database.pool();
            let (open, idle) = (f64::from(connections.size()), connections.num_idle() as f64);
            let most = f64::from(connections.options().get_max_connections());
            readings.gauge(&CONNECTIONS, [pool, "used"], (open - idle).max(0.0));
            readings.gauge(&CONNECTIONS, [pool, "idle"], idle);
            readings.gauge(&CONNECTIONS, [pool, "max"], most);
        }
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}
