//! The REST API on a real engine and a real PostgreSQL, reached through `DATABASE_URL`.
//!
//! Every test has a database of its own, so they run side by side. The broker is one of the tests' own: it
//! answers tasks in process, as the request's contents ask for (`workers`). Most tests call the router; those
//! about connections call a served one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod bench;
mod commands;
mod definitions;
mod follow;
mod lists;
mod malformed;
mod migrations;
mod openapi;
mod orphans;
mod serving;
mod signals;
mod start;
mod workers;
