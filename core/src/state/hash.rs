//! The hash of a key.

use core::hash::{Hash, Hasher};

use crate::time::Timestamp;

/// The hash of `key`: a multiply-and-rotate hash (the idea of FxHash, by way of rustc) with a final mix, because the
/// index uses the top bits. Not keyed: whoever chooses the keys can make them collide, which costs time within the
/// bound of the table's size, never correctness.
#[inline]
pub(super) fn hash_of<K: Hash>(key: &K) -> u32 {
    let mut hasher = KeyHasher(0);
    key.hash(&mut hasher);
    hasher.finish_u32()
}

/// The hash of `key` and a position together.
#[inline]
pub(super) fn hash_at<K: Hash>(key: &K, position: Timestamp) -> u32 {
    let micros = position.as_micros().cast_unsigned();
    let mut hasher = KeyHasher(0);
    key.hash(&mut hasher);
    // Positions of one key rarely differ by 2^32 microseconds, so the two halves may share a step.
    hasher.add((micros >> 32) as u32 ^ micros as u32);
    hasher.finish_u32()
}

struct KeyHasher(u32);

/// 2^32 divided by the golden ratio, made odd.
const MULTIPLIER: u32 = 0x9e37_79b1;

impl KeyHasher {
    #[inline]
    fn add(&mut self, word: u32) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(MULTIPLIER);
    }

    /// Half the finalizer of MurmurHash3 (Appleby, public domain): every bit moves the top bits, and the index looks at no others.
    #[inline]
    fn finish_u32(&self) -> u32 {
        let hash = self.0;
        (hash ^ (hash >> 15)).wrapping_mul(0x85eb_ca6b)
    }
}

impl Hasher for KeyHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(4);
        for word in &mut words {
            if let Ok(word) = <[u8; 4]>::try_from(word) {
                self.add(u32::from_le_bytes(word));
            }
        }
        for byte in words.remainder() {
            self.add(u32::from(*byte));
        }
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.add(u32::from(value));
    }

    #[inline]
    fn write_u16(&mut self, value: u16) {
        self.add(u32::from(value));
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.add(value);
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.add(value as u32);
        self.add((value >> 32) as u32);
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        u64::from(self.finish_u32())
    }
}
