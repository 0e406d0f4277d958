//! Which traces are told: decided once, where a saga is started, and carried by its `traceparent` from then on.

use crate::{Context, TraceId};

/// Whom to ask, and how many of those that nobody has decided about are told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    /// Whether the caller's own decision holds. Where strangers call, it should not: they would decide what we pay for.
    pub parent_based: bool,
    /// The share of traces that are told, from 0 to 1.
    pub ratio: f64,
}

impl Sampler {
    /// Whether a trace is told that comes from this caller, if anybody had one. By its id: everybody with the same
    /// ratio comes to the same, and with a greater one to at least that.
    pub fn decides(&self, caller: Option<&Context>, trace: TraceId) -> bool {
        match caller {
            Some(caller) if self.parent_based => caller.sampled,
            Some(_) | None => self.takes(trace),
        }
    }

    fn takes(&self, trace: TraceId) -> bool {
        let mut chance = [0; 8];
        // The seven bytes that are drawn at random, by W3C's second level; in a saga's id they are a hash.
        chance[1..].copy_from_slice(&trace.0[9..]);
        let of_all = u64::from_be_bytes(chance) as f64 / (1_u64 << 56) as f64;
        of_all < self.ratio
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SpanId;

    fn traces() -> impl Iterator<Item = TraceId> {
        (0..10_000).map(|_| TraceId::of_saga(uuid::Uuid::new_v4()))
    }

    fn taken(ratio: f64) -> usize {
        let sampler = Sampler {
            parent_based: true,
            ratio,
        };
        traces().filter(|id| sampler.decides(None, *id)).count()
    }

    #[test]
    fn the_ratio_is_kept() {
        assert_eq!(taken(0.0), 0);
        assert_eq!(taken(1.0), 10_000);
        // Six deviations of 30.
        assert!((820..1_180).contains(&taken(0.1)));
    }

    #[test]
    fn a_caller_decides_only_where_callers_do() {
        let trace = TraceId([1; 16]);
        let caller = |sampled| Context {
            trace,
            span: SpanId([1; 8]),
            sampled,
        };
        let asks = Sampler {
            parent_based: true,
            ratio: 1.0,
        };
        assert!(!asks.decides(Some(&caller(false)), trace));
        let asks = Sampler { ratio: 0.0, ..asks };
        assert!(asks.decides(Some(&caller(true)), trace));
        assert!(!asks.decides(None, trace));
        let alone = Sampler {
            parent_based: false,
            ratio: 0.0,
        };
        assert!(!alone.decides(Some(&caller(true)), trace));
    }
}
