//! The pool `payment`: authorize, capture, void, refund, and requests for transfers at a payment provider, and the books
//! about it.
//!
//! The money is at somebody else's, so every step writes an intent before it calls and closes the key there
//! before it undoes ([`tasks`]). The provider is a port ([`Provider`]) with two adapters: the sandbox server of
//! this crate ([`sandbox`]) and a Stripe-shaped one. The [`ledger`] records what is known to have happened.

pub mod late;
pub mod ledger;
pub mod provider;
mod rest;
pub mod restored;
pub mod sandbox;
mod tasks;

pub use provider::Provider;
pub use rest::router;

use std::sync::Arc;
use std::time::Duration;

use impresario_worker_sdk::{
    Database, DatabaseError, DatabaseSettings, ExternalNames, Pool, PoolBuilder,
};
use tokio_util::sync::CancellationToken;

use crate::provider::requests::PaymentRequests;

/// The pool's name, and its schema's.
pub const POOL: &str = "payment";

/// Prepares connections to the pool's schema.
pub fn database(url: &str) -> Result<Database, DatabaseError> {
    Database::open(url, DatabaseSettings::new(POOL))
}

/// Creates or upgrades the pool's schema.
pub async fn migrate(database: &Database) -> Result<(), DatabaseError> {
    database.migrate(sqlx::migrate!("./migrations")).await
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
    let refund = ExternalNames {
        forward: "refund-charge",
        undo: "stop-refund",
        reconcile: "reconcile-refund",
    };
    let (first, second, third) = (provider.clone(), provider.clone(), provider.clone());
    let pool = Pool::with_database(POOL, database.clone())
        .external(authorize, tasks::Authorize { provider: first })
        .external(capture, tasks::Capture { provider: second })
        .external(refund, tasks::RefundCharge { provider: third });
    match provider.clone().requests() {
        Some(requests) => with_requests(pool, database, provider, requests).build(),
        None => pool.build(),
    }
}

/// The tasks of providers that customers can transfer money to.
fn with_requests(
    pool: PoolBuilder<Database>,
    database: &Database,
    provider: Arc<dyn Provider>,
    requests: Arc<dyn PaymentRequests>,
) -> PoolBuilder<Database> {
    let request = ExternalNames {
        forward: "request-payment",
        undo: "cancel-request",
        reconcile: "reconcile-request",
    };
    let collect = ExternalNames {
        forward: "collect-payment",
        undo: "return-payment",
        reconcile: "reconcile-payment",
    };
    let asks = tasks::RequestPayment {
        database: database.clone(),
        provider: provider.clone(),
        requests: requests.clone(),
    };
    pool.external(request, asks)
        .external(collect, tasks::CollectPayment { provider, requests })
}

/// Gives late money back until `shutdown`.
pub async fn run_late(
    database: Database,
    provider: Arc<dyn Provider>,
    every: Duration,
    shutdown: CancellationToken,
) {
    late::run(database, provider, every, shutdown).await;
}
