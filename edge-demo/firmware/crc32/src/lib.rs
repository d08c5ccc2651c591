//! In place of the crate of the same name, whose tables take 16 KiB of flash: the same CRC from a table of 16 words.
//!
//! CRC-32/ISO-HDLC of the RevEng catalogue, four bits at a time.
#![no_std]
#![forbid(unsafe_code)]

/// The CRC of each value of four bits.
static TABLE: [u32; 16] = table();

/// The polynomial, lowest power first.
const POLYNOMIAL: u32 = 0xEDB8_8320;

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

/// A running CRC.
///
/// ```
/// let mut crc = crc32fast::Hasher::new();
/// crc.update(b"1234");
/// crc.update(b"56789");
/// assert_eq!(crc.finalize(), 0xCBF4_3926);
/// ```
#[derive(Debug, Clone)]
pub struct Hasher(u32);

impl Hasher {
    /// The CRC of no bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self(!0)
    }

    /// Goes on from a CRC of what came before.
    #[must_use]
    pub const fn new_with_initial(crc: u32) -> Self {
        Self(!crc)
    }

    /// Goes on with `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let crc = self.0 ^ u32::from(*byte);
            let crc = (crc >> 4) ^ entry(crc);
            self.0 = (crc >> 4) ^ entry(crc);
        }
    }

    /// The CRC.
    #[must_use]
    pub const fn finalize(self) -> u32 {
        !self.0
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

/// By the lowest four bits, which need no check of bounds.
fn entry(crc: u32) -> u32 {
    TABLE[(crc & 0xF) as usize]
}
