//! The payment pool against a real PostgreSQL (`DATABASE_URL`), the sandbox provider over real HTTP, and a
//! Stripe that is a fake server with a strict eye.

mod fixture;
mod payments;
mod sandbox;
mod stripe;
mod trouble;
