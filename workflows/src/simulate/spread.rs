//! A spread of durations: the quantiles that people ask for, exact, by nearest rank.

use super::units::Span;
use crate::rehearse::Micros;

/// Quantiles of a set of durations; all zero when it is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Spread {
    /// Half are at most this.
    pub p50: Span,
    /// Nineteen of twenty.
    pub p95: Span,
    /// Ninety-nine of a hundred.
    pub p99: Span,
    /// The longest.
    pub max: Span,
}

impl Spread {
    /// Sorts them, and takes the quantiles.
    pub(crate) fn of(durations: &mut [Micros]) -> Spread {
        durations.sort_unstable();
        let at = |percent: usize| {
            let rank = (durations.len() * percent).div_ceil(100);
            Span(
                rank.checked_sub(1)
                    .and_then(|place| durations.get(place))
                    .copied()
                    .unwrap_or(0),
            )
        };
        Spread {
            p50: at(50),
            p95: at(95),
            p99: at(99),
            max: at(100),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_the_nearest_ones() {
        let mut durations: Vec<u64> = (1..=200).rev().collect();
        let spread = Spread::of(&mut durations);
        assert_eq!(
            [spread.p50.0, spread.p95.0, spread.p99.0, spread.max.0],
            [100, 190, 198, 200]
        );
        assert_eq!(
            Spread::of(&mut [7]),
            Spread {
                p50: Span(7),
                p95: Span(7),
                p99: Span(7),
                max: Span(7)
            }
        );
        assert_eq!(Spread::of(&mut []), Spread::default());
    }
}
