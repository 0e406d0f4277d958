//! Postgres: the only truth. Each file is one table (or one statement) and its SQL.
//!
//! The hot path is one statement ([`commit`]) on a connection of its own; everything else goes through a
//! small pool. Statements run in tasks that are never cancelled half-way: a future dropped in the middle
//! would leave a connection in an unknown state.
//!
//! Not here: what a saga means (`workflows`), the broker, the lanes.

pub mod audit;
pub mod commit;
pub mod database;
pub mod days;
pub mod definitions;
pub mod epoch;
pub(crate) mod error;
pub mod feed;
pub mod heads;
pub mod keys;
pub mod leases;
pub mod listing;
pub mod orphans;
pub mod outbox;
pub mod retention;
pub mod row;
pub mod sagas;
pub mod timers;
pub mod vitals;
pub mod whereabouts;

pub use database::{Database, Options, SCHEMA};
pub use error::Error;
