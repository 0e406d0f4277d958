//! Everything that can wake a lane: one closed enum, and the orders that come through the API.

use std::sync::Arc;

use impresario_workflows::SagaId;
use impresario_workflows::saga::{Input, Refusal, Status};
use tokio::sync::oneshot;

use crate::broker::Arrival;
use crate::store::definitions::Stored;

/// Something for the lane.
#[derive(Debug)]
pub enum Message {
    /// From the broker.
    Arrival(Arrival),
    /// Start a saga.
    Start(Box<StartOrder>),
    /// An operator's or customer's command.
    Command(Box<CommandOrder>),
    /// Sagas that the poller found due.
    Due(Vec<SagaId>),
    /// Open sagas whose tasks may be lost.
    Redispatch {
        /// The sagas.
        sagas: Vec<SagaId>,
        /// Only tasks of this pool.
        pool: Option<String>,
    },
    /// The partitions that this process leases now.
    Leased(Vec<u16>),
    /// The pools with tasks that have not reached their queue yet.
    Behind(Vec<String>),
}

/// A start, or a saga that the store has lost.
#[derive(Debug)]
pub struct StartOrder {
    /// Derived from tenant, definition and key.
    pub id: SagaId,
    /// Tenant.
    pub tenant: String,
    /// The definition that it will be pinned to.
    pub stored: Stored,
    /// Idempotency key.
    pub key: String,
    /// Hash of the canonical request body.
    pub body_hash: Vec<u8>,
    /// How it begins: [`Input::Start`], whose input has been checked, or [`Input::Found`].
    pub begin: Input,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<Started, StartError>>,
}

/// A start that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// The saga of this key.
    pub id: SagaId,
    /// Whether this request started it (or an earlier one with the same body).
    pub created: bool,
}

/// A start that did not happen.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StartError {
    /// The key belongs to a request with another body.
    #[error("the idempotency key belongs to a request with another body")]
    KeyReused,
    /// The database does not answer, or the process is stopping: nothing is known to be started; the same key
    /// may be used again.
    #[error("the engine cannot take starts at the moment")]
    Unavailable,
    /// The engine cannot store this start.
    #[error("the engine could not store this start: {0}")]
    Engine(String),
}

/// A command for one saga.
#[derive(Debug)]
pub struct CommandOrder {
    /// The saga.
    pub id: SagaId,
    /// A command of a person, a signal, or the undoing of a child.
    pub input: Input,
    /// The seq that the caller has seen, when it insists on it.
    pub if_seq: Option<i32>,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<CommandAnswer, CommandError>>,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandAnswer {
    /// Status afterwards.
    pub status: Status,
    /// Seq afterwards.
    pub seq: i32,
    /// Whether it changed anything.
    pub changed: bool,
}

/// Why a command was not followed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CommandError {
    /// No such saga.
    #[error("there is no saga {0}")]
    NotFound(SagaId),
    /// The saga moved on.
    #[error("the saga is at seq {now}, not {expected}")]
    Stale {
        /// What the caller had seen.
        expected: i32,
        /// What is.
        now: i32,
    },
    /// The heart refuses it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database does not answer, or the process is stopping.
    #[error("the engine cannot take commands at the moment")]
    Unavailable,
}

/// Where an input came from, and who waits for it.
#[derive(Debug)]
pub(super) enum Origin {
    /// One item of a delivered result message.
    Delivery(Arc<super::settle::Delivery>),
    /// A start.
    Start(Box<StartWait>),
    /// A command.
    Command(Box<CommandWait>),
    /// The clock, a redispatch, the engine itself: nobody waits.
    Engine,
}

/// The waiting half of a start.
#[derive(Debug)]
pub(super) struct StartWait {
    pub(super) tenant: String,
    pub(super) stored: Stored,
    pub(super) key: String,
    pub(super) body_hash: Vec<u8>,
    pub(super) reply: oneshot::Sender<Result<Started, StartError>>,
}

/// The waiting half of a command.
#[derive(Debug)]
pub(super) struct CommandWait {
    pub(super) if_seq: Option<i32>,
    pub(super) reply: oneshot::Sender<Result<CommandAnswer, CommandError>>,
}
