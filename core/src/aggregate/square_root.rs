//! The square root of an `f64`, which `core` does not offer without `std`.
//!
//! Worked out in integers: correctly rounded, hence the same bits on every processor, with or without a
//! floating-point unit, and no dependency for one function.

/// Explicit bits of the fraction of an `f64`.
const FRACTION_BITS: u32 = 52;
/// What is added to the exponent of a whole number of 53 bits to give the stored exponent.
const EXPONENT_BIAS: i32 = 1075;

/// The square root rounded to nearest; NaN for NaN and numbers below zero, and -0.0 for -0.0 (IEEE 754, 5.4.1 and 6.3).
///
/// A bounded number of steps, no loop of our own.
pub(super) fn square_root(value: f64) -> f64 {
    if value.is_nan() || value < 0.0 {
        return f64::NAN;
    }
    if value == 0.0 || value == f64::INFINITY {
        return value;
    }
    let (mantissa, exponent) = normalized(value);
    // Shifted by 54 or 55 so that the exponent left is even and the root has 54 bits: one more than fit, to round by.
    let shift = if exponent % 2 == 0 { 54 } else { 55 };
    let root = (u128::from(mantissa) << shift).isqrt() as u64;
    // No root lies halfway: an odd 54-bit root would have an odd square, and the shifted mantissa is even.
    let rounded = root.wrapping_add(1) >> 1;
    let biased = (exponent - shift) / 2 + 1 + EXPONENT_BIAS;
    // The leading bit of `rounded` adds the last 1 to the exponent.
    f64::from_bits(((biased - 1) as u64).wrapping_shl(FRACTION_BITS).wrapping_add(rounded))
}

/// A finite `value` above zero as `mantissa * 2^exponent`, the mantissa having 53 bits.
fn normalized(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    match (bits >> FRACTION_BITS) as i32 {
        0 => {
            let shift = fraction.leading_zeros().saturating_sub(63 - FRACTION_BITS);
            (fraction << shift, 1 - EXPONENT_BIAS - shift as i32)
        }
        exponent => (fraction | (1 << FRACTION_BITS), exponent - EXPONENT_BIAS),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::square_root;

    fn assert_same_as_std(value: f64) {
        let (ours, theirs) = (square_root(value), value.sqrt());
        assert!(
            ours.to_bits() == theirs.to_bits() || (ours.is_nan() && theirs.is_nan()),
            "square root of {value:e} ({:#018x}): {ours:e}, std says {theirs:e}",
            value.to_bits()
        );
    }

    #[test]
    fn special_values() {
        for value in [0.0, -0.0, 1.0, 2.0, 4.0, -1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            assert_same_as_std(value);
        }
        for value in [f64::MIN_POSITIVE, f64::MAX, f64::EPSILON, 5e-324, f64::from_bits((1 << 52) - 1)] {
            assert_same_as_std(value);
        }
    }

    #[test]
    fn every_power_of_two_and_its_neighbours() {
        for exponent in 0..2047_u64 {
            for fraction in [0, 1, 2, (1 << 52) - 1, (1 << 52) - 2, 1 << 51] {
                assert_same_as_std(f64::from_bits((exponent << 52) | fraction));
            }
        }
    }

    #[test]
    fn two_million_bit_patterns() {
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..1_000_000 {
            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            assert_same_as_std(f64::from_bits(bits));
            assert_same_as_std(f64::from_bits(bits >> 12));
        }
    }

    #[test]
    fn squares_and_their_neighbours() {
        for root in (1_u32..100_000).chain((u32::MAX - 1_000)..u32::MAX) {
            let bits = (f64::from(root) * f64::from(root)).to_bits();
            for neighbour in [bits - 1, bits, bits + 1] {
                assert_same_as_std(f64::from_bits(neighbour));
            }
        }
    }
}
