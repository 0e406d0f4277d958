//! What the wiring decides about RabbitMQ, and the bounds that it does not decide.
//!
//! Every wait, window and buffer of the broker part is bounded; the numbers stand here, once, each with its
//! reason. Defaults suit one broker in the same rack; only the wiring reads the environment.

use std::time::Duration;

use impresario_protocol::Queues;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Messages published and not yet confirmed. With lists of 8..128 tasks this is far more than a lane has in
/// flight; it only keeps a broker that stopped confirming from filling our memory.
pub(super) const IN_FLIGHT_MAX: usize = 2_048;

/// Calls of `publish` waiting for the publisher. A further caller waits, inside its own time limit.
pub(super) const PUBLISH_QUEUE: usize = 64;

/// Announcements and probes waiting to be sent. They are hints; when it is full the next one is dropped.
pub(super) const OUTGOING_QUEUE: usize = 256;

/// Longest wait for an answer to one broker request (declare, consume, cancel). Such an answer takes
/// milliseconds; past this the channel is taken for dead.
pub(super) const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// How often the depth of each pool's queue is looked at.
pub(super) const DEPTH_EVERY: Duration = Duration::from_millis(500);

/// A depth older than this is no knowledge any more: the pool is missing from the map.
pub(super) const DEPTH_STALE: Duration = Duration::from_secs(2);

/// How long a probe lives in a results queue. Nobody needs an older one, and while nobody reads they must
/// not pile up.
pub(super) const PROBE_LIFE: Duration = Duration::from_secs(10);

/// First and longest pause between attempts to connect.
pub(super) const BACKOFF_MIN: Duration = Duration::from_millis(50);
/// See [`BACKOFF_MIN`]. Five seconds bound what an outage costs after its end.
pub(super) const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Which kind of queue holds tasks and results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueKind {
    /// Durable on one node, 0.6 ms a hop: the default for a single broker.
    Classic,
    /// Replicated, 1.4 ms a hop: the default for a cluster.
    Quorum,
}

/// How to talk to RabbitMQ.
#[derive(Clone, Debug)]
pub struct Options {
    /// `amqp://user:password@host:port/vhost` (`amqps` for TLS); the nodes of a cluster separated by commas
    /// ([`Brokers`](impresario_protocol::Brokers)). Never logged.
    pub url: String,
    /// Shown in the broker's connection list, so that people see who is who.
    pub name: String,
    /// Names of queues and exchanges: the same for all engines and workers of one database, another for another.
    pub queues: Queues,
    /// Kind of the queues that are declared; an existing queue of the other kind is a conflict.
    pub queue_kind: QueueKind,
    /// Unacknowledged result *messages* (lists) per partition; also bounds what waits in memory.
    pub prefetch: u16,
    /// Longest wait for a publisher confirm, and so for [`publish`](crate::broker::Broker::publish).
    pub confirm_timeout: Duration,
    /// Longest wait for one attempt to connect.
    pub connect_timeout: Duration,
    /// AMQP heartbeat; a silent connection is given up after twice this.
    pub heartbeat: Duration,
    /// How often a queue that exists with other arguments is asked for again. It needs a human; every ten
    /// seconds notices the repair without filling the broker's log.
    pub conflict_retry: Duration,
    /// Cancelled to stop reading results (first step of a graceful stop). Acknowledging and publishing go on
    /// until [`Rabbit::close`](super::Rabbit::close).
    pub stop_reading: CancellationToken,
    /// Where announcements of other instances go; a full channel drops them. None: they are not read.
    pub announcements: Option<mpsc::Sender<Vec<u8>>>,
}

impl Options {
    /// Defaults for a broker at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Options {
            url: url.into(),
            name: "impresario".into(),
            queues: Queues::default(),
            queue_kind: QueueKind::Classic,
            prefetch: 64,
            confirm_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            heartbeat: Duration::from_secs(10),
            conflict_retry: Duration::from_secs(10),
            stop_reading: CancellationToken::new(),
            announcements: None,
        }
    }
}
