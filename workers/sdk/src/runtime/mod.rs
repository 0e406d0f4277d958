//! The worker: takes task messages of one pool, runs their tasks side by side, answers each by itself.
//!
//! Everything is bounded: messages in progress by `lists`, running tasks by `slots`, waiting answers by the
//! channels of [`answers`]. A message is acknowledged when the answers of all its tasks are confirmed as stored.
//!
//! Stopping: no more messages are taken, what was taken gets the grace period, what has not started by then is
//! answered `failed` (`draining`). A task that is still running then keeps its message unacknowledged, and the
//! barrier answers its redelivery.

mod answers;
mod list;
mod meters;
mod supervise;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Pool, Transport, spans};
use answers::Answers;
use meters::Meters;
pub use watch::Watch;

/// How much a worker does at once, and how it stops.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// Name of this process, for people who look for it.
    pub name: String,
    /// Tasks that run at the same time.
    pub slots: usize,
    /// How long tasks already taken may go on after the stop.
    pub grace: Duration,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "worker".into());
        WorkerSettings {
            name: format!("{host}-{}", std::process::id()),
            slots: 256,
            grace: Duration::from_secs(20),
        }
    }
}

/// A pool at work on a transport.
pub struct Worker {
    pool: Pool,
    transport: Arc<dyn Transport>,
    settings: WorkerSettings,
    slots: Arc<Semaphore>,
    draining: CancellationToken,
}

/// What one message's tasks share.
struct Shared {
    pool: Pool,
    name: String,
    slots: Arc<Semaphore>,
    answers: Answers,
    meters: Meters,
    /// The pool's name in traces.
    service: Arc<str>,
    /// The grace period is over: start nothing more.
    grace_over: CancellationToken,
}

impl Worker {
    /// A worker that has not started yet.
    pub fn new(pool: Pool, transport: Arc<dyn Transport>, settings: WorkerSettings) -> Self {
        Worker {
            pool,
            transport,
            slots: Arc::new(Semaphore::new(settings.slots.max(1))),
            draining: CancellationToken::new(),
            settings,
        }
    }

    /// What others may see of this worker while it runs.
    pub fn watch(&self) -> Watch {
        Watch::new(self)
    }

    /// Works until `shutdown`, then drains and lets go of the transport.
    pub async fn run(self, shutdown: CancellationToken) {
        let _shown = self.watch().show();
        let Worker {
            pool,
            transport,
            settings,
            slots,
            draining,
        } = self;
        tracing::info!(pool = pool.name(), tasks = ?pool.tasks(), slots = settings.slots, "working");
        // Messages in progress at most: the same bound as the transport's prefetch, for those without one.
        let lists = Arc::new(Semaphore::new((settings.slots / 8).max(8)));
        let meters = Meters::of(pool.name());
        let shared = Arc::new(Shared {
            answers: Answers::new(
                transport.clone(),
                meters.resent(),
                spans::service(pool.name()),
            ),
            meters,
            service: spans::service(pool.name()),
            pool,
            name: settings.name,
            slots,
            grace_over: CancellationToken::new(),
        });
        let running = TaskTracker::new();
        loop {
            let taken = async {
                let room = lists.clone().acquire_owned().await;
                (room, transport.receive().await)
            };
            let (room, delivery) = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                taken = taken => taken,
            };
            let Some(delivery) = delivery else { break };
            let shared = shared.clone();
            running.spawn(async move {
                list::run(&shared, delivery).await;
                drop(room);
            });
        }
        draining.cancel();
        drain(&shared, transport.as_ref(), running, settings.grace).await;
    }
}

async fn drain(shared: &Shared, transport: &dyn Transport, running: TaskTracker, grace: Duration) {
    /// Answers to what was not started still have to be confirmed.
    const LAST_WORDS: Duration = Duration::from_secs(3);

    transport.stop().await;
    running.close();
    tracing::info!(messages = running.len(), "draining");
    if tokio::time::timeout(grace, running.wait()).await.is_err() {
        shared.grace_over.cancel();
        if tokio::time::timeout(LAST_WORDS, running.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                messages = running.len(),
                "left unanswered; they will be delivered again"
            );
        }
    }
    // Acknowledgements of the last answers are on their way to the broker; closing sends them first.
    transport.close().await;
    tracing::info!("drained");
}
