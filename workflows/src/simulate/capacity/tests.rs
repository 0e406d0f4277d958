//! The formula against the queue that it describes: arrivals and durations that remember nothing, nothing else.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::super::latency::exponential;
use super::super::random::Random;
use super::erlang::Load;
use super::pool::{Job, Pool};
use crate::rehearse::{Fate, Micros, Task};
use crate::saga::Operation;

const TASKS: usize = 300_000;

fn job(takes: Micros) -> Job {
    let task = Task {
        item: None,
        child: false,
        unit: 0,
        step: 0,
        operation: Operation::Forward,
        generation: 1,
        attempt: 1,
        not_after: u64::MAX,
    };
    Job {
        saga: 0,
        pool: 0,
        task,
        fate: Fate::well(takes),
    }
}

/// Waits of tasks that come every `between` on average and take `takes` on average.
fn waits(workers: u32, between: Micros, takes: Micros) -> Vec<Micros> {
    let mut random = Random::of(11, u64::from(workers));
    let mut pool = Pool::of(workers);
    let mut ends: BinaryHeap<Reverse<Micros>> = BinaryHeap::new();
    let (mut waits, mut arrival) = (Vec::with_capacity(TASKS), 0);
    for _ in 0..TASKS {
        arrival += exponential(between, &mut random);
        while let Some(Reverse(end)) = next(&mut ends, arrival) {
            if let Some(taken) = pool.frees(end) {
                waits.push(taken.waited);
                ends.push(Reverse(end + taken.job.fate.takes));
            }
        }
        if let Some(taken) = pool.arrives(job(exponential(takes, &mut random)), arrival) {
            waits.push(taken.waited);
            ends.push(Reverse(arrival + taken.job.fate.takes));
        }
    }
    waits
}

#[test]
fn the_formula_is_what_the_queue_shows() {
    for (workers, busy_percent) in [(1, 50), (6, 67), (20, 75), (112, 90)] {
        let takes = 100_000;
        let between = takes * 100 / (u64::from(workers) * busy_percent);
        let mut seen = waits(workers, between, takes);
        let load = Load {
            per_megasecond: 1_000_000_000_000 / between,
            takes,
        };
        let formula = load.staffed(workers).unwrap();
        seen.sort_unstable();
        let mean = seen.iter().sum::<Micros>() / seen.len() as u64;
        let p95 = seen[seen.len() * 95 / 100];
        let near = |seen: u64, formula: u64| seen.abs_diff(formula) <= formula / 12 + 200;
        assert!(
            near(mean, formula.mean_wait()),
            "{workers}: {mean} and not {}",
            formula.mean_wait()
        );
        let by_formula = formula.wait_at(950_000);
        assert!(
            near(p95, by_formula),
            "{workers}: {p95} and not {by_formula}"
        );
    }
}

/// The next end, if it comes by `now`.
fn next(ends: &mut BinaryHeap<Reverse<Micros>>, now: Micros) -> Option<Reverse<Micros>> {
    let Reverse(end) = *ends.peek()?;
    if end <= now { ends.pop() } else { None }
}
