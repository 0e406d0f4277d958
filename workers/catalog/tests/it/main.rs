//! The catalogue against a real PostgreSQL (`DATABASE_URL`): holds, races, expiry, and what customers see.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod events;
mod fixture;
mod holds;
mod races;
mod rest;
mod waitlist;
