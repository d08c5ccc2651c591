//! The sizes of a storage, checked once, and the arithmetic of the ring.

use embedded_storage::nor_flash::NorFlash;

use super::error::GeometryError;
use super::sector::{self, HEADER_BYTES, SLOT_BYTES};

const ERASE_BYTES_MIN: usize = 256;
const ERASE_BYTES_MAX: usize = 1 << 20;
const WRITE_BYTES_MAX: usize = 16;
const READ_BYTES_MAX: usize = 64;

/// The sizes of a storage that holds a log, or that a log says it was written on.
///
/// [`Geometry::new`] checks them: sums and products of what it returns fit a `u32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    pub(super) write_size: u8,
    pub(super) erase_size: u32,
    pub(super) sectors: u16,
}

impl Geometry {
    pub(super) fn of<S: NorFlash>(storage: &S) -> Result<Self, GeometryError> {
        Self::check_read_size(S::READ_SIZE)?;
        Self::new(S::WRITE_SIZE, S::ERASE_SIZE, storage.capacity())
    }

    pub(super) fn check_read_size(read: usize) -> Result<(), GeometryError> {
        if !read.is_power_of_two() || read > READ_BYTES_MAX {
            return Err(GeometryError::ReadSize(read));
        }
        Ok(())
    }

    /// Words of `write` bytes in sectors of `erase` bytes, `capacity` bytes in all.
    ///
    /// # Errors
    /// [`GeometryError`] if no log can be on a storage of these sizes.
    pub fn new(write: usize, erase: usize, capacity: usize) -> Result<Self, GeometryError> {
        if !write.is_power_of_two() || write > WRITE_BYTES_MAX {
            return Err(GeometryError::WriteSize(write));
        }
        if !erase.is_power_of_two() || !(ERASE_BYTES_MIN..=ERASE_BYTES_MAX).contains(&erase) {
            return Err(GeometryError::EraseSize(erase));
        }
        let refused = GeometryError::Capacity(capacity);
        if u32::try_from(capacity).is_err() || capacity & erase.wrapping_sub(1) != 0 {
            return Err(refused);
        }
        let sectors = u16::try_from(capacity >> erase.trailing_zeros()).map_err(|_| refused)?;
        if sectors < 2 {
            return Err(refused);
        }
        Ok(Self { write_size: write as u8, erase_size: erase as u32, sectors })
    }

    /// What the header of a sector, `bytes`, says of the storage that it was written on: a dump tells its own sizes. `None` if it is no
    /// header of this format.
    #[must_use]
    pub fn written_in(bytes: &[u8; HEADER_BYTES as usize]) -> Option<Self> {
        if !sector::is_intact(bytes) {
            return None;
        }
        let Self { write_size, erase_size, sectors } = sector::written_geometry(bytes);
        let erase = erase_size as usize;
        Self::new(usize::from(write_size), erase, erase.checked_mul(usize::from(sectors))?).ok()
    }

    /// Bytes of a word.
    #[must_use]
    pub const fn write_size(&self) -> u8 {
        self.write_size
    }

    /// Bytes of an erase sector.
    #[must_use]
    pub const fn erase_size(&self) -> u32 {
        self.erase_size
    }

    /// How many erase sectors there are.
    #[must_use]
    pub const fn sectors(&self) -> u16 {
        self.sectors
    }

    /// Bytes in all, below 4 GiB.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.erase_size.saturating_mul(u32::from(self.sectors))
    }

    /// Where records must end: the slots follow.
    pub(super) fn records_end(&self) -> u32 {
        self.erase_size.saturating_sub(2 * SLOT_BYTES)
    }

    /// Bytes for records in one sector.
    pub(super) fn sector_room(&self) -> u32 {
        self.records_end().saturating_sub(HEADER_BYTES)
    }

    /// The most sectors one snapshot may take, so that the next of that size always finds room.
    pub(super) fn snapshot_sectors_max(&self) -> u32 {
        u32::from(self.sectors >> 1)
    }

    /// The most sectors a snapshot and its deltas may take, so that a largest snapshot still fits.
    pub(super) fn live_sectors_max(&self) -> u32 {
        u32::from(self.sectors).saturating_sub(self.snapshot_sectors_max())
    }

    pub(super) fn address(&self, sector: u32, offset: u32) -> u32 {
        sector.saturating_mul(self.erase_size).saturating_add(offset)
    }

    pub(super) fn next(&self, sector: u32) -> u32 {
        let next = sector.saturating_add(1);
        if next < u32::from(self.sectors) { next } else { 0 }
    }

    pub(super) fn previous(&self, sector: u32) -> u32 {
        sector.checked_sub(1).unwrap_or(u32::from(self.sectors).saturating_sub(1))
    }

    /// Steps forward from one sector to another.
    pub(super) fn distance(&self, from: u32, to: u32) -> u32 {
        let wrapped = if to < from { to.saturating_add(u32::from(self.sectors)) } else { to };
        wrapped.saturating_sub(from)
    }

    /// Rounded up to whole words.
    pub(super) fn padded(&self, bytes: u32) -> u32 {
        let mask = u32::from(self.write_size).wrapping_sub(1);
        bytes.saturating_add(mask) & !mask
    }
}
