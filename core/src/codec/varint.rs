//! Unsigned integers in seven bits a byte, the lowest first; all bytes but the last have the highest bit set.

/// Puts a value at the front of `room`, and returns how many bytes it took; `None` if there is no room.
#[cfg(not(feature = "small-code"))]
#[inline]
pub(super) fn put(room: &mut [u8], value: u64) -> Option<usize> {
    if value < 0x80 {
        *room.first_mut()? = value as u8;
        return Some(1);
    }
    if value < 0x4000 {
        *room.first_chunk_mut()? = [value as u8 | 0x80, (value >> 7) as u8];
        return Some(2);
    }
    // The bytes behind the value are free: what comes next is written over them.
    match room.first_chunk_mut() {
        Some(place) if value < 1 << 56 => {
            let (bytes, length) = spread(value);
            *place = bytes.to_le_bytes();
            Some(length as usize)
        }
        _ => put_each(room, value),
    }
}

#[cfg(feature = "small-code")]
pub(super) fn put(room: &mut [u8], value: u64) -> Option<usize> {
    put_each(room, value)
}

/// The bytes of a value of at most 56 bits, the first one lowest, and how many they are; zeros follow.
#[cfg(not(feature = "small-code"))]
#[inline]
const fn spread(value: u64) -> (u64, u32) {
    let halves = (value & 0x0FFF_FFFF) | (value & 0x00FF_FFFF_F000_0000) << 4;
    let quarters = (halves & 0x0000_3FFF_0000_3FFF) | (halves & 0x0FFF_C000_0FFF_C000) << 2;
    let bytes = (quarters & 0x007F_007F_007F_007F) | (quarters & 0x3F80_3F80_3F80_3F80) << 1;
    // A seventh of the bits, rounded up.
    let length = ((64 - (value | 1).leading_zeros()) * 9 + 64) >> 6;
    // Of all bytes but the last.
    let goes_on = 0x8080_8080_8080_8080 & !(u64::MAX << (8 * (length - 1)));
    (bytes | goes_on, length)
}

/// Byte by byte.
#[inline(never)]
fn put_each(room: &mut [u8], value: u64) -> Option<usize> {
    let mut rest = value;
    let mut length = 0_usize;
    for place in room {
        length = length.wrapping_add(1);
        if rest < 0x80 {
            *place = rest as u8;
            return Some(length);
        }
        *place = rest as u8 | 0x80;
        rest >>= 7;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_as_postcard_writes_it_in_any_room() {
        for shift in 0..64 {
            for value in [1_u64 << shift, (1 << shift) - 1, u64::MAX >> shift, 0x5555_5555_5555_5555 >> shift]
            {
                let mut expected = [0; 10];
                let expected = postcard::to_slice(&value, &mut expected).unwrap_or_default();
                assert!(!expected.is_empty());
                for length in 0..12 {
                    let mut room = [0xEE; 12];
                    let put = put(room.get_mut(..length).unwrap_or_default(), value);
                    if length < expected.len() {
                        assert_eq!(put, None, "{value:#x} in {length} bytes");
                    } else {
                        assert_eq!(put, Some(expected.len()), "{value:#x} in {length} bytes");
                        assert!(room.starts_with(expected), "{value:#x} in {length} bytes");
                    }
                }
            }
        }
    }
}
