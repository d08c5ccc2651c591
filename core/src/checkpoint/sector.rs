//! What stands at fixed places of an erase sector: its header, and two slots at its end.

use embedded_storage::nor_flash::ReadNorFlash;

use super::geometry::Geometry;
use super::storage::{self, LogStorage};
use crate::crc::Crc;

/// The version of the format that this release writes, and the newest it reads.
pub const FORMAT_VERSION: u16 = 1;

/// Bytes of a sector's header; the first record follows.
pub(super) const HEADER_BYTES: u32 = 32;
/// Bytes of each slot at the sector's end. A multiple of every allowed write size.
pub(super) const SLOT_BYTES: u32 = 16;

/// Bytes of a slot's magic, value and CRC.
const SLOT_FIELDS_BYTES: u32 = 12;

const MAGIC: [u8; 4] = *b"HWLG";
const FLAG_SNAPSHOT: u16 = 1;
const FLAG_FIRST: u16 = 2;

/// The header of a sector. Layout in `docs/FORMAT.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectorHeader {
    /// A snapshot starts in this sector.
    pub snapshot: bool,
    /// Nothing was committed before this sector.
    pub first: bool,
    /// Counts every sector ever opened, from 1.
    pub sequence: u32,
    /// Sequence of the sector before, 0 for none.
    pub predecessor: u32,
    /// Where the records of the sector before end.
    pub predecessor_end: u32,
    /// Tag of the epoch that opened this sector.
    pub tag: u8,
}

/// What stands where a header should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderState {
    /// Nothing: the bytes are erased.
    Blank,
    /// No header, or a torn or damaged one.
    Invalid,
    /// One of a later release, with the version of its format.
    Newer(u16),
    /// One that was written for a storage of other sizes.
    OtherGeometry(Geometry),
    /// A header.
    Valid(SectorHeader),
}

impl SectorHeader {
    pub(super) fn encode(&self, geometry: &Geometry) -> [u8; HEADER_BYTES as usize] {
        let flags = if self.snapshot { FLAG_SNAPSHOT } else { 0 } | if self.first { FLAG_FIRST } else { 0 };
        let mut words = [
            u32::from_le_bytes(MAGIC),
            u32::from(FORMAT_VERSION) | (u32::from(flags) << 16),
            self.sequence,
            self.predecessor,
            self.predecessor_end,
            geometry.erase_size,
            u32::from(geometry.sectors)
                | (u32::from(geometry.write_size) << 16)
                | (u32::from(self.tag) << 24),
            0,
        ];
        let mut crc = Crc::new();
        let [fields @ .., crc_field] = &mut words;
        fields.iter().for_each(|word| crc.update_u32(*word));
        *crc_field = crc.value();
        let mut bytes = [0; HEADER_BYTES as usize];
        for (place, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
        bytes
    }

    fn decode(bytes: &[u8; HEADER_BYTES as usize], geometry: &Geometry) -> HeaderState {
        if bytes.iter().all(|byte| *byte == 0xFF) {
            return HeaderState::Blank;
        }
        if !is_intact(bytes) {
            return HeaderState::Invalid;
        }
        let (version, flags) = (u16_at(bytes, 4), u16_at(bytes, 6));
        if version > FORMAT_VERSION {
            return HeaderState::Newer(version);
        }
        let written = written_geometry(bytes);
        if written != *geometry {
            return HeaderState::OtherGeometry(written);
        }
        if version != FORMAT_VERSION || flags & !(FLAG_SNAPSHOT | FLAG_FIRST) != 0 {
            return HeaderState::Invalid;
        }
        HeaderState::Valid(Self {
            snapshot: flags & FLAG_SNAPSHOT != 0,
            first: flags & FLAG_FIRST != 0,
            sequence: u32_at(bytes, 8),
            predecessor: u32_at(bytes, 12),
            predecessor_end: u32_at(bytes, 16),
            tag: byte_at(bytes, 27),
        })
    }

    pub(super) fn read<S: ReadNorFlash>(
        storage: &mut S,
        geometry: &Geometry,
        sector: u32,
    ) -> Result<HeaderState, S::Error> {
        let mut bytes = [0; HEADER_BYTES as usize];
        storage::read(storage, geometry.address(sector, 0), &mut bytes)?;
        Ok(Self::decode(&bytes, geometry))
    }
}

/// Whether the bytes are a header of any version: this much is fixed for ever.
pub(super) fn is_intact(bytes: &[u8; HEADER_BYTES as usize]) -> bool {
    let mut crc = Crc::new();
    crc.update(bytes.get(..28).unwrap_or(&[]));
    bytes.starts_with(&MAGIC) && crc.value() == u32_at(bytes, 28)
}

/// The sizes that a header names.
pub(super) fn written_geometry(bytes: &[u8; HEADER_BYTES as usize]) -> Geometry {
    Geometry { erase_size: u32_at(bytes, 20), sectors: u16_at(bytes, 24), write_size: byte_at(bytes, 26) }
}

/// The two slots at the end of a sector, each programmed at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// Records after the offset in the slot are dead.
    End,
    /// A later sector holds a commit.
    Seal,
}

