//! For tests of the SDK and of the pools: a database each, tasks by hand, a transport in memory.
//!
//! Behind the feature `testing`. Panics are right here: a test without its database must fail loudly.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a failing fixture fails its test"
)]

mod database;
mod memory;
mod tasks;

pub use database::TestDatabase;
pub use memory::MemoryTransport;
pub use tasks::{TestSaga, compensation, forward, message, reconcile};
