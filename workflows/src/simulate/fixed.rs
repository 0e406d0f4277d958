//! Logarithm and exponential in fixed point: 32 bits behind the point, integers only.
//!
//! Two machines may disagree about the last bit of a floating-point `exp`. Here a last bit decides how long a task
//! takes and whether a saga ends before its deadline, so there are none.

/// One.
pub(crate) const ONE: u64 = 1 << 32;

/// The natural logarithm of two.
const LN_2: u64 = 2_977_044_472;

/// One over e.
const INVERSE_E: u64 = 1_580_030_169;

/// Minus the natural logarithm of `bits` / 2^64; zero counts as the smallest fraction.
pub(crate) fn minus_ln(bits: u64) -> u64 {
    let bits = bits.max(1);
    let zeros = bits.leading_zeros();
    // A number from 1 (included) to 2, its point before the last 63 bits.
    let mut mantissa = bits << zeros;
    let mut fraction = 0_u64;
    // Squaring doubles the logarithm: each time its next binary digit shows.
    for _ in 0..32 {
        let square = u128::from(mantissa) * u128::from(mantissa);
        fraction <<= 1;
        if square >> 127 == 1 {
            fraction |= 1;
            mantissa = (square >> 64) as u64;
        } else {
            mantissa = (square >> 63) as u64;
        }
    }
    let minus_log2 = (u64::from(zeros) + 1) * ONE - fraction;
    times(minus_log2, LN_2)
}

/// e to the power of minus `x`.
pub(crate) fn exp_minus(x: u64) -> u64 {
    let whole = x >> 32;
    // Smaller than the last bit.
    if whole > 22 {
        return 0;
    }
    let whole = (0..whole).fold(ONE, |power, _| times(power, INVERSE_E));
    times(whole, exp_minus_fraction(x & (ONE - 1)))
}

/// The series, for less than one: the sixteenth term is below the last bit.
fn exp_minus_fraction(x: u64) -> u64 {
    let (mut plus, mut minus, mut term) = (ONE, 0, ONE);
    for n in 1..16_u64 {
        term = times(term, x) / n;
        if n % 2 == 1 {
            minus += term;
        } else {
            plus += term;
        }
    }
    plus.saturating_sub(minus)
}

/// The product of two fixed-point numbers that is itself in range.
pub(crate) fn times(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 32) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: u64, wanted: f64) {
        let found = found as f64 / ONE as f64;
        assert!(
            (found - wanted).abs() < 1e-8 * wanted.max(1.0),
            "{found} and not {wanted}"
        );
    }

    #[test]
    fn the_logarithm_is_one() {
        for bits in [u64::MAX, 1 << 63, 1 << 62, 0xdead_beef_0000_0000, 12_345, 1] {
            near(minus_ln(bits), -(bits as f64 / 2.0_f64.powi(64)).ln());
        }
        assert_eq!(minus_ln(0), minus_ln(1));
    }

    #[test]
    fn the_exponential_is_one() {
        for x in [0.0, 0.001, 0.5, 0.999, 1.0, 2.5, 7.25, 21.0] {
            near(exp_minus((x * ONE as f64) as u64), (-x).exp());
        }
        assert_eq!(exp_minus(60 * ONE), 0);
    }
}
