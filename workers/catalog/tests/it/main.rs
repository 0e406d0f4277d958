//! The catalogue against a real PostgreSQL (`DATABASE_URL`): holds, races, expiry, and what customers see.

mod fixture;
mod holds;
mod races;
mod rest;
