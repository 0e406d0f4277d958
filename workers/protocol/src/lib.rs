//! The messages between the engine and its workers: what a task asks and what a result answers.
//!
//! This crate knows serde and nothing else, so a worker never compiles the engine and the engine never
//! compiles a worker. The bodies are JSON and language neutral: `docs/protocol.md` describes them for
//! people who write workers in other languages. Golden files in `tests/golden` hold yesterday's bytes.
//!
//! Not here: AMQP (each side has its own transport), the barrier (the SDK), retries (the engine).

mod brokers;
mod effect_key;
mod queues;
mod result;
mod task;

pub use brokers::{BROKERS_MAX, Brokers, BrokersError};
pub use effect_key::{Direction, EffectKey, EffectKeyError};
pub use queues::{Queues, QueuesError};
pub use result::{Outcome, Probe, Problem, ResultMessage, TaskResult};
pub use task::{Operation, Task, TaskMessage, TaskRef};

/// Version of both message bodies. A reader refuses any other major version instead of guessing.
pub const PROTOCOL_VERSION: u16 = 1;

/// A task message holds at most this many tasks: past 128 the engine and its workers begin to take turns.
pub const TASKS_PER_MESSAGE_MAX: usize = 128;

/// A message body stays below this size: one fat message holds up every small one behind it.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// A step's output (and a compensation's) stays below this size, so that journals and messages stay small.
pub const OUTPUT_BYTES_MAX: usize = 256 * 1024;

/// The AMQP queue from which the workers of a pool take their task messages, with the usual prefix.
pub fn task_queue(pool: &str) -> String {
    Queues::default().tasks(pool)
}

/// The AMQP queue to which the results of the sagas of one partition go, with the usual prefix.
pub fn results_queue(partition: u16) -> String {
    Queues::default().results(partition)
}
