//! Many short runs on the same servers: each seed draws its own few kinds of faults and makes them happen for a
//! while, through links that can be cut. Prints one line a seed. `cargo xtask chaos` asks for it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::crowd::CROWD;
use crate::faults::Swarm;
use crate::load::Crowd;
use crate::number;
use crate::platform::{Platform, Wiring};
use crate::records::Verdict;
use crate::round::under;
use crate::servers::Servers;

/// So many sagas at a time are enough for every path, and leave the machine something.
const CLIENTS: usize = 12;

/// A run of at least so many seeds is long: each mark must have been seen in it.
const LONG: u64 = 40;

/// The paths that a long run must have taken.
const MARKS: [&str; 13] = [
    "attempt repeated",
    "attempt sent again under its number",
    "step reconciled",
    "saga cancelled",
    "turn waited for the pivot",
    "late answer after the turn",
    "wait postponed",
    "undoing repeated",
    "compensation overtook its action",
    "compare-and-set lost",
    "answer of a commit lost",
    "outbox repeated by another replica",
    "task redelivered",
];

/// Runs `seeds` seeds from `first` on, or as many as fit into the minutes when those are given.
pub(crate) fn run(first: u64, seeds: u64) {
    let faults_for = Duration::from_secs(number("CHAOS_SECONDS", 12));
    let until = Duration::from_secs(60 * number("CHAOS_MINUTES", u64::MAX / 60));
    let began = Instant::now();
    let mut servers = Servers::start();
    let mut marks = BTreeMap::<&str, u64>::new();
    let mut done = 0;
    while done < seeds && began.elapsed() < until {
        let seed = first.wrapping_add(done);
        let verdict;
        (servers, verdict) = one(servers, seed, faults_for);
        for mark in MARKS {
            *marks.entry(mark).or_default() += verdict.mark(mark);
        }
        done += 1;
    }
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    println!("{done} seeds from {first} on in {minutes:.1} min: all hold; {marks:?}");
    let never: Vec<_> = marks.iter().filter(|(_, times)| **times == 0).collect();
    assert!(
        done < LONG || never.is_empty(),
        "never seen in {done} seeds: {never:?}"
    );
}

fn one(servers: Servers, seed: u64, faults_for: Duration) -> (Servers, Verdict) {
    let _told = Again(seed);
    let began = Instant::now();
    let mut chance = Chance::new(seed);
    let swarm = Swarm::new(&mut chance);
    let crowd = Crowd {
        clients: CLIENTS,
        cancelled: [0, 12, 40][chance.below(3)],
        contended: [0, 15, 80][chance.below(3)],
        ..CROWD
    };
    let mut platform = Platform::on(servers, &format!("chaos-{seed}"), Wiring::Linked);
    let verdict = under(&mut platform, crowd, seed, |run| {
        let until = Instant::now() + faults_for;
        while Instant::now() < until {
            let fault = swarm.next(&mut chance);
            run.suffer(fault, &mut chance);
        }
    });
    let count = |name| verdict.count(name);
    println!(
        "seed {seed}: {} sagas, {} faults, {} completed, {} undone: holds, {:.0} s",
        count("sagas"),
        count("faults"),
        count("completed"),
        count("compensated"),
        began.elapsed().as_secs_f64()
    );
    (platform.went_well(), verdict)
}

/// Tells how a seed that went wrong is run again.
struct Again(u64);

impl Drop for Again {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.0;
            println!("seed {seed}: FAILED; again with: cargo xtask chaos --seed {seed} --seeds 1");
        }
    }
}
