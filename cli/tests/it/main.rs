//! The program as people run it: the real binary, real processes, a real Postgres.
//!
//! One file for each command. What a test starts ends with it; every wait has a bound and prints what it saw.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod backup;
mod definition;
mod demo;
mod dev;
mod dev_definitions;
mod doctor;
mod feed;
mod migrated;
mod program;
mod recorded;
mod rehearsal;
mod roles;
mod verify;
