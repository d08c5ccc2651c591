//! Columns that can be added up.

use super::sum::{FloatSum, IntegerSum, SumState};

/// A number: what [`sum`](super::sum()), [`mean`](super::mean()) and [`variance`](super::variance()) take.
///
/// A type of your own, such as a fixed-point one, hands on to a number inside it:
///
/// ```
/// use headwater::aggregate::{IntegerSum, Number};
///
/// #[derive(Clone, Copy)]
/// struct MilliVolts(i32);
///
/// impl Number for MilliVolts {
///     type SumState = IntegerSum;
///
///     fn to_f64(self) -> f64 {
///         self.0.to_f64()
///     }
///
///     fn add_to(self, sum: &mut IntegerSum) {
///         self.0.add_to(sum);
///     }
/// }
/// ```
pub trait Number: Copy {
    /// What adds these numbers up, and so the type of their sum: [`IntegerSum`] gives `i64`, [`FloatSum`] `f64`.
    type SumState: SumState;

    /// The nearest `f64`, as Spark's cast to `double`.
    fn to_f64(self) -> f64;

    /// Adds this number to `sum`.
    fn add_to(self, sum: &mut Self::SumState);
}

macro_rules! integer_number {
    ($($value:ty),* $(,)?) => { $(
        impl Number for $value {
            type SumState = IntegerSum;

            fn to_f64(self) -> f64 {
                self as f64
            }

            fn add_to(self, sum: &mut IntegerSum) {
                sum.add(i128::from(self));
            }
        }
    )* };
}

integer_number!(i8, i16, i32, i64, u8, u16, u32, u64);

macro_rules! float_number {
    ($($value:ty),* $(,)?) => { $(
        impl Number for $value {
            type SumState = FloatSum;

            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            fn add_to(self, sum: &mut FloatSum) {
                sum.add(f64::from(self));
            }
        }
    )* };
}

float_number!(f32, f64);

/// `value`, with every NaN as the same bits: which NaN an operation gives differs between processors, and a
/// checkpoint must not.
///
/// Told by the bits where a comparison of `f64` is a call, as on most processors of 32 bits.
#[inline]
pub(super) fn same_nan(value: f64) -> f64 {
    let is_nan = if cfg!(target_pointer_width = "64") {
        value.is_nan()
    } else {
        value.to_bits() & !(1 << 63) > f64::INFINITY.to_bits()
    };
    if is_nan { f64::NAN } else { value }
}
