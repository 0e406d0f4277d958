//! The worker's side of Impresario: take tasks, do them at most once, answer each by itself.
//!
//! A process opens a [`Database`] (its own schema), builds a [`Pool`] of handlers by task name, and gives it
//! to a [`Worker`] together with a [`Transport`]. The kind of handler decides who keeps the promise "once":
//! [`Transactional`] and [`Batch`] handlers work inside the barrier's own transaction, [`External`] ones write
//! an intent before they call out, [`Free`] ones have no effect that matters.
//!
//! Not here: retries and timeouts that end an attempt (the engine owns them), message bodies (the protocol
//! crate), what a pool does (its own crate). The SDK never compiles the engine.

pub mod amqp;
mod answer;
mod barrier;
mod context;
mod current;
mod database;
pub mod echo;
mod execute;
mod handler;
mod pool;
mod runtime;
mod spans;
mod starts;
pub mod telling;
#[cfg(feature = "testing")]
pub mod testing;
mod transport;

pub use answer::{Closing, HandlerError, Undo, Verdict};
pub use barrier::adopt;
pub use barrier::{Barrier, BarrierError, EffectRecord, EffectState, ForwardEffect};
pub use context::TaskContext;
pub use current::{current_task, traceparent};
pub use database::{Database, DatabaseError, DatabaseSettings};
pub use handler::{Batch, BatchItem, Compensation, External, Free, Happened, Transactional};
pub use pool::{ExternalNames, Pool, PoolBuilder};
pub use runtime::{Watch, Worker, WorkerSettings};
pub use transport::{Delivery, PublishError, Receipt, Transport};
