//! The private servers, tried for real: start, use, crash, restart, and nothing left behind.
//!
//! A server that is not installed skips its tests; `IMPRESARIO_WITHOUT` says so on purpose, and in CI a missing one
//! fails here, because then the rest of the suite would be skipped too.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod kafka;
mod orphan;
mod postgres;
mod rabbitmq;
mod redis;

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Whether a server can be tried here.
fn is_there(name: &str, installed: Option<PathBuf>) -> bool {
    if installed.is_some() {
        return true;
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{name} must be installed in CI"
    );
    println!("skipped: {name} is not installed");
    false
}

/// Waits for a condition, with a bound.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "it never came true that {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Alive, and no zombie. Linux only; elsewhere `kill -0` is as good as it gets.
fn is_alive(pid: u32) -> bool {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => !stat[stat.rfind(')').unwrap()..].starts_with(") Z"),
        Err(_) if cfg!(target_os = "linux") => false,
        Err(_) => std::process::Command::new("sh")
            .args(["-c", &format!("kill -0 {pid}")])
            .status()
            .unwrap()
            .success(),
    }
}
