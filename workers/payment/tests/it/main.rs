//! The payment pool against a real PostgreSQL (`DATABASE_URL`), the sandbox provider over real HTTP, and a
//! Stripe that is a fake server with a strict eye.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fixture;
mod payments;
mod refunds;
mod requests;
mod sandbox;
mod stripe;
mod trouble;
