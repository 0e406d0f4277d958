//! Where events come from: rows that somebody wrote in the transaction of the fact.
//!
//! ```text
//! transaction: the fact + a row        the source's
//! next -> tell -> confirmed -> delivered       the publisher's, over and over
//! ```
//!
//! There is no cursor that something could be committed behind: what is there is what has not been delivered. A row
//! that belongs to the same key as an earlier one must come after it.

use async_trait::async_trait;

use crate::event::Event;

/// Why a source does not answer; it tries again by itself.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// A row of the source: what is forgotten at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// The row.
    pub id: i64,
    /// What it tells, in order.
    pub events: Vec<Event>,
}

/// What has not been delivered yet.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Behind {
    /// Rows, counted up to a bound.
    pub rows: i64,
    /// Seconds since the oldest was written; 0 without one.
    pub age: f64,
}

/// Rows to be told. Two publishers of one source at the same time are wasted work and nothing worse.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// The oldest rows, in their order; none when there are none, or when they are somebody else's to tell at the moment.
    async fn next(&self) -> Result<Vec<Parcel>, SourceError>;

    /// Forgets rows that Kafka has. Says how many of them were still there.
    async fn delivered(&self, rows: &[i64]) -> Result<u64, SourceError>;
}
