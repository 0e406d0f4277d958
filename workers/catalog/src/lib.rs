//! The pool `catalog`: events, seat maps, the holds that make a seat somebody's for a while, and who waits for one.
//!
//! A seat belongs to at most one hold, and a hold to one saga. Holds expire by themselves unless they are
//! pinned; the price of a booking is what the held seats cost, and nothing that a customer sends.
//!
//! Rows are always locked in one order (barrier, holds by id, seats by event and name), so that tasks that
//! want the same seats wait for each other and never deadlock.

mod model;
mod rest;
mod sampler;
mod seed;
mod sweeper;
mod tasks;

pub use rest::{Cache, CacheError, router};
pub use seed::{SeedOptions, seed};
pub use sweeper::sweep;

use std::time::Duration;

use impresario_worker_sdk::{Database, DatabaseError, DatabaseSettings, Pool};
use tokio_util::sync::CancellationToken;

/// The pool's name, and its schema's.
pub const POOL: &str = "catalog";

/// How the catalogue behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long a hold lasts when the task does not say.
    pub hold_for: Duration,
    /// How often expired holds are swept. Only the seat map waits for it: expired seats can be held at once.
    pub sweep_every: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            hold_for: Duration::from_secs(600),
            sweep_every: Duration::from_secs(5),
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
    Pool::with_database(POOL, database.clone())
        .batch(
            "hold-seats",
            tasks::HoldSeats {
                hold_for: config.hold_for,
            },
        )
        .compensation("release-seats", tasks::ReleaseSeats)
        .batch("pin-hold", tasks::PinHold)
        .batch("sell-seats", tasks::SellSeats)
        .reconcile("reconcile-hold")
        .transactional("free-seats", tasks::FreeSeats)
        .transactional("close-event", tasks::CloseEvent)
        .compensation("reopen-event", tasks::ReopenEvent)
        .transactional("sold-holds", tasks::SoldHolds)
        .transactional("cancel-event", tasks::CancelEvent)
        .transactional("waitlist-take", tasks::TakeFirst)
        .compensation("waitlist-return", tasks::ReturnEntry)
        .transactional("waitlist-close", tasks::CloseEntry)
        .build()
}

/// Counts seats for whoever asks, until `shutdown`.
pub async fn run_sampler(database: Database, shutdown: CancellationToken) {
    sampler::run(database, shutdown).await;
}

/// Sweeps expired holds until `shutdown`.
pub async fn run_sweeper(database: Database, config: Config, shutdown: CancellationToken) {
    sweeper::run(database, config.sweep_every, shutdown).await;
}
