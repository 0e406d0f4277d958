//! Latencies of one level, and their quantiles.

/// Microseconds, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latencies(Vec<u32>);

impl Latencies {
    pub(crate) fn new(mut micros: Vec<u32>) -> Self {
        micros.sort_unstable();
        Self(micros)
    }

    /// The smallest latency that so many of all do not exceed, in milliseconds: the nearest rank, so that it is one
    /// that was measured. Not a number when nothing was.
    pub(crate) fn quantile_ms(&self, quantile: f64) -> f64 {
        let rank = (quantile * self.0.len() as f64).ceil() as usize;
        self.0
            .get(rank.saturating_sub(1))
            .map_or(f64::NAN, |micros| f64::from(*micros) / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_nearest_rank() {
        let hundred = Latencies::new((1..=100).rev().map(|ms| ms * 1000).collect());
        let table = [
            (0.0, 1.0),
            (0.01, 1.0),
            (0.5, 50.0),
            (0.95, 95.0),
            (0.99, 99.0),
            (1.0, 100.0),
        ];
        for (quantile, expected) in table {
            let found = hundred.quantile_ms(quantile);
            assert!((found - expected).abs() < 1e-9, "{quantile}: {found}");
        }
    }

    #[test]
    fn few_latencies_show_their_worst_rather_than_hide_it() {
        let three = Latencies::new(vec![9000, 1000, 2000]);
        assert!((three.quantile_ms(0.5) - 2.0).abs() < 1e-9);
        assert!((three.quantile_ms(0.99) - 9.0).abs() < 1e-9);
        assert!(Latencies::default().quantile_ms(0.5).is_nan());
    }
}
