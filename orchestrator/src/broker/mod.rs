//! What the engine needs of a message broker, and nothing a particular broker knows.
//!
//! Two implementations: [`rabbit`] (RabbitMQ) and the in-process one that `impresario dev` wires from the
//! worker SDK. The broker is treated as lossy: Postgres is the only truth, the outbox repeats what was not
//! confirmed, timers repeat what was not answered.
//!
//! Not here: which tasks to send (the lane), the outbox (the store), credit (the lane's release).

pub mod rabbit;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use impresario_protocol::TaskResult;
use tokio::sync::mpsc;

/// Tasks of one commit for one pool, all of one results partition. One outbox row; one or several messages.
#[derive(Clone, Debug)]
pub struct TaskList {
    /// The pool whose queue it goes to.
    pub pool: String,
    /// Results partition named in the messages.
    pub partition: u16,
    /// Each task encoded as JSON (`impresario_protocol::Task`).
    pub tasks: Vec<Bytes>,
}

/// Why a list did not get to its queue. The outbox row stays, so it will be tried again.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PublishError {
    /// Confirmed as returned: no such queue.
    #[error("tasks for pool {pool} were unroutable")]
    Unroutable {
        /// The pool.
        pool: String,
    },
    /// The broker refused the message (nack).
    #[error("the broker refused tasks for pool {pool}")]
    Refused {
        /// The pool.
        pool: String,
    },
    /// Connection trouble or no confirm in time: it may or may not be there.
    #[error("tasks for pool {pool} are unconfirmed: {reason}")]
    Unconfirmed {
        /// The pool.
        pool: String,
        /// What happened, for the log.
        reason: String,
    },
}

/// What a queue looked like at the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolDepth {
    /// Messages ready in the queue (lists, not tasks).
    pub messages: u64,
    /// Consumers attached.
    pub consumers: u64,
}

/// What the broker tells the engine.
#[derive(Debug)]
pub enum Arrival {
    /// One delivered result message.
    Results {
        /// The partition whose queue it came from.
        partition: u16,
        /// Its results, in order. May be empty when the body could not be read (logged by the broker part).
        results: Vec<TaskResult>,
        /// Acknowledge when all of them rest on commits.
        receipt: Receipt,
    },
    /// From now on this process reads the partition's results (first, or again after an interruption).
    Reading {
        /// The partition.
        partition: u16,
    },
    /// This process no longer reads the partition's results (connection lost, consumer cancelled).
    Interrupted {
        /// The partition.
        partition: u16,
    },
    /// A probe of this process came back through the partition's queue: everything that was in the queue before
    /// it was sent has been delivered to this process, in front of this.
    Probe {
        /// The partition.
        partition: u16,
        /// When it was sent (Unix milliseconds, this process's clock).
        sent_at: u64,
    },
    /// The broker lost what was in a task queue (it had to be declared anew): open attempts are sent again.
    Lost {
        /// The pool.
        pool: String,
    },
}

/// The right to acknowledge one delivery, on the channel generation that it came from (an acknowledgement
/// for an older channel is dropped: that delivery comes again anyway).
#[derive(Debug, Clone)]
pub struct Receipt {
    inner: Option<Arc<ReceiptInner>>,
}

#[derive(Debug)]
struct ReceiptInner {
    generation: u64,
    tag: u64,
    acks: mpsc::UnboundedSender<(u64, u64)>,
}

impl Receipt {
    /// A receipt whose acknowledgement goes to `acks` as (channel generation, delivery tag). The number of
    /// outstanding ones is bounded by the consumer's prefetch, hence the unbounded channel.
    pub fn new(generation: u64, tag: u64, acks: mpsc::UnboundedSender<(u64, u64)>) -> Self {
        Receipt {
            inner: Some(Arc::new(ReceiptInner {
                generation,
                tag,
                acks,
            })),
        }
    }

    /// For transports that have nothing to acknowledge.
    pub fn none() -> Self {
        Receipt { inner: None }
    }

    /// Everything in the delivery rests on a commit now.
    pub fn acknowledge(&self) {
        if let Some(inner) = &self.inner {
            // The receiver is gone only when its channel is: then the delivery comes again.
            inner.acks.send((inner.generation, inner.tag)).ok();
        }
    }
}

/// The engine's side of a broker. Arrivals come through the bounded channel given at construction; a full
/// channel holds deliveries back, and prefetch holds the broker back.
#[async_trait]
pub trait Broker: Send + Sync + 'static {
    /// Publishes each list (split into messages of at most `per_message` tasks and a bounded size) and returns,
    /// list by list, once it is confirmed as stored in its queue, or why not. Never waits without bound.
    async fn publish(
        &self,
        lists: Vec<TaskList>,
        per_message: usize,
    ) -> Vec<Result<(), PublishError>>;

    /// Reads the results of exactly these partitions from now on (consumers are added and cancelled).
    async fn read_partitions(&self, partitions: Vec<u16>);

    /// Makes sure that the queues of these pools exist and are watched.
    async fn serve_pools(&self, pools: Vec<String>);

    /// Depth of each watched pool at the last look, taken at least every 500 ms while connected; a pool that
    /// could not be looked at is missing.
    fn depths(&self) -> BTreeMap<String, PoolDepth>;

    /// Whether publishing can work at the moment (readiness, `/readyz`).
    fn connected(&self) -> bool;

    /// Sends a probe through the results queue of a partition; it comes back as [`Arrival::Probe`], behind every
    /// result that was in the queue before it. Best effort, never waits.
    fn probe(&self, partition: u16, sent_at: u64);

    /// Tells the other instances of the engine what was committed, to wake the clients that wait there. Best
    /// effort, never waits, may be lost; brokers with a single instance need not do anything.
    fn announce(&self, _body: Vec<u8>) {}
}
