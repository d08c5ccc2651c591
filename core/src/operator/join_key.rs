//! What rows are joined by: a key, or an `Option` of one where it may be null.

use crate::state::Key;

/// The key of a join: an `Option` of any key, one of the usual key types as it is, or a tuple of these.
///
/// `None` is SQL's null: it matches nothing, not even another `None`. A tuple is null if a part of it is. A key type of your own is
/// given as `Some(key)`, and so is a key whose nulls are to match each other: `Some(row.key)` of a `row.key` that is an `Option` (SQL's `<=>`;
/// Spark's full outer join of streams answers like that for `=` too, which is a defect).
///
/// ```
/// use headwater::JoinKey;
/// assert_eq!(7_u16.join_key(), Some(7));
/// assert_eq!(None::<u16>.join_key(), None);
/// assert_eq!((7_u16, Some('a')).join_key(), Some((7, 'a')));
/// assert_eq!((7_u16, None::<char>).join_key(), None);
/// assert_eq!(Some(None::<u8>).join_key(), Some(None));
/// ```
pub trait JoinKey {
    /// The key, where it is not null.
    type Key: Key;

    /// The key, or `None` where it is null.
    fn join_key(self) -> Option<Self::Key>;
}

impl<K: Key> JoinKey for Option<K> {
    type Key = K;

    fn join_key(self) -> Self {
        self
    }
}

/// Keys that are never null.
macro_rules! never_null {
    ($([$($parameter:tt)*] $key:ty),* $(,)?) => {$(
        impl<$($parameter)*> JoinKey for $key {
            type Key = Self;

            fn join_key(self) -> Option<Self> {
                Some(self)
            }
        }
    )*};
}

never_null!([] (), [] bool, [] char, [] u8, [] u16, [] u32, [] u64, [] u128);
never_null!([] i8, [] i16, [] i32, [] i64, [] i128, [] crate::Timestamp);
never_null!([const N: usize] heapless::String<N>, [K: Key, const N: usize] heapless::Vec<K, N>);
#[cfg(feature = "alloc")]
never_null!([] alloc::string::String);

/// Tuples, which are null if a part of them is.
macro_rules! null_in_part {
    ($(($($part:ident $place:tt),*)),*) => {$(
        impl<$($part: JoinKey),*> JoinKey for ($($part,)*) {
            type Key = ($($part::Key,)*);

            fn join_key(self) -> Option<Self::Key> {
                Some(($(self.$place.join_key()?,)*))
            }
        }
    )*};
}

null_in_part!((A 0), (A 0, B 1), (A 0, B 1, C 2), (A 0, B 1, C 2, D 3));
