//! Sales by event: bookings, revenue, seats left. A reading of the feed, for those who count.
//!
//! It is told nothing but the feed, and can be made again from it at any time: [`rebuild`] reads from the beginning into a
//! generation of its own while the old one is served, and takes its place when it has caught up. What has been read, how
//! far, and what came of it are written in one transaction, so nothing is counted twice or left out, whoever dies.
//!
//! Not here: anything that decides. The numbers are as old as the feed.

mod error;
mod follow;
mod meaning;
mod rebuild;
mod rest;
mod store;

pub use error::Error;
pub use follow::{Feed, follow};
pub use rebuild::rebuild;
pub use rest::router;
pub use store::{Row, Sales};

use impresario_worker_sdk::{Database, DatabaseError, DatabaseSettings};

/// The schema's name.
pub const SCHEMA: &str = "sales";

/// What is served now; nothing before the first reading.
pub async fn sales(database: &Database) -> Result<Option<Sales>, Error> {
    store::sales(database.pool()).await
}

/// Prepares connections to the schema.
pub fn database(url: &str) -> Result<Database, DatabaseError> {
    Database::open(url, DatabaseSettings::new(SCHEMA))
}

/// Creates or upgrades the schema.
pub async fn migrate(database: &Database) -> Result<(), DatabaseError> {
    database
        .migrate_without_barrier(sqlx::migrate!("./migrations"))
        .await
}
