//! The primary is lost under load, and a standby that every commit waited for takes over at its address. The judge knows
//! what customers were told: none of it may be gone.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::crowd::CROWD;
use crate::load::Crowd;
use crate::platform::Platform;
use crate::round::under;

/// So many at a time: each commit waits for two disks of one machine.
const CROWD_OF_TWO_DISKS: Crowd = Crowd {
    clients: 12,
    ..CROWD
};

/// Bookings that must have completed for it to prove anything.
const COMPLETED_AT_LEAST: u64 = 10;

pub(crate) fn run(seed: u64) {
    let mut chance = Chance::new(seed);
    let mut platform = Platform::start("failover");
    let mut standby = platform.servers.postgres.synchronous_standby().unwrap();
    let mut away = Duration::ZERO;
    let verdict = under(&mut platform, CROWD_OF_TWO_DISKS, seed, |run| {
        sleep(chance.millis(2_000, 5_000));
        let lost = Instant::now();
        let primary = &mut run.platform.servers.postgres;
        standby.take_over(primary).unwrap();
        std::mem::swap(primary, &mut standby);
        run.must_recover("after the failover");
        away = lost.elapsed();
    });
    println!(
        "failover {seed}: RPO 0, RTO {:.1} s; {}",
        away.as_secs_f64(),
        verdict.summary()
    );
    assert!(verdict.count("completed") >= COMPLETED_AT_LEAST);
    drop(platform.went_well());
}
