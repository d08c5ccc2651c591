//! The flash that the logs lie in: a file of the host, reached by semihosting, with the rules of NOR flash.
//!
//! A chip of your own takes the place of this file: its driver implements `NorFlash`, and `sync` has nothing to do.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use headwater::checkpoint::LogStorage;
use headwater_firmware_query::{LOG_BYTES, SECTOR_BYTES, WORD_BYTES};

use crate::board::host::{HostFile, Mode};

/// What an erased byte reads.
const ERASED: u8 = 0xFF;
/// Bytes moved at a time.
const CHUNK_BYTES: usize = 128;
static ERASED_CHUNK: [u8; CHUNK_BYTES] = [ERASED; CHUNK_BYTES];

/// A part of the chip that holds one log.
#[derive(Debug)]
pub struct Region {
    chip: HostFile,
    base: u32,
}

/// What the flash refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlashError {
    /// The range does not lie within the region.
    OutOfBounds,
    /// The range is not a whole number of words or sectors.
    NotAligned,
    /// A word was programmed that is not erased.
    ProgrammedTwice,
    /// The host's file failed.
    Host,
}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::ProgrammedTwice | Self::Host => NorFlashErrorKind::Other,
        }
    }
}

impl From<NorFlashErrorKind> for FlashError {
    fn from(kind: NorFlashErrorKind) -> Self {
        match kind {
            NorFlashErrorKind::NotAligned => Self::NotAligned,
            _ => Self::OutOfBounds,
        }
    }
}

/// Opens the chip: the file `flash.bin` in the host's working directory, which a chip leaves the factory with, every byte `0xFF`.
/// `None` if there is no such file.
#[must_use]
pub fn chip() -> Option<HostFile> {
    HostFile::open(c"flash.bin", Mode::Update)
}

impl Region {
    /// Part `number` of the chip, counted from 0.
    #[must_use]
    pub const fn of(chip: HostFile, number: u32) -> Self {
        Self { chip, base: number.wrapping_mul(LOG_BYTES as u32) }
    }

    fn read_raw(&self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        let read = self.chip.read(self.base.wrapping_add(offset), bytes);
        if read { Ok(()) } else { Err(FlashError::Host) }
    }

    fn write_raw(&self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        let written = self.chip.write(self.base.wrapping_add(offset), bytes);
        if written { Ok(()) } else { Err(FlashError::Host) }
    }
}

impl ErrorType for Region {
    type Error = FlashError;
}

impl ReadNorFlash for Region {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        check_read(self, offset, bytes.len())?;
        self.read_raw(offset, bytes)
    }

    fn capacity(&self) -> usize {
        LOG_BYTES
    }
}

impl NorFlash for Region {
    const WRITE_SIZE: usize = WORD_BYTES;
    const ERASE_SIZE: usize = SECTOR_BYTES;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        check_erase(self, from, to)?;
        for offset in (from..to).step_by(CHUNK_BYTES) {
            self.write_raw(offset, &ERASED_CHUNK)?;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        check_write(self, offset, bytes.len())?;
        let mut offset = offset;
        for chunk in bytes.chunks(CHUNK_BYTES) {
            let mut before = [0; CHUNK_BYTES];
            let before = before.get_mut(..chunk.len()).ok_or(FlashError::OutOfBounds)?;
            self.read_raw(offset, before)?;
            if before.iter().any(|byte| *byte != ERASED) {
                return Err(FlashError::ProgrammedTwice);
            }
            self.write_raw(offset, chunk)?;
            offset = offset.wrapping_add(chunk.len() as u32);
        }
        Ok(())
    }
}

impl LogStorage for Region {
    /// What the host's kernel has taken stays when the emulator is killed: nothing to wait for, as with a chip.
    fn sync(&mut self) -> Result<(), FlashError> {
        Ok(())
    }
}
