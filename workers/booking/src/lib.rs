//! The pool `booking`: the confirmation of a paid booking, with a ticket for each seat, and its end in a refund.
//!
//! It is the record that the customer has bought something; the catalogue knows who holds which seat, the
//! payment pool what was charged. A seat of an event has one live ticket at most, by an index of its own.

mod code;
mod confirm;
mod list_bookings;
mod record_refund;
mod rest;
mod void_tickets;

pub use rest::router;

use impresario_worker_sdk::{Database, DatabaseError, DatabaseSettings, Pool};

/// The pool's name, and its schema's.
pub const POOL: &str = "booking";

/// Prepares connections to the pool's schema.
pub fn database(url: &str) -> Result<Database, DatabaseError> {
    Database::open(url, DatabaseSettings::new(POOL))
}

/// Creates or upgrades the pool's schema.
pub async fn migrate(database: &Database) -> Result<(), DatabaseError> {
    database.migrate(sqlx::migrate!("./migrations")).await
}

/// The pool's handlers. Call it inside a tokio runtime.
pub fn pool(database: &Database) -> Pool {
    Pool::with_database(POOL, database.clone())
        .batch("confirm", confirm::Confirm)
        .compensation("cancel-booking", confirm::CancelBooking)
        .reconcile("reconcile-booking")
        .transactional("void-tickets", void_tickets::VoidTickets)
        .compensation("restore-tickets", void_tickets::RestoreTickets)
        .transactional("record-refund", record_refund::RecordRefund)
        .transactional("list-bookings", list_bookings::ListBookings)
        .build()
}
