//! When an open loop starts its sagas: at a fixed rate, whatever becomes of the ones before.
//!
//! The plan is made of instants, not of pauses: a start that comes late delays no other, and what it was late by is
//! part of its latency. Whoever waits for an answer before asking again never sees the queue that it would have
//! stood in (coordinated omission).

use std::time::Duration;

/// Starts by number, at a fixed rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    per_second: f64,
}

impl Pace {
    pub(crate) fn new(per_second: f64) -> Self {
        Self { per_second }
    }

    /// When the saga of this number is to start, from the start of the loop.
    pub(crate) fn planned(self, number: u64) -> Duration {
        Duration::from_secs_f64(number as f64 / self.per_second)
    }
}

/// The latency of a saga that was planned for `planned` and answered at `answered`, both from the start of the loop.
pub(crate) fn latency(planned: Duration, answered: Duration) -> Duration {
    answered.saturating_sub(planned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_evenly_spread_and_do_not_drift() {
        let pace = Pace::new(900.0);
        assert_eq!(pace.planned(0), Duration::ZERO);
        assert_eq!(pace.planned(900), Duration::from_secs(1));
        assert_eq!(pace.planned(900 * 3600), Duration::from_secs(3600));
    }

    /// A server that stands still for a second, and one slot: each saga that could not start in that second is
    /// charged with its share of the wait.
    #[test]
    fn a_stall_is_charged_to_every_saga_that_was_planned_in_it() {
        let pace = Pace::new(10.0);
        let mut free = Duration::ZERO;
        let latencies: Vec<u128> = (0..12)
            .map(|number| {
                let planned = pace.planned(number);
                let takes = Duration::from_millis(if number == 0 { 1000 } else { 1 });
                free = free.max(planned) + takes;
                latency(planned, free).as_millis()
            })
            .collect();
        assert_eq!(
            latencies,
            [1000, 901, 802, 703, 604, 505, 406, 307, 208, 109, 10, 1]
        );
    }
}
