//! The natural logarithm of an `f64`, which `core` does not offer without `std`.
//!
//! Only additions, multiplications and divisions in a fixed order, hence the same bits on every processor.

/// Explicit bits of the fraction of an `f64`.
const FRACTION_BITS: u32 = 52;
const FRACTION_MASK: u64 = (1 << FRACTION_BITS) - 1;
const EXPONENT_BIAS: i64 = 1023;
const ONE_BITS: u64 = 0x3ff0_0000_0000_0000;

/// The natural logarithm of a finite `value` of at least [`f64::MIN_POSITIVE`], to 2 parts in 10^16 of the greater of itself and 1.
pub(super) fn natural_logarithm(value: f64) -> f64 {
    let bits = value.to_bits();
    let exponent = (bits >> FRACTION_BITS) as i64 - EXPONENT_BIAS;
    let mantissa = f64::from_bits((bits & FRACTION_MASK) | ONE_BITS);
    // Around 1, from 0.71 to 1.41, so that the series is short.
    let (mantissa, exponent) = if mantissa > core::f64::consts::SQRT_2 {
        (mantissa / 2.0, exponent.saturating_add(1))
    } else {
        (mantissa, exponent)
    };
    exponent as f64 * core::f64::consts::LN_2 + around_one(mantissa)
}

/// ln x = 2 artanh((x - 1) / (x + 1)): with |z| below 0.172 the eleventh odd power is the last that counts.
fn around_one(value: f64) -> f64 {
    let z = (value - 1.0) / (value + 1.0);
    let square = z * z;
    let odd = [23.0, 21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0];
    2.0 * z * odd.into_iter().fold(0.0, |sum, n| sum * square + 1.0 / n)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::natural_logarithm;

    #[test]
    fn as_std_to_the_last_digits() {
        let shares = (1..=65_536_u32).map(|zeros| 65_536.0 / f64::from(zeros));
        let wide =
            (0..2_046).map(|exponent| f64::from_bits(((exponent + 1) << 52) | (exponent * 0x5_a5a5_a5a5)));
        for value in shares.chain(wide) {
            let (ours, theirs) = (natural_logarithm(value), value.ln());
            assert!(
                (ours - theirs).abs() <= 4e-16 * theirs.abs().max(1.0),
                "ln {value}: {ours}, std says {theirs}"
            );
        }
        assert_eq!(natural_logarithm(1.0), 0.0);
    }
}
