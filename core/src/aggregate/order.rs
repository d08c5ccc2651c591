//! How values compare in `min`, `max`, `min_by` and `max_by`.

use core::cmp::Ordering;

use crate::{Span, Timestamp};

/// The order of a column's values, a total one.
///
/// Spark's: NaN equals itself and is greater than every other float, -0.0 equals 0.0, `false` is less than `true`,
/// text compares by its UTF-8 bytes. For a type of your own that is [`Ord`], one line does:
///
/// ```
/// use core::cmp::Ordering;
/// use headwater::aggregate::Order;
///
/// #[derive(PartialEq, Eq, PartialOrd, Ord)]
/// enum Severity {
///     Info,
///     Alarm,
/// }
///
/// impl Order for Severity {
///     fn order(&self, other: &Self) -> Ordering {
///         self.cmp(other)
///     }
/// }
///
/// assert_eq!(Severity::Info.order(&Severity::Alarm), Ordering::Less);
/// assert_eq!(f64::NAN.order(&f64::INFINITY), Ordering::Greater);
/// ```
pub trait Order {
    /// How `self` compares with `other`.
    fn order(&self, other: &Self) -> Ordering;

    /// Whether `self` is less than `other`, for types that can tell this at less cost.
    #[inline]
    fn is_less(&self, other: &Self) -> bool {
        self.order(other) == Ordering::Less
    }
}

macro_rules! order_of_ord {
    ($($value:ty),* $(,)?) => { $(
        impl Order for $value {
            fn order(&self, other: &Self) -> Ordering {
                self.cmp(other)
            }
        }
    )* };
}

order_of_ord!(i8, i16, i32, i64, u8, u16, u32, u64, bool, char, &str, Timestamp, Span);

macro_rules! order_of_float {
    ($($value:ty),* $(,)?) => { $(
        impl Order for $value {
            fn order(&self, other: &Self) -> Ordering {
                self.partial_cmp(other).unwrap_or_else(|| self.is_nan().cmp(&other.is_nan()))
            }

            #[inline]
            fn is_less(&self, other: &Self) -> bool {
                // One comparison where it is not. It is false of every NaN, of which that on the right is greater.
                let is_at_least = self >= other;
                !is_at_least && !self.is_nan()
            }
        }
    )* };
}

order_of_float!(f32, f64);

impl<const N: usize, L: heapless::LenType> Order for heapless::String<N, L> {
    fn order(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}
