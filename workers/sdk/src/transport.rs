//! What the runtime needs of a message transport, and nothing a particular broker knows.
//!
//! Two implementations: [`crate::amqp`] (RabbitMQ) and the in-process one of `impresario dev`. The transport
//! delivers at least once and may reorder; it never invents an acknowledgement. One transport serves one pool.
//!
//! Not here: retries (the engine), what is inside the bodies (the protocol crate).

use std::fmt;

use async_trait::async_trait;

/// One delivered task message.
#[derive(Debug)]
pub struct Delivery {
    /// The body: JSON of `impresario_protocol::TaskMessage`.
    pub body: Vec<u8>,
    /// Whether it may have been delivered before: its tasks may have run.
    pub redelivered: bool,
    /// The right to say that it is done with.
    pub receipt: Receipt,
}

/// The right to acknowledge one delivery. Dropped unused, the delivery comes again (when its channel ends).
pub struct Receipt(Option<Box<dyn FnOnce() + Send>>);

impl Receipt {
    /// A receipt that runs `acknowledge` when everything in the delivery has been answered. It must not
    /// block; for a channel that is gone it must do nothing.
    pub fn new(acknowledge: impl FnOnce() + Send + 'static) -> Self {
        Receipt(Some(Box::new(acknowledge)))
    }

    /// For transports that have nothing to acknowledge.
    pub fn none() -> Self {
        Receipt(None)
    }

    /// Every task of the delivery is answered, and the answers are confirmed as stored.
    pub fn acknowledge(self) {
        if let Some(acknowledge) = self.0 {
            acknowledge();
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receipt")
    }
}

/// Why a result message is not known to be stored. The runtime publishes it again.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PublishError {
    /// Returned by the broker: no such results queue (yet).
    #[error("results for partition {partition} were unroutable")]
    Unroutable {
        /// The partition.
        partition: u16,
    },
    /// Refused by the broker (nack).
    #[error("the broker refused results for partition {partition}")]
    Refused {
        /// The partition.
        partition: u16,
    },
    /// Connection trouble, or no confirm in time: it may or may not be there.
    #[error("results for partition {partition} are unconfirmed: {reason}")]
    Unconfirmed {
        /// The partition.
        partition: u16,
        /// What happened, for the log.
        reason: String,
    },
}

/// A pool's connection to its engine.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// The next task message; waits while there is none, also through lost connections. `None` after
    /// [`Transport::stop`]. Called by one task at a time; cancelling the wait loses nothing.
    async fn receive(&self) -> Option<Delivery>;

    /// Publishes one result message (JSON of `impresario_protocol::ResultMessage`) and returns once it is
    /// confirmed as stored, or why that is not known. Never waits without bound; safe to call concurrently.
    async fn publish(&self, partition: u16, body: &[u8]) -> Result<(), PublishError>;

    /// Takes no more deliveries: those not yet received go back to their queue. Publishing and acknowledging
    /// still work, so that running tasks can be answered.
    async fn stop(&self);

    /// Lets go of the connection; unacknowledged deliveries come again elsewhere.
    async fn close(&self);

    /// Whether tasks can arrive and results can leave at the moment (readiness).
    fn connected(&self) -> bool;
}
