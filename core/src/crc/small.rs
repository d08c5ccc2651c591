//! The CRC four bits at a time, from a table of 16 words: where flash is small, and without code that can panic.

/// The CRC of each value of four bits.
static TABLE: [u32; 16] = table();

/// The polynomial, lowest power first.
const POLYNOMIAL: u32 = 0xEDB8_8320;

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "runs in the compiler only")]
const fn table() -> [u32; 16] {
    let mut table = [0; 16];
    let mut index = 0;
    while index < table.len() {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 4 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

/// A running CRC, with the names of `crc32fast`.
#[derive(Debug, Clone)]
pub(super) struct Hasher(u32);

impl Hasher {
    pub(super) const fn new() -> Self {
        Self(!0)
    }

    /// Goes on from a CRC of what came before.
    pub(super) const fn new_with_initial(crc: u32) -> Self {
        Self(!crc)
    }

    // Out of line: this is chosen where code must be small.
    #[inline(never)]
    pub(super) fn update(&mut self, bytes: &[u8]) {
        let mut crc = self.0;
        for byte in bytes {
            crc ^= u32::from(*byte);
            crc = (crc >> 4) ^ entry(crc);
            crc = (crc >> 4) ^ entry(crc);
        }
        self.0 = crc;
    }

    pub(super) const fn finalize(self) -> u32 {
        !self.0
    }
}

/// By the lowest four bits: the mask is seen by the compiler, so that no check of bounds is left.
fn entry(crc: u32) -> u32 {
    TABLE.get((crc & 0xF) as usize).copied().unwrap_or_default()
}
