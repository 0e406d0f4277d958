//! RabbitMQ as the engine's broker.
//!
//! Two links, each with its own connection and supervisor: `publish` (tasks and announcements out) and
//! `intake` (results, depths, announcements in). A lost connection or channel is replaced from scratch, for
//! ever. Nothing here is the truth: what is lost is repeated by the outbox and by timers, and the arrivals
//! `Interrupted`, `Reading` and `Lost` say when that may be needed.
//!
//! Stopping takes two steps: cancel [`Options::stop_reading`] (no new results), let the engine finish, then
//! [`Rabbit::close`] (acknowledgements and confirms get through, connections are closed).

mod ack_window;
mod acks;
mod announce;
mod connection;
mod consume;
mod decode;
mod envelope;
mod intake;
mod ledger;
mod options;
mod pools;
mod publish;
mod state;
mod topology;
mod visit;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use impresario_protocol::Queues;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{timeout, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Arrival, Broker, PoolDepth, PublishError, TaskList};
use announce::Outgoing;
pub use options::{Options, QueueKind};
pub use visit::{Signed, VisitError, visit};

/// The broker part could not be started. Trying again does not help.
#[derive(Debug, thiserror::Error)]
#[error("starting the RabbitMQ client: {0}")]
pub struct StartError(String);

/// A RabbitMQ broker, connected or connecting.
#[derive(Debug)]
pub struct Rabbit {
    queues: Queues,
    jobs: mpsc::Sender<publish::Job>,
    outgoing: mpsc::Sender<Outgoing>,
    partitions: watch::Sender<BTreeSet<u16>>,
    pools: watch::Sender<BTreeSet<String>>,
    present: watch::Receiver<BTreeSet<String>>,
    confirm_timeout: Duration,
    state: Arc<state::State>,
    closing: CancellationToken,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// Without [`close`](Rabbit::close) the links still end when the last user is gone.
    _on_drop: DropGuard,
}

impl Rabbit {
    /// Starts both links and returns at once, connected or not: an engine starts while its broker is away.
    /// [`connected`](Broker::connected) tells when publishing works. Must be called inside a Tokio runtime.
    /// Fails only when the URL cannot be read.
    pub fn connect(
        options: Options,
        arrivals: mpsc::Sender<Arrival>,
    ) -> Result<Rabbit, StartError> {
        let refuse = |error: connection::Error| StartError(error.chain());
        let to_publish = connection::Connector::new(&options, "publish").map_err(refuse)?;
        let to_read = connection::Connector::new(&options, "intake").map_err(refuse)?;
        let instance: Arc<str> = uuid::Uuid::new_v4().simple().to_string().into();
        let state = Arc::new(state::State::default());
        let closing = CancellationToken::new();
        let (jobs, jobs_in) = mpsc::channel(options::PUBLISH_QUEUE);
        let (outgoing, outgoing_in) = mpsc::channel(options::OUTGOING_QUEUE);
        let (unroutable, unroutable_in) = mpsc::channel(options::PUBLISH_QUEUE);
        // One is as good as many: it means all pools.
        let (lost, lost_in) = mpsc::channel(1);
        let (told, told_in) = mpsc::channel(options::PUBLISH_QUEUE);
        let (partitions, partitions_in) = watch::channel(BTreeSet::new());
        let (pools, pools_in) = watch::channel(BTreeSet::new());
        let (present_in, present) = watch::channel(BTreeSet::new());
        let publisher = publish::Publisher {
            connector: to_publish,
            instance: instance.clone(),
            queues: options.queues.clone(),
            jobs: jobs_in,
            outgoing: outgoing_in,
            unroutable,
            state: state.clone(),
            closing: closing.clone(),
        };
        let intake = intake::Intake {
            connector: to_read,
            instance: instance.clone(),
            queues: options.queues.clone(),
            reader: consume::Reader {
                instance,
                queues: options.queues.clone(),
                wanted: partitions_in,
                arrivals: arrivals.clone(),
                lost,
                prefetch: options.prefetch.max(1),
                kind: options.queue_kind,
                conflict_retry: options.conflict_retry,
                state: state.clone(),
                stop_reading: options.stop_reading,
                closing: closing.clone(),
            },
            pools: pools::Pools {
                queues: options.queues.clone(),
                wanted: pools_in,
                present: present_in,
                unroutable: unroutable_in,
                lost: lost_in,
                told: told_in,
                outgoing: outgoing.clone(),
                arrivals,
                kind: options.queue_kind,
                conflict_retry: options.conflict_retry,
                state: state.clone(),
                closing: closing.clone(),
                last_told: BTreeMap::new(),
            },
            listeners: announce::Listeners {
                committed: options.announcements,
                lost: told,
            },
            closing: closing.clone(),
        };
        let tasks = vec![tokio::spawn(publisher.run()), tokio::spawn(intake.run())];
        Ok(Rabbit {
            queues: options.queues,
            jobs,
            outgoing,
            partitions,
            pools,
            present,
            confirm_timeout: options.confirm_timeout,
            state,
            _on_drop: closing.clone().drop_guard(),
            closing,
            tasks: Mutex::new(tasks),
        })
    }