/// What stands in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    /// Nothing: the bytes are erased.
    Blank,
    /// A torn or damaged one.
    Invalid,
    /// A valid one with its value: of an end slot, where the records that count end; of a seal, 0.
    Valid(u32),
}

impl Slot {
    fn magic(self) -> [u8; 4] {
        match self {
            Self::End => *b"HWEN",
            Self::Seal => *b"HWSE",
        }
    }

    fn address(self, geometry: &Geometry, sector: u32) -> u32 {
        let from_records_end = match self {
            Self::End => 0,
            Self::Seal => SLOT_BYTES,
        };
        geometry.address(sector, geometry.records_end().saturating_add(from_records_end))
    }

    /// Salted with the sequence, so that a slot of an earlier use of the sector never counts.
    fn crc(self, sequence: u32, value: u32) -> u32 {
        let mut crc = Crc::new();
        crc.update_u32(sequence);
        crc.update(&self.magic());
        crc.update_u32(value);
        crc.value()
    }

    pub(super) fn read<S: ReadNorFlash>(
        self,
        storage: &mut S,
        geometry: &Geometry,
        sector: u32,
        sequence: u32,
    ) -> Result<SlotState, S::Error> {
        let mut bytes = [0; SLOT_BYTES as usize];
        storage::read(storage, self.address(geometry, sector), &mut bytes)?;
        if bytes.iter().all(|byte| *byte == 0xFF) {
            return Ok(SlotState::Blank);
        }
        let value = u32_at(&bytes, 4);
        if bytes.starts_with(&self.magic()) && u32_at(&bytes, 8) == self.crc(sequence, value) {
            return Ok(SlotState::Valid(value));
        }
        Ok(SlotState::Invalid)
    }

    /// What programming one takes.
    pub(super) fn programmed_bytes(geometry: &Geometry) -> u32 {
        geometry.padded(SLOT_FIELDS_BYTES)
    }

    pub(super) fn program<S: LogStorage>(
        self,
        storage: &mut S,
        geometry: &Geometry,
        sector: u32,
        sequence: u32,
        value: u32,
    ) -> Result<(), S::Error> {
        let address = self.address(geometry, sector);
        let crc = self.crc(sequence, value).to_le_bytes();
        storage::program(storage, address, &[&self.magic(), &value.to_le_bytes(), &crc])
    }
}

pub(super) fn byte_at(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([byte_at(bytes, at), byte_at(bytes, at.saturating_add(1))])
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | (u32::from(u16_at(bytes, at.saturating_add(2))) << 16)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | (u64::from(u32_at(bytes, at.saturating_add(4))) << 32)
}
