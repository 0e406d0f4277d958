//! How long a task takes: a constant, an exponential, or quantiles with straight lines between them.
//!
//! Quantiles are what people know ("half under 20 ms, one in a hundred over a second") and what recordings give.

use super::fixed::{ONE, minus_ln, times};
use super::random::{Ppm, Random};
use crate::rehearse::Micros;

/// The distribution of a duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Latency {
    /// Always the same.
    Constant(Micros),
    /// Memoryless, with this mean: what queueing formulas assume.
    Exponential {
        /// The mean.
        mean: Micros,
    },
    /// Points (share of tasks, the duration that they stay under), rising in both, from 0 to a million.
    Quantiles(Vec<(Ppm, Micros)>),
}

/// Longest task or wait, so that sums stay far from overflowing: a week, as long as a saga is simulated.
pub(crate) const LONGEST: Micros = 7 * 86_400_000_000;

impl Latency {
    /// Draws one.
    pub(crate) fn draw(&self, random: &mut Random) -> Micros {
        match self {
            Latency::Constant(takes) => *takes,
            Latency::Exponential { mean } => exponential(*mean, random),
            Latency::Quantiles(points) => between(points, random.ppm()),
        }
    }
}

/// An exponential duration; also the time between arrivals that know nothing of each other.
pub(crate) fn exponential(mean: Micros, random: &mut Random) -> Micros {
    exponential_at(mean, random.next())
}

fn exponential_at(mean: Micros, bits: u64) -> Micros {
    // The mean may have more than 32 bits, the logarithm has at most 38: split it.
    let factor = minus_ln(bits);
    let whole = (factor / ONE).saturating_mul(mean);
    (whole + times(factor % ONE, mean)).min(LONGEST)
}

/// The duration at a share, on the line between the points around it.
fn between(points: &[(Ppm, Micros)], share: Ppm) -> Micros {
    let above = points.partition_point(|(point, _)| *point <= share);
    let Some(&(to, high)) = points.get(above) else {
        return points.last().map_or(0, |(_, takes)| *takes);
    };
    let Some(&(from, low)) = above.checked_sub(1).and_then(|below| points.get(below)) else {
        return high;
    };
    let (part, whole) = (u64::from(share - from), u64::from(to - from));
    low + (high - low) * part / whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_quantiles_there_are_straight_lines() {
        let points = [(0, 10), (500_000, 20), (1_000_000, 120)];
        assert_eq!(between(&points, 0), 10);
        assert_eq!(between(&points, 250_000), 15);
        assert_eq!(between(&points, 500_000), 20);
        assert_eq!(between(&points, 750_000), 70);
        assert_eq!(between(&points, 999_999), 119);
    }

    #[test]
    fn an_exponential_has_its_mean_and_its_median() {
        let latency = Latency::Exponential { mean: 20_000 };
        let mut random = Random::of(1, 1);
        let sum: u64 = (0..200_000).map(|_| latency.draw(&mut random)).sum();
        assert!(
            (19_800..20_200).contains(&(sum / 200_000)),
            "{}",
            sum / 200_000
        );
        let median = exponential_at(20_000, u64::MAX / 2);
        assert_eq!(median, 13_862);
    }
}
