//! The platform as real processes, killed and stopped under load; then all that is stored is judged.
//!
//! Two orchestrators, five workers, the payment provider, PostgreSQL and RabbitMQ, each a process of its own.
//! Customers book over HTTP and note what they were told. Faults come one after another in a seeded order. When
//! everything has come to rest, `impresario verify` compares what customers were told, the journals, the seats, the
//! provider's log and the books with each other. It trusts none of them.
//!
//! `KILL_ROUNDS` (1) rounds of faults by `KILL_CLIENTS` (24) customers; `KILL_SEED` makes a round's choices again;
//! `KILL_OUTAGE_SECONDS` (20) is how long the outages last of which nothing may be noticed. `KILL_RECORDS` names
//! records that a run has left behind, and only checks the checker on them. Short seeds, through links that can be
//! cut, are `chaos`: `CHAOS_SEEDS` (2) of them from `KILL_SEED` (1) on; `drill` restores a backup, `DRILL_SEEDS` (1) times.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod chance;
mod chaos;
mod client;
mod counters;
mod crowd;
mod customer;
mod diagnose;
mod drill;
mod failover;
mod faults;
mod history;
mod link;
mod load;
mod log;
mod members;
mod outage;
mod planted;
mod platform;
mod programs;
mod quiet;
mod records;
mod round;
mod sample;
mod servers;
mod support;
mod wires;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The machine is one: these tests run one after another.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the servers are to be had; a run of all tests may say that one is not (`docs/testing.md`).
fn servers_are_missing() -> bool {
    let without = std::env::var("IMPRESARIO_WITHOUT").unwrap_or_default();
    let missing = without
        .split(',')
        .any(|name| matches!(name.trim(), "postgres" | "rabbitmq"));
    if missing {
        eprintln!("SKIPPED: no Postgres or no RabbitMQ");
    }
    missing
}

fn number(variable: &str, otherwise: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is a number, not {text}")),
        Err(_) => otherwise,
    }
}

#[test]
fn whatever_is_killed_under_load_every_booking_ends_right() {
    if servers_are_missing() {
        return;
    }
    let _turn = alone();
    // Records that a run has left behind: is the checker able to judge them?
    if let Ok(records) = std::env::var("KILL_RECORDS") {
        return planted::each_is_found(std::path::Path::new(&records));
    }
    let first = number("KILL_SEED", chance::from_the_clock());
    let clients = usize::try_from(number("KILL_CLIENTS", 24)).unwrap();
    for round in 0..number("KILL_ROUNDS", 1) {
        round::run(first.wrapping_add(round), clients, round == 0);
    }
}

/// The same few seeds for everybody, a minute or two; `cargo xtask chaos` runs many more.
#[test]
fn chaos_of_every_seed_ends_right() {
    if servers_are_missing() {
        return;
    }
    let _turn = alone();
    chaos::run(number("KILL_SEED", 1), number("CHAOS_SEEDS", 2));
}

/// One seed for everybody; `DRILL_SEEDS` from `KILL_SEED` on are more.
#[test]
fn h15_a_restore_to_any_moment_leaves_no_charge_without_a_booking() {
    if servers_are_missing() {
        return;
    }
    let _turn = alone();
    let first = number("KILL_SEED", 1);
    for seed in first..first + number("DRILL_SEEDS", 1) {
        drill::run(seed);
    }
}

#[test]
fn h15_a_failover_to_a_synchronous_standby_loses_nothing() {
    if servers_are_missing() {
        return;
    }
    let _turn = alone();
    failover::run(number("KILL_SEED", chance::from_the_clock()));
}

/// A lane of its own: a node that was killed takes up to a minute to come back on a small machine, and five do.
#[test]
#[ignore = "minutes; cargo test --workspace --locked --test kill -- --ignored --nocapture h16_nodes"]
fn h16_nodes_of_the_broker_that_are_lost_take_nothing_with_them() {
    if servers_are_missing() {
        return;
    }
    let _turn = alone();
    members::run(number("KILL_SEED", chance::from_the_clock()));
}

#[test]
fn h23_pools_that_are_away_change_no_outcome() {
    if servers_are_missing() {
        return;
    }
    let _turn = alone();
    outage::pools_away(number("KILL_OUTAGE_SECONDS", 20));
}

#[test]
fn h13_a_partition_owner_that_is_stopped_changes_no_outcome() {
    if servers_are_missing() {
        return;
    }
    let _turn = alone();
    outage::owner_stopped(number("KILL_OUTAGE_SECONDS", 20));
}
