//! The flash that the logs lie in: a chip behind the rules of NOR flash. Breaking one is an error, and ends the run.
//!
//! A chip of your own takes the place of this file: its driver implements `NorFlash`, and `sync` has nothing to do.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use headwater::checkpoint::LogStorage;
use headwater_firmware_query::{LOG_BYTES, SECTOR_BYTES, WORD_BYTES};

use crate::chip::{Chip, ERASED};

/// Bytes programmed at a time, at most: so many are on the stack, to be looked at before.
const PIECE_BYTES: usize = 32;

/// A part of the chip that holds one log.
#[derive(Debug)]
pub struct Region {
    chip: &'static Chip,
    base: u32,
}

/// What the flash refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FlashError {
    /// The range does not lie within the region.
    OutOfBounds,
    /// The range is not a whole number of words or sectors.
    NotAligned,
    /// A word was to be programmed that is not erased: bits would have to go from 0 to 1, or a word be programmed twice.
    ProgrammedTwice,
    /// The chip does not answer.
    Chip,
}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::ProgrammedTwice | Self::Chip => NorFlashErrorKind::Other,
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

impl Region {
    /// Part `number` of the chip, counted from 0.
    #[must_use]
    pub const fn of(chip: &'static Chip, number: u32) -> Self {
        Self { chip, base: number.wrapping_mul(LOG_BYTES as u32) }
    }

    fn address(&self, offset: u32) -> u32 {
        self.base.wrapping_add(offset)
    }
}

/// The chip answers whether it did what it was told.
fn done(answer: bool) -> Result<(), FlashError> {
    if answer { Ok(()) } else { Err(FlashError::Chip) }
}

impl ErrorType for Region {
    type Error = FlashError;
}

impl ReadNorFlash for Region {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        check_read(self, offset, bytes.len())?;
        done(self.chip.read(self.address(offset), bytes))
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
        done(self.chip.erase(self.address(from), to.wrapping_sub(from)))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        check_write(self, offset, bytes.len())?;
        let mut offset = offset;
        for piece in bytes.chunks(PIECE_BYTES) {
            let mut before = [0; PIECE_BYTES];
            let before = before.get_mut(..piece.len()).ok_or(FlashError::OutOfBounds)?;
            done(self.chip.read(self.address(offset), before))?;
            if before.iter().any(|byte| *byte != ERASED) {
                return Err(FlashError::ProgrammedTwice);
            }
            done(self.chip.program(self.address(offset), piece))?;
            offset = offset.wrapping_add(piece.len() as u32);
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
