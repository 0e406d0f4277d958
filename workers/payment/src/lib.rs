//! The pool `payment`: authorize, capture, void, refund at a payment provider, and the books about it.
//!
//! The money is at somebody else's, so every step writes an intent before it calls and closes the key there
//! before it undoes ([`tasks`]). The provider is a port ([`Provider`]) with two adapters: the sandbox server of
//! this crate ([`sandbox`]) and a Stripe-shaped one. The [`ledger`] records what is known to have happened.

pub mod ledger;
pub mod provider;
mod rest;
pub mod sandbox;
mod tasks;

pub use provider::Provider;
pub use rest::router;

use std::sync::Arc;

use impresario_worker_sdk::{Database, DatabaseError, DatabaseSettings, ExternalNames, Pool};

/// The pool's name, and its schema's.
pub const POOL: &str = "payment";

/// Prepares connections to the pool's schema.
pub fn database(url: &str) -> Result<Database, DatabaseError> {
    Database::open(url, DatabaseSettings::new(POOL))
}

/// Creates or upgrades the pool's schema.
pub async fn migrate(database: &Database) -> Result<(), DatabaseError> {
    database.migrate(&sqlx::migrate!("./migrations")).await
}

/// The pool's handlers. Call it inside a tokio runtime.
pub fn pool(database: &Database, provider: Arc<dyn Provider>) -> Pool {
    let authorize = ExternalNames {
        forward: "authorize",
        undo: "void",
        reconcile: "reconcile-authorization",
    };
    let capture = ExternalNames {
        forward: "capture",
        undo: "refund",
        reconcile: "reconcile-capture",
    };
    Pool::with_database(POOL, database.clone())
        .external(
            authorize,
            tasks::Authorize {
                provider: provider.clone(),
            },
        )
        .external(capture, tasks::Capture { provider })
        .build()
}
