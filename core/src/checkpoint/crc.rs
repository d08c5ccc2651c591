//! CRC-32 (ISO-HDLC, the one of zlib and Ethernet) as the log uses it.

/// A running CRC-32.
#[derive(Clone)]
pub(super) struct Crc(crc32fast::Hasher);

impl Crc {
    pub(super) fn new() -> Self {
        Self(crc32fast::Hasher::new())
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Little-endian, as every number of the format.
    pub(super) fn update_u32(&mut self, value: u32) {
        self.update(&value.to_le_bytes());
    }

    pub(super) fn value(&self) -> u32 {
        self.0.clone().finalize()
    }
}
