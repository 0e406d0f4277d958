//! Private servers as child processes: PostgreSQL, RabbitMQ and Redis from installed binaries, Kafka from its jars, and
//! our own programs.
//!
//! Used by `impresario dev`, by `cargo xtask` and by tests. Each server keeps everything it has below one folder,
//! listens on loopback only, and never touches a server that the machine runs for others.
//!
//! A server ends with the process that started it: `Drop` stops it, and when that process is killed before it can,
//! a guardian (see `guardian.rs`) stops it instead. What even the guardian missed is cleaned up by the next start,
//! from the record in the folder.
//!
//! Small on purpose: the standard library only, so that the build tool that depends on it compiles in seconds.

mod account;
mod background;
mod binaries;
mod claim;
mod daemon;
mod error;
mod folder;
mod guardian;
pub mod kafka;
mod log;
pub mod port;
pub mod postgres;
mod process;
mod program;
pub mod rabbitmq;
mod record;
pub mod redis;
pub mod shared;
mod supervisor;

pub use background::Starting;
pub use error::Error;
pub use folder::Folder;
pub use kafka::Kafka;
pub use postgres::Postgres;
pub use program::Program;
pub use rabbitmq::RabbitMq;
pub use redis::Redis;
