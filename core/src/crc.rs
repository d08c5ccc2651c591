//! CRC-32 (ISO-HDLC in the RevEng catalogue, the one of zlib and Ethernet): of the log's records, and of what tells types and queries apart.
//!
//! `crc32fast`, or with the feature `small-crc-table` a table of 64 bytes. Both give the same values.

#[cfg(any(feature = "small-crc-table", test))]
mod small;

#[cfg(not(feature = "small-crc-table"))]
use crc32fast::Hasher;
#[cfg(feature = "small-crc-table")]
use small::Hasher;

/// A running CRC-32.
#[derive(Clone)]
pub(crate) struct Crc(Hasher);

impl Crc {
    pub(crate) fn new() -> Self {
        Self(Hasher::new())
    }

    /// Goes on from the CRC of what came before.
    pub(crate) fn going_on_from(value: u32) -> Self {
        Self(Hasher::new_with_initial(value))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Little-endian, as every number of the format.
    pub(crate) fn update_u32(&mut self, value: u32) {
        self.update(&value.to_le_bytes());
    }

    pub(crate) fn value(&self) -> u32 {
        self.0.clone().finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::small::Hasher;

    /// Pseudo-random bytes (Marsaglia's xorshift), the same in each run.
    fn bytes(length: usize, seed: u32) -> impl Iterator<Item = u8> {
        let mut word = seed;
        core::iter::repeat_with(move || {
            word ^= word << 13;
            word ^= word >> 17;
            word ^= word << 5;
            word as u8
        })
        .take(length)
    }

    #[test]
    fn the_check_value_of_the_catalogue() {
        let mut crc = Hasher::new();
        crc.update(b"1234");
        crc.update(b"56789");
        assert_eq!(crc.finalize(), 0xCBF4_3926);
    }

    #[test]
    fn both_tables_give_the_same_values() {
        let mut buffer = [0; 600];
        for (seed, length) in (1..).zip(0..600_usize) {
            let data = buffer.get_mut(..length).unwrap_or_default();
            data.iter_mut().zip(bytes(length, seed)).for_each(|(place, byte)| *place = byte);
            // In two pieces, the second going on from the value of the first.
            let (first, second) = data.split_at_checked(length / 3).unwrap_or_default();
            let (mut small, mut fast) = (Hasher::new(), crc32fast::Hasher::new());
            small.update(first);
            fast.update(first);
            assert_eq!(small.clone().finalize(), fast.clone().finalize(), "length {length}, seed {seed}");
            let mut small = Hasher::new_with_initial(small.finalize());
            small.update(second);
            fast.update(second);
            assert_eq!(small.finalize(), fast.finalize(), "length {length}, seed {seed}");
        }
    }
}
