//! Chance from a seed: splitmix64, the same on every machine.
//!
//! Each saga has a stream of its own, made from the seed and its number. So what happens to one saga does not
//! depend on how many chances another one used, and any of them can be told again by itself.

/// Parts per million: how shares are written where they decide something.
pub(crate) type Ppm = u32;

/// All of it.
pub(crate) const MILLION: Ppm = 1_000_000;

/// A stream of chances.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The stream of one saga.
    pub(crate) fn of(seed: u64, number: u64) -> Random {
        let mut stream = Random { state: seed };
        // Two draws apart: neighbouring numbers would otherwise begin in neighbouring places.
        stream.state = stream.next().wrapping_add(number);
        stream.state = stream.next();
        stream
    }

    /// 64 even bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, by multiplication: its unevenness is below one in 2^32 for the bounds used here.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A share, for comparing with one.
    pub(crate) fn ppm(&mut self) -> Ppm {
        self.below(u64::from(MILLION)) as Ppm
    }

    /// The chance in a backoff: 0..=1000.
    pub(crate) fn permille(&mut self) -> u16 {
        self.below(1001) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_published_one() {
        // The first values of splitmix64 from 1234567, as its authors give them.
        let mut stream = Random { state: 1_234_567 };
        let drawn = [stream.next(), stream.next(), stream.next()];
        let published = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!(drawn, published);
    }

    #[test]
    fn shares_are_even() {
        let mut stream = Random::of(7, 0);
        let below_a_tenth = (0..100_000).filter(|_| stream.ppm() < 100_000).count();
        assert!((9_700..10_300).contains(&below_a_tenth), "{below_a_tenth}");
        assert!((0..100_000).all(|_| stream.permille() <= 1000));
    }
}
