//! Frames: the records of the log, each with its own CRC.

use embedded_storage::nor_flash::ReadNorFlash;

use super::geometry::Geometry;
use super::log::EpochKind;
use super::sector::{byte_at, u16_at, u32_at, u64_at};
use super::storage::{self, LogStorage, READ_BYTES};
use crate::crc::Crc;

/// Bytes before a frame's payload.
pub(super) const FRAME_HEADER_BYTES: u32 = 8;
/// Bytes of the log's own fields at the start of a commit frame's payload.
pub(super) const COMMIT_BYTES: usize = 17;

/// The largest payload: the largest `BUFFER`.
pub(super) const PAYLOAD_BYTES_MAX: u16 = 32_768;

const TAG_MASK: u8 = 0x3F;

/// The tag that follows: it tells the frames of neighbouring epochs apart.
pub(super) fn next_tag(tag: u8) -> u8 {
    tag.wrapping_add(1) & TAG_MASK
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    Entries = 1,
    Identity = 2,
    Commit = 3,
}

/// A place for a frame. `sequence` and `offset` salt the CRC: a frame is valid only where it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) sector: u32,
    pub(super) sequence: u32,
    pub(super) offset: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: FrameKind,
    pub(super) operator: u8,
    pub(super) tag: u8,
    pub(super) length: u16,
    pub(super) crc: u32,
}

/// What stands where a frame should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameState {
    /// Erased, so there is no frame, or a torn or damaged one.
    None,
    Valid(Frame),
}

impl Frame {
    /// A frame for `payload`, which must be shorter than 64 KiB.
    pub(super) fn new(kind: FrameKind, operator: u8, tag: u8, place: Place, payload: &[u8]) -> Self {
        let mut frame = Self { kind, operator, tag, length: payload.len() as u16, crc: 0 };
        let mut crc = frame.crc_start(place);
        crc.update(payload);
        frame.crc = crc.value();
        frame
    }

    /// Bytes it takes in the sector, with header and padding.
    pub(super) fn size(length: u32, geometry: &Geometry) -> u32 {
        geometry.padded(FRAME_HEADER_BYTES.saturating_add(length))
    }

    pub(super) fn end(&self, place: Place, geometry: &Geometry) -> u32 {
        place.offset.saturating_add(Self::size(u32::from(self.length), geometry))
    }

    pub(super) fn prefix(&self) -> [u8; 4] {
        let [low, high] = self.length.to_le_bytes();
        [low, high, self.kind as u8 | (self.tag << 2), self.operator]
    }

    pub(super) fn crc_start(&self, place: Place) -> Crc {
        let mut salt = [0; 12];
        let words = [place.sequence, place.offset, u32::from_le_bytes(self.prefix())];
        for (place, word) in salt.as_chunks_mut().0.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
        let mut crc = Crc::new();
        crc.update(&salt);
        crc
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let kind_and_tag = byte_at(bytes, 2);
        let kind = match kind_and_tag & 3 {
            1 => FrameKind::Entries,
            2 => FrameKind::Identity,
            3 => FrameKind::Commit,
            _ => return None,
        };
        let length = u16_at(bytes, 0);
        if length > PAYLOAD_BYTES_MAX {
            return None;
        }
        Some(Self {
            kind,
            operator: byte_at(bytes, 3),
            tag: kind_and_tag >> 2,
            length,
            crc: u32_at(bytes, 4),
        })
    }

    pub(super) fn program<S: LogStorage>(
        &self,
        storage: &mut S,
        geometry: &Geometry,
        place: Place,
        payload: &[u8],
    ) -> Result<(), S::Error> {
        let address = geometry.address(place.sector, place.offset);
        storage::program(storage, address, &[&self.prefix(), &self.crc.to_le_bytes(), payload])
    }

