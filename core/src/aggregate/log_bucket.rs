//! Buckets whose width grows with the value: the mapping behind [`quantiles()`](super::quantiles()).
//!
//! DDSketch (Masson, Rim and Lee, PVLDB 12, 2019) numbers buckets by the logarithm of the value. The logarithm to base 2 is
//! nearly the exponent plus the cubic `P(s) = (6 s^3 - 21 s^2 + 50 s) / 35` of the fraction `s`, which agrees with it and its
//! slope at both ends of an octave (the cubically interpolated mapping of the same authors' sketches-java). There are as many
//! buckets in each octave, at most 1 % more than with the exact logarithm, and none of the arithmetic differs between processors.

/// Explicit bits of the fraction of an `f64`.
const FRACTION_BITS: u32 = 52;
const FRACTION_MASK: u64 = (1 << FRACTION_BITS) - 1;
const EXPONENT_BIAS: i32 = 1023;
const ONE_BITS: u64 = 0x3ff0_0000_0000_0000;

/// The most buckets per octave: 0.09 % error. Up to here the cubic is less than a bucket away from the logarithm.
pub(super) const PER_OCTAVE_MAX: usize = 400;

/// The bucket of a finite `value` of at least [`f64::MIN_POSITIVE`], with `per_octave` buckets from each power of two to the next.
pub(super) fn bucket_of(value: f64, per_octave: i32) -> i32 {
    let bits = value.to_bits();
    let exponent = (bits >> FRACTION_BITS) as i32 - EXPONENT_BIAS;
    let fraction = f64::from_bits((bits & FRACTION_MASK) | ONE_BITS) - 1.0;
    let within = (share_of_octave(fraction) * f64::from(per_octave)) as i32;
    exponent.saturating_mul(per_octave).saturating_add(within)
}

/// The value that stands for a bucket: at most 0.35 / `per_octave` of itself away from each value in the bucket.
pub(super) fn value_of(bucket: i32, per_octave: i32) -> f64 {
    let exponent = bucket.checked_div_euclid(per_octave).unwrap_or(0);
    let within = bucket.checked_rem_euclid(per_octave).unwrap_or(0);
    let bound = |index: i32| 1.0 + fraction_at(f64::from(index) / f64::from(per_octave));
    let (lower, upper) = (bound(within), bound(within.saturating_add(1)));
    // As near, relative to the value, to the one bound as to the other.
    let mantissa = 2.0 * lower * upper / (lower + upper);
    mantissa * power_of_two(exponent)
}

/// How far in its octave, from 0 to 1, a value with this fraction lies.
fn share_of_octave(fraction: f64) -> f64 {
    fraction * (50.0 - fraction * (21.0 - 6.0 * fraction)) / 35.0
}

/// The inverse of [`share_of_octave`], by Newton's method: its slope falls from 50/35 to 26/35, so that from the start at
/// `share` each step squares the error, and the fifth leaves none.
fn fraction_at(share: f64) -> f64 {
    (0..6).fold(share, |fraction, _| {
        let slope = (50.0 - fraction * (42.0 - 18.0 * fraction)) / 35.0;
        fraction - (share_of_octave(fraction) - share) / slope
    })
}

/// 2 to the power of `exponent`, which is brought into the range of normal numbers.
fn power_of_two(exponent: i32) -> f64 {
    let biased = exponent.clamp(1 - EXPONENT_BIAS, EXPONENT_BIAS).saturating_add(EXPONENT_BIAS);
    f64::from_bits(u64::from(biased.unsigned_abs()) << FRACTION_BITS)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::{bucket_of, fraction_at, share_of_octave, value_of};

    const PER_OCTAVE: [i32; 6] = [1, 2, 7, 18, 35, 400];

    #[test]
    fn every_value_is_near_that_of_its_bucket() {
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        for per_octave in PER_OCTAVE {
            // Half the relative width of a bucket, where an octave begins and the buckets are widest.
            let error = (0.35 / f64::from(per_octave)).tanh() * (1.0 + 1e-9) + 1e-15;
            for _ in 0..200_000 {
                bits ^= bits << 13;
                bits ^= bits >> 7;
                bits ^= bits << 17;
                let value = f64::from_bits(bits >> 1);
                if !value.is_normal() {
                    continue;
                }
                let near = value_of(bucket_of(value, per_octave), per_octave);
                assert!(
                    (near / value - 1.0).abs() <= error,
                    "{value:e} is answered by {near:e}, {per_octave} per octave"
                );
            }
        }
    }

    #[test]
    fn buckets_are_in_the_order_of_their_values() {
        for per_octave in PER_OCTAVE {
            let mut last = (f64::MIN_POSITIVE, bucket_of(f64::MIN_POSITIVE, per_octave));
            assert_eq!(last.1, -1022 * per_octave);
            for step in 1..400_000_u64 {
                let value = f64::from_bits(f64::MIN_POSITIVE.to_bits() + step * 23_000_000_000_000);
                if !value.is_finite() {
                    break;
                }
                let bucket = bucket_of(value, per_octave);
                assert!(bucket >= last.1, "{value:e} is in {bucket}, {:e} in {}", last.0, last.1);
                last = (value, bucket);
            }
            assert_eq!(bucket_of(f64::MAX, per_octave), 1024 * per_octave - 1);
        }
    }

    #[test]
    fn the_inverse_is_exact_to_the_last_digits() {
        for step in 0..=100_000 {
            let share = f64::from(step) / 100_000.0;
            let back = share_of_octave(fraction_at(share));
            assert!((back - share).abs() <= 4e-16, "{share} comes back as {back}");
        }
    }
}
