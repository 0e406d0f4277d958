//! The pool `notification`: tells others what happened, by signed webhooks.
//!
//! The task only writes a delivery, in the barrier's transaction, so a message is promised once. A deliverer
//! posts what is pending, with bounded retries; receivers drop repetitions by the delivery's id.

mod announcement;
mod deliverer;
mod signature;

pub use signature::{Secret, SecretError};

use std::time::Duration;

use impresario_worker_sdk::{Database, DatabaseError, DatabaseSettings, Pool};
use tokio_util::sync::CancellationToken;

/// The pool's name, and its schema's.
pub const POOL: &str = "notification";

/// Where webhooks go and how they are signed.
#[derive(Clone, Debug)]
pub struct Config {
    /// The receiver; without one deliveries are only stored. `https` outside of tests.
    pub url: Option<String>,
    /// Shared with the receiver.
    pub secret: Secret,
    /// Attempts at most; then the delivery is `failed` and stays for a person.
    pub attempts_max: i32,
    /// Pause before the second attempt; it doubles with each further one.
    pub retry_first: Duration,
}

impl Config {
    /// Deliveries are signed and stored, and go nowhere.
    pub fn stored_only(secret: Secret) -> Self {
        Config {
            url: None,
            secret,
            attempts_max: 8,
            retry_first: Duration::from_secs(5),
        }
    }
}

/// Prepares connections to the pool's schema.
pub fn database(url: &str) -> Result<Database, DatabaseError> {
    Database::open(url, DatabaseSettings::new(POOL))
}

/// Creates or upgrades the pool's schema.
pub async fn migrate(database: &Database) -> Result<(), DatabaseError> {
    database.migrate(sqlx::migrate!("./migrations")).await
}

/// The pool's handlers. Call it inside a tokio runtime.
pub fn pool(database: &Database, config: &Config) -> Pool {
    let pool = Pool::with_database(POOL, database.clone());
    announcement::KINDS
        .iter()
        .fold(pool, |pool, kind| {
            let handler = announcement::Announcement {
                kind,
                secret: config.secret.clone(),
                deliver: config.url.is_some(),
            };
            pool.batch(kind.task, handler)
        })
        .reconcile("reconcile-delivery")
        .build()
}

/// Posts pending deliveries until `shutdown`; returns at once when there is nowhere to post to.
pub async fn run_deliverer(database: Database, config: Config, shutdown: CancellationToken) {
    deliverer::run(database, config, shutdown).await;
}
