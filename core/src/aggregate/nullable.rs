//! Null: a column's value, or its absence.

use crate::{Span, Timestamp};

/// What a closure that reads a column may return: a value, or an `Option` of one where it may be null.
///
/// Null is `None` as in SQL, and aggregates skip it unless they say otherwise. NaN is not null.
/// A type of your own needs no implementation if the closure returns it in an `Option`:
///
/// ```
/// use headwater::aggregate::{Aggregate, last};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
/// enum Valve {
///     Open,
///     Shut,
/// }
///
/// let spec = last(|row: &Valve| Some(*row));
/// let mut state = spec.init();
/// spec.update(&mut state, &Valve::Open, 1);
/// spec.update(&mut state, &Valve::Shut, 2);
/// assert_eq!(spec.finish(&state), Some(Valve::Shut));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a column value",
    note = "return `Some(value)`, or implement `headwater::aggregate::Nullable` for `{Self}`"
)]
pub trait Nullable {
    /// The type of the value where it is not null.
    type Value;

    /// The value, or `None` for null.
    fn into_option(self) -> Option<Self::Value>;
}

impl<T> Nullable for Option<T> {
    type Value = T;

    fn into_option(self) -> Option<T> {
        self
    }
}

macro_rules! never_null {
    ($($value:ty),* $(,)?) => { $(
        impl Nullable for $value {
            type Value = Self;

            fn into_option(self) -> Option<Self> {
                Some(self)
            }
        }
    )* };
}

never_null!(i8, i16, i32, i64, u8, u16, u32, u64, f32, f64, bool, char, Timestamp, Span);

impl Nullable for &'static str {
    type Value = Self;

    fn into_option(self) -> Option<Self> {
        Some(self)
    }
}

impl<const N: usize, L: heapless::LenType> Nullable for heapless::String<N, L> {
    type Value = Self;

    fn into_option(self) -> Option<Self> {
        Some(self)
    }
}
