//! What is wanted of a figure, and whether ours is good enough.
//!
//! A ratio is against the best setting of the yardstick, figure by figure: the strictest for us.

/// The peer that ratios are against: the fastest that we know.
pub(super) const YARDSTICK: &str = "Restate";

/// What is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Goal {
    /// Ours over the yardstick's.
    RatioAtLeast(f64),
    RatioAtMost(f64),
    /// Ours alone.
    AtLeast(f64),
    AtMost(f64),
    /// No goal: the figure is to be known.
    Known,
}

impl Goal {
    pub(super) fn shown(self) -> String {
        match self {
            Self::RatioAtLeast(bound) => format!(">= {bound} x {YARDSTICK}"),
            Self::RatioAtMost(bound) => format!("<= {bound} x {YARDSTICK}"),
            Self::AtLeast(bound) => format!(">= {bound}"),
            Self::AtMost(bound) => format!("<= {bound}"),
            Self::Known => "reported".to_owned(),
        }
    }

    /// Whether ours is good enough; against the best of the yardstick's figures.
    pub(super) fn judge(self, ours: f64, peers: impl Iterator<Item = f64>) -> String {
        let (ratio, reached) = match self {
            Self::RatioAtLeast(bound) => match peers.reduce(f64::max) {
                Some(best) => (Some(ours / best), ours / best >= bound),
                None => return "not measured".to_owned(),
            },
            Self::RatioAtMost(bound) => match peers.reduce(f64::min) {
                Some(best) => (Some(ours / best), ours / best <= bound),
                None => return "not measured".to_owned(),
            },
            Self::AtLeast(bound) => (None, ours >= bound),
            Self::AtMost(bound) => (None, ours <= bound),
            Self::Known => return String::new(),
        };
        let word = if reached { "yes" } else { "**no**" };
        ratio.map_or_else(|| word.to_owned(), |ratio| format!("{word}, {ratio:.2} x"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_against_the_best_setting() {
        let peers = || [1000.0, 2000.0].into_iter();
        assert_eq!(
            Goal::RatioAtLeast(5.0).judge(10_000.0, peers()),
            "yes, 5.00 x"
        );
        assert_eq!(
            Goal::RatioAtLeast(5.0).judge(9_000.0, peers()),
            "**no**, 4.50 x"
        );
        assert_eq!(Goal::RatioAtMost(0.5).judge(500.0, peers()), "yes, 0.50 x");
        assert_eq!(
            Goal::RatioAtMost(0.5).judge(501.0, peers()),
            "**no**, 0.50 x"
        );
        assert_eq!(
            Goal::RatioAtMost(0.5).judge(1.0, std::iter::empty()),
            "not measured"
        );
        assert_eq!(Goal::AtMost(0.0).judge(0.0, peers()), "yes");
    }
}
