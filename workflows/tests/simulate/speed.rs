//! How fast it is: a million booking sagas a minute on one core, or better.
//!
//! Optimized builds only (`cargo test --release --test simulate speed -- --nocapture`); what an unoptimized build
//! does in a minute says nothing.

use impresario_workflows::simulate::{Options, Profile, simulate};

use crate::fixture::shipped;

/// Enough for a steady figure.
const SAGAS: u64 = 100_000;

#[test]
fn a_million_bookings_a_minute() {
    if cfg!(debug_assertions) || !cfg!(target_os = "linux") {
        eprintln!("SKIPPED: not an optimized build on Linux");
        return;
    }
    let booking = shipped("booking");
    let profile = Profile::healthy(&booking);
    let options = Options {
        seed: 1,
        sagas: SAGAS,
        matrix_sagas: 0,
    };
    let begin = on_core();
    let report = simulate(&booking, &profile, options).unwrap();
    let seconds = on_core() - begin;
    let a_minute = SAGAS as f64 / seconds * 60.0;
    eprintln!(
        "{SAGAS} bookings in {seconds:.2} s of one core: {:.2} million a minute, {:.0} ns an input",
        a_minute / 1e6,
        seconds * 1e9 / report.inputs as f64
    );
    assert!(a_minute >= 1e6, "{a_minute:.0} a minute");
}

/// Seconds that this thread has been on a core: what others do on the machine is not measured.
fn on_core() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds: u64 = told.split_whitespace().next().unwrap().parse().unwrap();
    nanoseconds as f64 / 1e9
}
