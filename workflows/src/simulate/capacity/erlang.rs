//! Erlang's formula for M/M/c, in fixed point: how long tasks wait for one of `c` workers.
//!
//! The offered load `a` is the number of workers that are busy on average. Blocking is computed by the usual
//! recursion over the number of workers, B(c) = a B(c-1) / (c + a B(c-1)), which is stable however many there are;
//! the chance to wait follows as C = c B / (c - a + a B), and waits are exponential from there.

use super::super::fixed::{ONE, exp_minus, minus_ln};
use super::super::random::{MILLION, Ppm};
use crate::rehearse::Micros;

/// More workers are not planned for one pool.
pub(crate) const WORKERS_MAX: u32 = 100_000;

/// Bits behind the point of the blocking probability.
const BLOCKING_BITS: u32 = 60;

/// A pool under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    /// Tasks in a million seconds.
    pub(crate) per_megasecond: u64,
    /// Mean duration of a task.
    pub(crate) takes: Micros,
}

/// A pool under load with so many workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Staffed {
    workers: u32,
    takes: Micros,
    /// Workers beyond the load, with 32 bits behind the point.
    spare: u64,
    /// Share of tasks that wait at all, with 32 bits behind the point.
    waiting: u64,
}

impl Load {
    /// So many times the tasks.
    pub(crate) fn times(self, factor: u32) -> Load {
        Load {
            per_megasecond: self.per_megasecond.saturating_mul(u64::from(factor)),
            takes: self.takes,
        }
    }

    /// Workers that are busy on average, with 32 bits behind the point.
    fn offered(self) -> u64 {
        let busy = u128::from(self.per_megasecond) * u128::from(self.takes) * u128::from(ONE);
        u64::try_from(busy / 1_000_000_000_000).unwrap_or(u64::MAX)
    }

    /// Workers that are busy on average, in thousandths.
    pub(crate) fn offered_milli(self) -> u64 {
        ((u128::from(self.offered()) * 1000) >> 32) as u64
    }

    /// Staffs the pool with one worker more than its load, with two more, and so on.
    fn staffings(self) -> impl Iterator<Item = Staffed> {
        let offered = self.offered();
        let mut blocking = 1_u128 << BLOCKING_BITS;
        (1..=WORKERS_MAX).filter_map(move |workers| {
            // 92 bits behind the point; the quotient has those of the blocking again.
            let product = u128::from(offered) * blocking;
            blocking = product / ((u128::from(workers) << 32) + (product >> BLOCKING_BITS));
            let all = u64::from(workers) << 32;
            let spare = all.checked_sub(offered).filter(|spare| *spare > 0)?;
            let blocked = (u128::from(offered) * blocking) >> BLOCKING_BITS;
            let waiting = ((u128::from(workers) * blocking) << 4) / (u128::from(spare) + blocked);
            Some(Staffed {
                workers,
                takes: self.takes,
                spare,
                waiting: u64::try_from(waiting).unwrap_or(ONE).min(ONE),
            })
        })
    }

    /// With exactly so many workers, if they are more than the load.
    pub(crate) fn staffed(self, workers: u32) -> Option<Staffed> {
        self.staffings().find(|staffed| staffed.workers == workers)
    }

    /// With as few workers as keep `share` of the tasks from waiting longer than `target`.
    pub(crate) fn fewest(self, target: Micros, share: Ppm) -> Option<Staffed> {
        let late = u64::from(MILLION - share) * ONE / u64::from(MILLION);
        self.staffings()
            .find(|staffed| staffed.longer_than(target) <= late)
    }
}

impl Staffed {
    pub(crate) fn workers(self) -> u32 {
        self.workers
    }

    /// Share of tasks that wait longer than `wait`, with 32 bits behind the point.
    fn longer_than(self, wait: Micros) -> u64 {
        let shrinks = u128::from(self.spare) * u128::from(wait) / u128::from(self.takes.max(1));
        let left = exp_minus(u64::try_from(shrinks).unwrap_or(u64::MAX));
        ((u128::from(self.waiting) * u128::from(left)) >> 32) as u64
    }

    /// Mean wait over all tasks, those that do not wait included.
    pub(crate) fn mean_wait(self) -> Micros {
        let mean =
            u128::from(self.waiting) * u128::from(self.takes) / u128::from(self.spare.max(1));
        u64::try_from(mean).unwrap_or(u64::MAX)
    }

    /// The wait that `share` of the tasks stay under.
    pub(crate) fn wait_at(self, share: Ppm) -> Micros {
        let late = u64::from(MILLION - share) * ONE / u64::from(MILLION);
        if self.waiting <= late {
            return 0;
        }
        let logarithm =
            |part: u64| minus_ln(u64::try_from(u128::from(part) << 32).unwrap_or(u64::MAX));
        let grown = u128::from(logarithm(late).saturating_sub(logarithm(self.waiting)));
        let wait = grown * u128::from(self.takes) / u128::from(self.spare.max(1));
        u64::try_from(wait).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many busy workers, with tasks of 100 ms.
    fn busy(workers_tenths: u64) -> Load {
        Load {
            per_megasecond: workers_tenths * 1_000_000,
            takes: 100_000,
        }
    }

    /// Share of tasks that wait, computed elsewhere in exact fractions.
    #[test]
    fn the_chance_to_wait_is_erlangs() {
        for (tenths, workers, exact) in [
            (5, 1, 0.5),
            (10, 2, 1.0 / 3.0),
            (20, 3, 4.0 / 9.0),
            (50, 6, 0.587_516_451),
            (80, 10, 0.409_180_151),
            (1_000, 110, 0.237_007_500),
            (9_000, 920, 0.394_994_759),
        ] {
            let waiting = busy(tenths).staffed(workers).unwrap().waiting as f64 / ONE as f64;
            assert!(
                (waiting - exact).abs() < 0.000_000_01,
                "{tenths}/{workers}: {waiting}"
            );
        }
    }

    #[test]
    fn waits_are_those_of_the_formula() {
        // M/M/1, half busy: mean wait = service time; nine of ten wait at most S/(1-a) ln(0.5/0.1).
        let half = busy(5).staffed(1).unwrap();
        assert_eq!(half.mean_wait(), 100_000);
        let wanted = (200_000.0 * 5.0_f64.ln()) as u64;
        assert!(
            half.wait_at(900_000).abs_diff(wanted) <= 1,
            "{}",
            half.wait_at(900_000)
        );
        assert_eq!(half.wait_at(400_000), 0);
    }

    #[test]
    fn the_fewest_workers_keep_the_target_and_one_less_does_not() {
        for tenths in [1, 5, 31, 250, 9_000] {
            let load = busy(tenths);
            let fewest = load.fewest(50_000, 950_000).unwrap();
            assert!(fewest.wait_at(950_000) <= 50_000, "{tenths}");
            let fewer = load.staffed(fewest.workers() - 1);
            assert!(
                fewer.is_none_or(|fewer| fewer.wait_at(950_000) > 50_000),
                "{tenths}"
            );
        }
        assert_eq!(busy(20_000_000).fewest(0, 500_000), None);
        assert_eq!(
            Load {
                per_megasecond: 0,
                takes: 0
            }
            .fewest(0, 990_000)
            .unwrap()
            .workers(),
            1
        );
    }
}
