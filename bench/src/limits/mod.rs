//! What this machine, this Postgres and this broker can do at best, measured in the same run.
//!
//! No engine that keeps its promises on them is faster. Each limit is measured alone, with everything else idle.

mod disk;
mod inserts;
mod messages;

use std::time::Duration;

use serde::Serialize;

use crate::Outcome;
use crate::platform::Platform;

/// The limits, each a second.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Limits {
    /// `fdatasync` of 8 KiB appended, one after another, on the disk that Postgres writes to.
    pub(crate) syncs: f64,
    /// Rows inserted in transactions of 100 on one connection.
    pub(crate) rows_of_one: f64,
    /// Rows inserted in transactions of 1,000 on four connections.
    pub(crate) rows_of_four: f64,
    /// Persistent messages through a durable queue: confirmed, consumed, acknowledged.
    pub(crate) messages: f64,
}

/// Measures each for so long.
pub(crate) async fn measure(platform: &Platform, each: Duration) -> Outcome<Limits> {
    Ok(Limits {
        syncs: disk::syncs(&platform.folder(), each)?,
        rows_of_one: inserts::rows(&platform.database_url(), 1, 100, each).await?,
        rows_of_four: inserts::rows(&platform.database_url(), 4, 1000, each).await?,
        messages: messages::through(&platform.rabbitmq.url(), each).await?,
    })
}
