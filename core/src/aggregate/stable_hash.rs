//! A hash that is the same on every machine, and the same as Spark's.

use super::xxhash64::xxhash64;
use crate::{Span, Timestamp};

/// A value that [`approx_count_distinct()`](super::approx_count_distinct()) can tell from others: by a 64-bit hash that is the
/// same on every machine.
///
/// XXH64 as Spark's `xxhash64` applies it: of 4 bytes for `bool` and numbers up to 32 bits, of 8 for longer ones and moments
/// (microseconds), of the UTF-8 bytes of text. All NaN are one value, and -0.0 is 0.0. A tuple hashes field by field, each
/// hash the seed of the next; null leaves the seed as it is. (`u32`, which Spark lacks, counts as its 64-bit integer.)
///
/// Not made against an opponent: whoever chooses values with knowledge of the hash can make them collide.
///
/// A type of your own hands on to what it holds:
///
/// ```
/// use headwater::aggregate::StableHash;
///
/// struct Tag {
///     bus: u8,
///     address: u32,
/// }
///
/// impl StableHash for Tag {
///     fn stable_hash(&self, seed: u64) -> u64 {
///         (self.bus, self.address).stable_hash(seed)
///     }
/// }
///
/// let tag = Tag { bus: 1, address: 9 };
/// assert_eq!(tag.stable_hash(42), (1_u8, 9_u32).stable_hash(42));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no hash that is the same on every machine",
    note = "implement `headwater::aggregate::StableHash` for `{Self}` by handing on to its fields"
)]
pub trait StableHash {
    /// The hash, begun with `seed`. Values that are equal have the same.
    fn stable_hash(&self, seed: u64) -> u64;
}

macro_rules! hash_as {
    ($number:ty: $($value:ty),*) => { $(
        impl StableHash for $value {
            #[inline]
            fn stable_hash(&self, seed: u64) -> u64 {
                xxhash64(&<$number>::from(*self).to_le_bytes(), seed)
            }
        }
    )* };
}

hash_as!(i32: bool, i8, i16, i32, u8, u16);
hash_as!(u32: char);
hash_as!(i64: i64, u32);
hash_as!(u64: u64);

/// The NaN that stands for all in the hash: that of Java's `Float.floatToIntBits`.
const NAN_F32_BITS: u32 = 0x7fc0_0000;
/// The NaN that stands for all in the hash: that of Java's `Double.doubleToLongBits`.
const NAN_F64_BITS: u64 = 0x7ff8_0000_0000_0000;

impl StableHash for f32 {
    fn stable_hash(&self, seed: u64) -> u64 {
        // Adding 0.0 turns -0.0 into 0.0 and changes nothing else.
        let bits = if self.is_nan() { NAN_F32_BITS } else { (self + 0.0).to_bits() };
        xxhash64(&bits.to_le_bytes(), seed)
    }
}

impl StableHash for f64 {
    fn stable_hash(&self, seed: u64) -> u64 {
        let bits = if self.is_nan() { NAN_F64_BITS } else { (self + 0.0).to_bits() };
        xxhash64(&bits.to_le_bytes(), seed)
    }
}

impl StableHash for Timestamp {
    fn stable_hash(&self, seed: u64) -> u64 {
        self.as_micros().stable_hash(seed)
    }
}

impl StableHash for Span {
    fn stable_hash(&self, seed: u64) -> u64 {
        self.as_micros().stable_hash(seed)
    }
}

impl StableHash for str {
    fn stable_hash(&self, seed: u64) -> u64 {
        xxhash64(self.as_bytes(), seed)
    }
}

impl<T: StableHash + ?Sized> StableHash for &T {
    fn stable_hash(&self, seed: u64) -> u64 {
        (**self).stable_hash(seed)
    }
}

impl<const N: usize, L: heapless::LenType> StableHash for heapless::String<N, L> {
    fn stable_hash(&self, seed: u64) -> u64 {
        self.as_str().stable_hash(seed)
    }
}

impl<T: StableHash> StableHash for Option<T> {
    fn stable_hash(&self, seed: u64) -> u64 {
        self.as_ref().map_or(seed, |value| value.stable_hash(seed))
    }
}

macro_rules! hash_tuple {
    ($($value:ident $index:tt),*) => {
        impl<$($value: StableHash),*> StableHash for ($($value,)*) {
            fn stable_hash(&self, seed: u64) -> u64 {
                $(let seed = self.$index.stable_hash(seed);)*
                seed
            }
        }
    };
}

hash_tuple!(A 0, B 1);
hash_tuple!(A 0, B 1, C 2);
hash_tuple!(A 0, B 1, C 2, D 3);
