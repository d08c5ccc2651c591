//! A NOR flash in RAM, for tests, examples and simulations.

use core::fmt;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

use super::storage::LogStorage;

/// The most erase sectors of a [`RamFlash`].
const SECTORS_MAX: usize = 256;

/// `BYTES` of NOR flash in RAM with words of `WRITE` bytes and sectors of `ERASE` bytes, at most 256 of them.
///
/// Strict: a misaligned access and a second program of a word without an erase between are refused, as a
/// chip with error-correcting flash would. Takes twice its size in RAM, and 1 KiB for erase counts.
#[derive(Debug, Clone)]
pub struct RamFlash<const BYTES: usize, const WRITE: usize, const ERASE: usize> {
    image: [u8; BYTES],
    programmed: [bool; BYTES],
    erases: [u32; SECTORS_MAX],
    programmed_bytes: u64,
}

/// What [`RamFlash`] refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RamFlashError {
    /// The range does not lie within the flash.
    OutOfBounds,
    /// The range is not a whole number of words or sectors.
    NotAligned,
    /// The byte at this address was programmed since its last erase.
    ProgrammedTwice {
        /// Address in bytes.
        address: u32,
    },
}

impl fmt::Display for RamFlashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfBounds => write!(f, "access beyond the end of the flash"),
            Self::NotAligned => write!(f, "access not aligned to whole words or sectors"),
            Self::ProgrammedTwice { address } => {
                write!(f, "byte {address} was programmed twice without an erase between")
            }
        }
    }
}

impl core::error::Error for RamFlashError {}

impl NorFlashError for RamFlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::ProgrammedTwice { .. } => NorFlashErrorKind::Other,
        }
    }
}

impl From<NorFlashErrorKind> for RamFlashError {
    fn from(kind: NorFlashErrorKind) -> Self {
        match kind {
            NorFlashErrorKind::NotAligned => Self::NotAligned,
            _ => Self::OutOfBounds,
        }
    }
}

impl<const BYTES: usize, const WRITE: usize, const ERASE: usize> RamFlash<BYTES, WRITE, ERASE> {
    /// An erased flash.
    pub const fn new() -> Self {
        const { assert!(ERASE > 0 && BYTES.is_multiple_of(ERASE) && BYTES / ERASE <= SECTORS_MAX) };
        Self {
            image: [0xFF; BYTES],
            programmed: [false; BYTES],
            erases: [0; SECTORS_MAX],
            programmed_bytes: 0,
        }
    }

    /// Every byte as it reads.
    pub fn image(&self) -> &[u8; BYTES] {
        &self.image
    }

    /// Every byte, to be damaged at will. A byte that is not erased cannot be programmed.
    pub fn image_mut(&mut self) -> &mut [u8; BYTES] {
        &mut self.image
    }

    /// How often each sector was erased.
    pub fn erase_counts(&self) -> &[u32] {
        let sectors = BYTES.checked_div(ERASE).unwrap_or(0);
        self.erases.get(..sectors).unwrap_or(&[])
    }

    /// Bytes programmed so far.
    pub fn programmed_bytes(&self) -> u64 {
        self.programmed_bytes
    }
}

impl<const BYTES: usize, const WRITE: usize, const ERASE: usize> Default for RamFlash<BYTES, WRITE, ERASE> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const BYTES: usize, const WRITE: usize, const ERASE: usize> ErrorType for RamFlash<BYTES, WRITE, ERASE> {
    type Error = RamFlashError;
}

impl<const BYTES: usize, const WRITE: usize, const ERASE: usize> ReadNorFlash
    for RamFlash<BYTES, WRITE, ERASE>
{
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), RamFlashError> {
        check_read(self, offset, bytes.len())?;
        for (to, from) in bytes.iter_mut().zip(self.image.iter().skip(offset as usize)) {
            *to = *from;
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        BYTES
    }
}

impl<const BYTES: usize, const WRITE: usize, const ERASE: usize> NorFlash for RamFlash<BYTES, WRITE, ERASE> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), RamFlashError> {
        check_erase(self, from, to)?;
        let range = from as usize..to as usize;
        self.image.get_mut(range.clone()).unwrap_or_default().fill(0xFF);
        self.programmed.get_mut(range).unwrap_or_default().fill(false);
        for (sector, count) in self.erases.iter_mut().enumerate() {
            let start = sector.saturating_mul(ERASE);
            if start >= from as usize && start < to as usize {
                *count = count.saturating_add(1);
            }
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), RamFlashError> {
        check_write(self, offset, bytes.len())?;
        let places = self.image.iter().zip(&self.programmed).skip(offset as usize).zip(offset..);
        for ((byte, programmed), address) in places.take(bytes.len()) {
            if *programmed || *byte != 0xFF {
                return Err(RamFlashError::ProgrammedTwice { address });
            }
        }
        let places = self.image.iter_mut().zip(&mut self.programmed).skip(offset as usize);
        for ((byte, programmed), value) in places.zip(bytes) {
            *byte = *value;
            *programmed = true;
        }
        self.programmed_bytes = self.programmed_bytes.saturating_add(bytes.len() as u64);
        Ok(())
    }
}

impl<const BYTES: usize, const WRITE: usize, const ERASE: usize> LogStorage
    for RamFlash<BYTES, WRITE, ERASE>
{
    fn sync(&mut self) -> Result<(), RamFlashError> {
        Ok(())
    }
}