    /// Lets acknowledgements and confirms that are under way get through, closes both connections, and gives
    /// up after `grace`. Deliveries that were not acknowledged go to the next reader.
    pub async fn close(&self, grace: Duration) {
        self.closing.cancel();
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let until = tokio::time::Instant::now() + grace;
        for mut task in tasks {
            if timeout_at(until, &mut task).await.is_err() {
                tracing::warn!(?grace, "a broker link did not close in time; dropping it");
                task.abort();
            }
        }
    }
}

#[async_trait]
impl Broker for Rabbit {
    async fn publish(
        &self,
        lists: Vec<TaskList>,
        per_message: usize,
    ) -> Vec<Result<(), PublishError>> {
        let deadline = Instant::now() + self.confirm_timeout;
        let sent_at = crate::clock::now();
        let mut messages = Vec::new();
        let mut list_of = Vec::new();
        for (index, list) in lists.iter().enumerate() {
            for body in envelope::bodies(list.partition, &list.tasks, per_message, sent_at) {
                list_of.push(index);
                messages.push(publish::Message {
                    queue: self.queues.tasks(&list.pool),
                    reply_to: self.queues.results(list.partition),
                    body,
                });
            }
        }
        let pools: Vec<String> = lists.into_iter().map(|list| list.pool).collect();
        let (reply, answer) = oneshot::channel();
        let call = publish::Call {
            pools: pools.clone(),
            list_of,
            deadline,
            reply,
        };
        let answered = async {
            self.jobs.send(publish::Job { call, messages }).await.ok()?;
            answer.await.ok()
        };
        // The publisher answers at the deadline by itself, and better; this is for when it does not get to it.
        let backstop = tokio::time::Instant::from_std(deadline + Duration::from_millis(100));
        match timeout_at(backstop, answered).await {
            Ok(Some(answers)) => answers,
            Ok(None) => unconfirmed(pools, "the broker part is closed"),
            Err(_elapsed) => unconfirmed(pools, "not connected, or too many calls before this one"),
        }
    }

    async fn read_partitions(&self, partitions: Vec<u16>) {
        self.partitions
            .send_replace(partitions.into_iter().collect());
    }

    /// Adds to the watched pools, and returns when all these queues are there, or after the confirm timeout.
    async fn serve_pools(&self, pools: Vec<String>) {
        let pools: BTreeSet<String> = pools.into_iter().collect();
        self.pools.send_if_modified(|wanted| {
            let before = wanted.len();
            wanted.extend(pools.iter().cloned());
            wanted.len() > before
        });
        let mut present = self.present.clone();
        let all_there = present.wait_for(|present| present.is_superset(&pools));
        // Late or never: the watch goes on, and publishing is answered "unroutable" meanwhile.
        drop(timeout(self.confirm_timeout, all_there).await);
    }

    fn depths(&self) -> BTreeMap<String, PoolDepth> {
        self.state.depths()
    }

    fn connected(&self) -> bool {
        self.state.connected()
    }

    fn probe(&self, partition: u16, sent_at: u64) {
        // Dropped when the link is down or behind; the next one proves the same.
        drop(
            self.outgoing
                .try_send(Outgoing::Probe { partition, sent_at }),
        );
    }

    fn announce(&self, body: Vec<u8>) {
        // A hint: dropped when the link is down or behind.
        drop(self.outgoing.try_send(Outgoing::Committed(body)));
    }
}

fn unconfirmed(pools: Vec<String>, reason: &str) -> Vec<Result<(), PublishError>> {
    let one = |pool| {
        Err(PublishError::Unconfirmed {
            pool,
            reason: reason.to_owned(),
        })
    };
    pools.into_iter().map(one).collect()
}

/// Closes a connection politely, for as long as a request may take.
async fn close(connection: &lapin::Connection) {
    if connection.status().connected() {
        let closing = connection.close(200, "closing".into());
        if let Err(error) = connection::request(|| "closing the connection".into(), closing).await {
            tracing::debug!(error = %error.chain(), "the broker will notice by itself");
        }
    }
}
