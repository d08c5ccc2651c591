//! How arrays of counters are written to the checkpoint: in as few bits as the largest needs.
//!
//! An array becomes a tuple of byte strings, one for every 32 counters: empty if all are zero, else the bits of the largest as a
//! byte and then each counter in as many bits, the lowest bit first, with zero bits up to a whole byte. So a sketch takes no more
//! bytes in the checkpoint than in memory, but for 2 for every 32 counters, and a nearly empty one, as most are, takes few.

use core::fmt;
use core::marker::PhantomData;

use serde::ser::{Error as _, SerializeTuple};
use serde::{Deserializer, Serialize, Serializer, de};

/// Counters in one byte string.
const CHUNK: usize = 32;
/// The longest byte string.
const CHUNK_BYTES_MAX: usize = 1 + CHUNK * size_of::<u64>();

/// A counter: an unsigned number of up to 64 bits.
pub(super) trait Counter: Copy + Default + Into<u64> + TryFrom<u64> {}

impl<T: Copy + Default + Into<u64> + TryFrom<u64>> Counter for T {}

pub(super) fn serialize<S, T, const N: usize>(counters: &[T; N], serializer: S) -> Result<S::Ok, S::Error>
where
    S: Serializer,
    T: Counter,
{
    let mut tuple = serializer.serialize_tuple(N.div_ceil(CHUNK))?;
    for chunk in counters.chunks(CHUNK) {
        tuple.serialize_element(&Packed(chunk))?;
    }
    tuple.end()
}

/// Up to 32 counters.
struct Packed<'c, T>(&'c [T]);

impl<T: Counter> Serialize for Packed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = pack(self.0).ok_or_else(|| S::Error::custom("more than 32 counters"))?;
        serializer.serialize_bytes(&bytes)
    }
}

fn pack<T: Counter>(counters: &[T]) -> Option<heapless::Vec<u8, CHUNK_BYTES_MAX>> {
    let mut bytes = heapless::Vec::new();
    let numbers = || counters.iter().map(|counter| -> u64 { (*counter).into() });
    let width = numbers().map(|number| u64::BITS - number.leading_zeros()).max().unwrap_or(0);
    if width == 0 {
        return Some(bytes);
    }
    bytes.push(width as u8).ok()?;
    // At most 7 bits of the last byte and 64 of a counter.
    let (mut pending, mut bits) = (0_u128, 0_u32);
    for number in numbers() {
        pending |= u128::from(number) << bits;
        bits += width;
        while bits >= u8::BITS {
            bytes.push(pending as u8).ok()?;
            pending >>= u8::BITS;
            bits -= u8::BITS;
        }
    }
    if bits > 0 {
        bytes.push(pending as u8).ok()?;
    }
    Some(bytes)
}

/// Fills `counters`, all zero, from what [`pack`] gave; `None` if it did not.
fn unpack<T: Counter>(bytes: &[u8], counters: &mut [T]) -> Option<()> {
    let Some((width, bytes)) = bytes.split_first() else { return Some(()) };
    let width = u32::from(*width);
    if width == 0 || width > u64::BITS {
        return None;
    }
    let mut bytes = bytes.iter();
    let (mut pending, mut bits) = (0_u128, 0_u32);
    for counter in counters {
        while bits < width {
            pending |= u128::from(*bytes.next()?) << bits;
            bits += u8::BITS;
        }
        let number = pending & ((1 << width) - 1);
        *counter = T::try_from(u64::try_from(number).ok()?).ok()?;
        pending >>= width;
        bits -= width;
    }
    (pending == 0 && bytes.next().is_none()).then_some(())
}

pub(super) fn deserialize<'de, D, T, const N: usize>(deserializer: D) -> Result<[T; N], D::Error>
where
    D: Deserializer<'de>,
    T: Counter,
{
    deserializer.deserialize_tuple(N.div_ceil(CHUNK), Chunks(PhantomData))
}

struct Chunks<T, const N: usize>(PhantomData<T>);

impl<'de, T: Counter, const N: usize> de::Visitor<'de> for Chunks<T, N> {
    type Value = [T; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{N} packed counters")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut chunks: A) -> Result<[T; N], A::Error> {
        let mut counters = [T::default(); N];
        for (index, chunk) in counters.chunks_mut(CHUNK).enumerate() {
            chunks
                .next_element_seed(Unpack(chunk))?
                .ok_or_else(|| de::Error::invalid_length(index, &"a string for every 32 counters"))?;
        }
        Ok(counters)
    }
}

/// Reads one byte string into these counters.
struct Unpack<'c, T>(&'c mut [T]);

impl<'de, T: Counter> de::DeserializeSeed<'de> for Unpack<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl<T: Counter> de::Visitor<'_> for Unpack<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "up to {} packed counters", self.0.len())
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<(), E> {
        unpack(bytes, self.0)
            .ok_or_else(|| E::invalid_value(de::Unexpected::Bytes(bytes), &"packed counters"))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::{CHUNK_BYTES_MAX, pack, unpack};

    #[test]
    fn what_is_packed_comes_back() {
        let arrays: [(&[u64], usize); 7] = [
            (&[], 0),
            (&[0; 32], 0),
            (&[1; 32], 1 + 4),
            (&[1, 0, 127, 128, 16_383], 1 + 9),
            (&[u64::MAX; 32], CHUNK_BYTES_MAX),
            (&[u64::MAX, 0, u64::MAX], 1 + 24),
            (&[0, 0, 0, 9], 1 + 2),
        ];
        for (counters, length) in arrays {
            let bytes = pack(counters);
            assert_eq!(bytes.as_ref().map(|bytes| bytes.len()), Some(length), "{counters:?}");
            let mut back = std::vec![0; counters.len()];
            let unpacked = bytes.as_ref().and_then(|bytes| unpack(bytes, &mut back));
            assert_eq!(unpacked, Some(()), "{counters:?} as {bytes:?}");
            assert_eq!(back, counters);
        }
        assert_eq!(pack(&[1_u8, 3, 2]).as_deref(), Some([2, 0b10_11_01].as_slice()));
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let mut three = [0_u8; 3];
        assert_eq!(unpack(&[2], &mut three), None, "no counters");
        assert_eq!(unpack(&[4, 0x21], &mut three), None, "a counter is missing");
        assert_eq!(unpack(&[4, 0x21, 3, 0], &mut three), None, "a byte too many");
        assert_eq!(unpack(&[4, 0x21, 0x13], &mut three), None, "a fourth of three counters");
        assert_eq!(unpack(&[9, 0xff, 0xff, 0xff, 0xff], &mut three), None, "more than eight bits hold");
        assert_eq!(unpack(&[0, 0], &mut three), None, "counters of no bits");
        assert_eq!(unpack(&[65, 0, 0, 0, 0, 0, 0, 0, 0, 0], &mut [0_u64]), None, "counters of 65 bits");
        assert_eq!(unpack(&[4, 0x21, 3], &mut three), Some(()));
        assert_eq!(three, [1, 2, 3]);
    }
}
