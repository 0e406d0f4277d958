//! Making the sales again: a new generation reads the feed from its beginning, and is served once it has caught up.
//!
//! The old one is served and kept up to date meanwhile. A rebuild that dies leaves a generation that nobody looks at;
//! the next one that succeeds removes it.

use std::time::Duration;

use impresario_worker_sdk::Database;

use crate::error::Error;
use crate::follow::{Feed, Reading};
use crate::store;

/// An event that Kafka has is read within this.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads everything again; says which generation is served now.
pub async fn rebuild(database: &Database, feed: &Feed) -> Result<i32, Error> {
    let generation = store::begin(database.pool()).await?;
    let mut reading = Reading::open(database, feed, generation).await?;
    // What is told while we read is read by whoever follows the new generation.
    let ends = reading.reader().ends().await?;
    while !reading.reader().has_reached(&ends) {
        let events = reading.some(PATIENCE).await?;
        if events.is_empty() {
            return Err(Error::Silent);
        }
        reading.count(database, events).await?;
    }
    store::serve(database, generation).await?;
    Ok(generation)
}
