//! A storage over any bytes that counts what is read.

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash, check_erase, check_read, check_write};
use headwater::checkpoint::{LogStorage, RamFlashError};

/// Bytes of the image.
pub const CAPACITY: usize = 4096;

/// An image with words of `WRITE` bytes in sectors of `ERASE`. Refuses what a flash refuses, but where a byte was programmed before
/// it only looks at what it holds.
#[derive(Debug, Clone)]
pub struct Image<const WRITE: usize, const ERASE: usize> {
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Bytes read so far.
    pub bytes_read: u64,
    /// The most that may be read; a reader that goes beyond is not bounded.
    pub bytes_read_max: u64,
    /// Programs and erases so far.
    pub changes: u64,
}

impl<const WRITE: usize, const ERASE: usize> Image<WRITE, ERASE> {
    /// These bytes, cut or filled up with erased ones.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut bytes = bytes.to_vec();
        bytes.resize(CAPACITY, 0xFF);
        Self { bytes, bytes_read: 0, bytes_read_max: u64::MAX, changes: 0 }
    }
}

impl<const WRITE: usize, const ERASE: usize> ErrorType for Image<WRITE, ERASE> {
    type Error = RamFlashError;
}

impl<const WRITE: usize, const ERASE: usize> ReadNorFlash for Image<WRITE, ERASE> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), RamFlashError> {
        check_read(self, offset, bytes.len())?;
        self.bytes_read += bytes.len() as u64;
        assert!(self.bytes_read <= self.bytes_read_max, "{} bytes read: is there an end?", self.bytes_read);
        bytes.copy_from_slice(&self.bytes[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        CAPACITY
    }
}

impl<const WRITE: usize, const ERASE: usize> NorFlash for Image<WRITE, ERASE> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), RamFlashError> {
        check_erase(self, from, to)?;
        self.changes += 1;
        self.bytes[from as usize..to as usize].fill(0xFF);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), RamFlashError> {
        check_write(self, offset, bytes.len())?;
        self.changes += 1;
        let place = &mut self.bytes[offset as usize..][..bytes.len()];
        if let Some(at) = place.iter().position(|byte| *byte != 0xFF) {
            return Err(RamFlashError::ProgrammedTwice { address: offset + at as u32 });
        }
        place.copy_from_slice(bytes);
        Ok(())
    }
}

impl<const WRITE: usize, const ERASE: usize> LogStorage for Image<WRITE, ERASE> {
    fn sync(&mut self) -> Result<(), RamFlashError> {
        Ok(())
    }
}
