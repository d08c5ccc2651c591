//! The capacity of a sketch as part of its shape.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// No bytes, in memory or in the checkpoint, but a name that says `N`.
///
/// The bytes of a sketch mean something else at another size: registers are chosen by other bits, values left out for want of
/// room do not come back. The fingerprint of a query holds the names of its types, so with this field in a state a query
/// of another size is another query, and its log is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Capacity<const N: usize>;

/// Digits of the greatest 64-bit number.
const DIGITS_MAX: usize = 20;

impl<const N: usize> Capacity<N> {
    const DIGITS: [u8; DIGITS_MAX] = decimal(N);
    const NAME: &'static str = match core::str::from_utf8(Self::DIGITS.trim_ascii_start()) {
        Ok(name) => name,
        Err(_) => "",
    };
}

/// The digits of `number`, spaces before them.
const fn decimal(number: usize) -> [u8; DIGITS_MAX] {
    let mut digits = [b' '; DIGITS_MAX];
    let mut left = number;
    let mut places: &mut [u8] = &mut digits;
    while let Some((place, before)) = places.split_last_mut() {
        *place = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
        places = before;
    }
    digits
}

impl<const N: usize> Serialize for Capacity<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit_struct(Self::NAME)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Capacity<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_unit_struct(Self::NAME, Unit)
    }
}

struct Unit<const N: usize>;

impl<const N: usize> de::Visitor<'_> for Unit<N> {
    type Value = Capacity<N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a capacity of {N}")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Capacity<N>, E> {
        Ok(Capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::Capacity;

    #[test]
    fn the_name_is_the_number() {
        assert_eq!(Capacity::<0>::NAME, "0");
        assert_eq!(Capacity::<7>::NAME, "7");
        assert_eq!(Capacity::<512>::NAME, "512");
        assert_eq!(Capacity::<4_294_967_295>::NAME, "4294967295");
    }
}