    /// Reads and verifies the frame at `place`, which must end by `limit`; as much of its payload as fits
    /// goes to `payload`.
    pub(super) fn read<S: ReadNorFlash>(
        storage: &mut S,
        geometry: &Geometry,
        place: Place,
        limit: u32,
        payload: &mut [u8],
    ) -> Result<FrameState, S::Error> {
        let frame = Self::read_header(storage, geometry, place, limit)?;
        let Some(frame) = frame else { return Ok(FrameState::None) };
        let valid = frame.verify(storage, geometry, place, payload)?;
        Ok(if valid { FrameState::Valid(frame) } else { FrameState::None })
    }

    /// What the first bytes at `place` say, not verified; `None` if no frame that ends by `limit` starts so.
    pub(super) fn read_header<S: ReadNorFlash>(
        storage: &mut S,
        geometry: &Geometry,
        place: Place,
        limit: u32,
    ) -> Result<Option<Self>, S::Error> {
        if place.offset.saturating_add(FRAME_HEADER_BYTES) > limit {
            return Ok(None);
        }
        let mut header = [0; FRAME_HEADER_BYTES as usize];
        storage::read(storage, geometry.address(place.sector, place.offset), &mut header)?;
        Ok(Self::decode(&header).filter(|frame| frame.end(place, geometry) <= limit))
    }

    /// Whether the payload at `place` has the CRC; as much of it as fits goes to `payload`.
    pub(super) fn verify<S: ReadNorFlash>(
        &self,
        storage: &mut S,
        geometry: &Geometry,
        place: Place,
        payload: &mut [u8],
    ) -> Result<bool, S::Error> {
        let mut address = geometry.address(place.sector, place.offset).saturating_add(FRAME_HEADER_BYTES);
        let mut crc = self.crc_start(place);
        let mut rest = usize::from(self.length);
        if cfg!(not(feature = "small-code"))
            && let Some(whole) = payload.get_mut(..rest)
        {
            storage::read(storage, address, whole)?;
            crc.update(whole);
            return Ok(crc.value() == self.crc);
        }
        let mut out = payload;
        while rest > 0 {
            let mut chunk = [0; READ_BYTES];
            let take = rest.min(READ_BYTES);
            let Some(chunk) = chunk.get_mut(..take) else { break };
            storage::read(storage, address, chunk)?;
            crc.update(chunk);
            storage::copy(out, chunk);
            let copied = out.len().min(take);
            out = out.get_mut(copied..).unwrap_or_default();
            address = address.saturating_add(take as u32);
            rest = rest.saturating_sub(take);
        }
        Ok(crc.value() == self.crc)
    }
}

/// The log's own part of a commit frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitFields {
    /// The epoch's number.
    pub epoch: u64,
    /// What the epoch holds.
    pub kind: EpochKind,
    /// Frames of the epoch before this one.
    pub frames: u32,
    /// CRC over the CRCs of those frames.
    pub frames_crc: u32,
}

impl CommitFields {
    pub(super) fn encode(&self, bytes: &mut [u8]) {
        let kind = match self.kind {
            EpochKind::Delta => 0,
            EpochKind::Snapshot => 1,
        };
        let mut rest = bytes;
        for part in [
            &self.epoch.to_le_bytes() as &[u8],
            &[kind],
            &self.frames.to_le_bytes(),
            &self.frames_crc.to_le_bytes(),
        ] {
            storage::copy(rest, part);
            rest = rest.get_mut(part.len()..).unwrap_or_default();
        }
    }

    pub(super) fn decode(frame: &Frame, bytes: &[u8]) -> Option<Self> {
        if usize::from(frame.length) < COMMIT_BYTES {
            return None;
        }
        let kind = match byte_at(bytes, 8) {
            0 => EpochKind::Delta,
            1 => EpochKind::Snapshot,
            _ => return None,
        };
        Some(Self { epoch: u64_at(bytes, 0), kind, frames: u32_at(bytes, 9), frames_crc: u32_at(bytes, 13) })
    }
}
