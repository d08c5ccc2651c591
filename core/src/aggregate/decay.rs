//! How much is left after a time, of what halves in each half-life.
//!
//! Only additions, multiplications and one division in a fixed order, hence the same bits on every processor.

use crate::Span;

const EXPONENT_BIAS: u64 = 1023;
/// Explicit bits of the fraction of an `f64`.
const FRACTION_BITS: u32 = 52;
/// Terms of the series: the last is 2 parts in 10^17.
const TERMS: usize = 17;

/// 1, 1/2, 1/3 ...
const RECIPROCALS: [f64; TERMS] = {
    let mut reciprocals = [0.0; TERMS];
    let mut left: &mut [f64] = &mut reciprocals;
    while let Some((last, before)) = left.split_last_mut() {
        *last = 1.0 / (before.len() + 1) as f64;
        left = before;
    }
    reciprocals
};

/// 2 to the power of -`elapsed` / `half_life`, to 4 parts in 10^16; [`f64::MIN_POSITIVE`] where it would be less or there is no half-life.
///
/// Never zero, so that an infinity stays one however long ago it was.
pub(super) fn decay(elapsed: Span, half_life: Span) -> f64 {
    let (elapsed, half_life) = (elapsed.as_micros().unsigned_abs(), half_life.as_micros().unsigned_abs());
    let (Some(halvings), Some(rest)) = (elapsed.checked_div(half_life), elapsed.checked_rem(half_life))
    else {
        return f64::MIN_POSITIVE;
    };
    let Some(exponent) = EXPONENT_BIAS.checked_sub(halvings).filter(|exponent| *exponent > 1) else {
        return f64::MIN_POSITIVE;
    };
    let power = -core::f64::consts::LN_2 * (rest as f64 / half_life as f64);
    f64::from_bits(exponent << FRACTION_BITS) * exponential(power)
}

/// e to the power of `x`, which is from -0.7 to 0, by its series.
fn exponential(x: f64) -> f64 {
    RECIPROCALS.iter().rev().fold(1.0, |sum, reciprocal| 1.0 + sum * x * reciprocal)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::decay;
    use crate::Span;

    #[test]
    fn as_std_to_the_last_digits() {
        for half_life in [1_u32, 2, 3, 7, 1000, 86_400_000] {
            for step in 0..20_000_u32 {
                let elapsed = Span::micros(step.wrapping_mul(step) % 4_000_000);
                let ours = decay(elapsed, Span::micros(half_life));
                let halvings = elapsed.as_micros() as f64 / f64::from(half_life);
                let theirs = (-halvings).exp2().max(f64::MIN_POSITIVE);
                assert!(
                    (ours / theirs - 1.0).abs() <= 2e-15 * halvings.max(1.0),
                    "{halvings} halvings: {ours:e}, {theirs:e}"
                );
            }
        }
    }

    #[test]
    fn bounds() {
        let second = Span::secs(1);
        assert_eq!(decay(Span::ZERO, second), 1.0);
        assert_eq!(decay(second, second), 0.5);
        assert_eq!(decay(Span::secs(1021), second), 4.0 * f64::MIN_POSITIVE * 0.5);
        assert_eq!(decay(Span::secs(1022), second), f64::MIN_POSITIVE);
        assert_eq!(decay(Span::MAX, Span::micros(1)), f64::MIN_POSITIVE);
        assert_eq!(decay(Span::ZERO, Span::MAX), 1.0);
        assert_eq!(decay(second, Span::ZERO), f64::MIN_POSITIVE);
    }
}
