//! Recovery: from the bytes on the storage to the last committed epoch. Reads only.

use embedded_storage::nor_flash::ReadNorFlash;

use super::error::{GeometryError, OpenError};
use super::frame::{COMMIT_BYTES, CommitFields, Frame, FrameKind, FrameState, Place, next_tag};
use super::geometry::Geometry;
use super::log::{Committed, EpochKind, Past, State, Tip};
use super::search::{self, Search};
use super::sector::{FORMAT_VERSION, HEADER_BYTES, HeaderState, SectorHeader, Slot, SlotState};
use super::storage;
use crate::crc::Crc;

/// Finds the last committed epoch and what stands after it.
pub(super) fn recover<S: ReadNorFlash>(
    storage: &mut S,
    geometry: &Geometry,
    buffer: u32,
) -> Result<State, OpenError<S::Error>> {
    Recovery { storage, geometry, buffer }.run()
}

struct Recovery<'s, S> {
    storage: &'s mut S,
    geometry: &'s Geometry,
    buffer: u32,
}

/// The part of an epoch that a scan has passed.
struct Progress {
    committed: Option<Committed>,
    frames: u32,
    frames_crc: Crc,
    tag: u8,
}

/// Sectors `start` to `tip`, one after the other; `tip_end` is where records must end if that is known.
#[derive(Clone, Copy)]
struct Chain {
    start: u32,
    header: SectorHeader,
    tip: Tip,
    tip_end: Option<u32>,
}

fn corrupted<E>(sector: u32, offset: u32) -> OpenError<E> {
    OpenError::Corrupted { sector, offset }
}

impl<S: ReadNorFlash> Recovery<'_, S> {
    fn run(&mut self) -> Result<State, OpenError<S::Error>> {
        let Some(tip) = self.newest()? else { return self.never_written() };
        let mut chain = self.chain(tip, None)?;
        let mut committed = self.scan(&chain)?;
        if committed.is_none() && !chain.header.first {
            // The snapshot was cut off: the last commit is that of the chain before it.
            let before =
                Tip { sector: self.geometry.previous(chain.start), sequence: chain.header.predecessor };
            chain = self.chain(before, Some(chain.header.predecessor_end))?;
            committed = self.scan(&chain)?;
            if committed.is_none() {
                return Err(corrupted(chain.start, HEADER_BYTES));
            }
        }
        let from = committed.map_or(chain.start, |committed| committed.sector);
        self.refuse_seals(from, tip, committed.is_some())?;
        Ok(State {
            committed,
            tip: Some(tip),
            start: 0,
            next_sequence: tip.sequence.saturating_add(1),
            erased: None,
            appendable: match committed {
                Some(committed) => self.is_appendable(&committed)?,
                None => false,
            },
            in_doubt: false,
            seals_pending: true,
            delta_bytes: 0,
        })
    }

    fn header(&mut self, sector: u32) -> Result<HeaderState, OpenError<S::Error>> {
        SectorHeader::read(self.storage, self.geometry, sector).map_err(OpenError::Storage)
    }

    /// The header of a sector of the chain, which must be valid and have this sequence.
    fn chain_header(&mut self, tip: Tip) -> Result<SectorHeader, OpenError<S::Error>> {
        match self.header(tip.sector)? {
            HeaderState::Valid(header) if header.sequence == tip.sequence => Ok(header),
            _ => Err(corrupted(tip.sector, 0)),
        }
    }

    fn newest(&mut self) -> Result<Option<Tip>, OpenError<S::Error>> {
        let mut newest: Option<Tip> = None;
        for sector in 0..u32::from(self.geometry.sectors) {
            let header = match self.header(sector)? {
                HeaderState::Blank | HeaderState::Invalid => continue,
                HeaderState::Newer(found) => {
                    return Err(OpenError::NewerFormat { found, supported: FORMAT_VERSION });
                }
                HeaderState::OtherGeometry(Geometry { write_size, erase_size, sectors }) => {
                    let written = GeometryError::Written { write_size, erase_size, sectors };
                    return Err(OpenError::Geometry(written));
                }
                HeaderState::Valid(header) => header,
            };
            if newest.is_none_or(|newest| newest.sequence < header.sequence) {
                newest = Some(Tip { sector, sequence: header.sequence });
            }
        }
        Ok(newest)
    }

    /// No header is valid. A cut while the very first header was programmed leaves a torn header and nothing
    /// else; any other byte means damage, or something that is not a log.
    fn never_written(&mut self) -> Result<State, OpenError<S::Error>> {
        let mut start = None;
        for sector in 0..u32::from(self.geometry.sectors) {
            if !self.is_blank(sector, HEADER_BYTES, self.geometry.erase_size)? {
                return Err(corrupted(sector, HEADER_BYTES));
            }
            if start.is_none() && self.header(sector)? == HeaderState::Blank {
                start = Some(sector);
            }
        }
        Ok(State {
            committed: None,
            tip: None,
            start: start.unwrap_or(0),
            next_sequence: 1,
            erased: start,
            appendable: false,
            in_doubt: false,
            seals_pending: false,
            delta_bytes: 0,
        })
    }

    /// Walks back from `tip` to the sector where its snapshot starts.
    fn chain(&mut self, tip: Tip, tip_end: Option<u32>) -> Result<Chain, OpenError<S::Error>> {
        let mut at = tip;
        for _ in 0..self.geometry.sectors {
            let header = self.chain_header(at)?;
            if header.snapshot {
                return Ok(Chain { start: at.sector, header, tip, tip_end });
            }
            at = Tip { sector: self.geometry.previous(at.sector), sequence: header.predecessor };
        }
        Err(corrupted(tip.sector, 0))
    }

    /// Verifies the records of a chain, first to last, and returns the last commit.
    fn scan(&mut self, chain: &Chain) -> Result<Option<Committed>, OpenError<S::Error>> {
        let mut progress =
            Progress { committed: None, frames: 0, frames_crc: Crc::new(), tag: chain.header.tag };
        let mut at = Tip { sector: chain.start, sequence: chain.header.sequence };
        for _ in 0..self.geometry.sectors {
            if at.sector == chain.tip.sector {
                self.scan_tip(chain, at, &mut progress)?;
                break;
            }
            let HeaderState::Valid(next) = self.header(self.geometry.next(at.sector))? else {
                return Err(corrupted(self.geometry.next(at.sector), 0));
            };
            self.scan_sector(chain, at, Some(next.predecessor_end), &mut progress)?;
            at = Tip { sector: self.geometry.next(at.sector), sequence: next.sequence };
            if next.tag != progress.tag {
                return Err(corrupted(at.sector, 0));
            }
        }
        Ok(progress.committed)
    }

    /// The last sector of a chain: its records may end in a torn one, unless it is known where they end.
    fn scan_tip(
        &mut self,
        chain: &Chain,
        at: Tip,
        progress: &mut Progress,
    ) -> Result<(), OpenError<S::Error>> {
        let mut end = chain.tip_end;
        if end.is_none() {
            let slot = Slot::End.read(self.storage, self.geometry, at.sector, at.sequence);
            if let SlotState::Valid(offset) = slot.map_err(OpenError::Storage)? {
                end = Some(offset);
            }
        }
        let stopped = self.scan_sector(chain, at, end, progress)?;
        match end {
            Some(_) => Ok(()),
            None => self.refuse_later_epochs(at, stopped, progress.tag),
        }
    }

    /// Verifies the records of one sector up to `end`, or up to the first that is not valid. Returns where
    /// it stopped.
    fn scan_sector(
        &mut self,
        chain: &Chain,
        at: Tip,
        end: Option<u32>,
        progress: &mut Progress,
    ) -> Result<u32, OpenError<S::Error>> {
        let limit = end.unwrap_or(self.geometry.records_end());
        if limit < HEADER_BYTES || limit > self.geometry.records_end() {
            return Err(corrupted(at.sector, 0));
        }
        let mut offset = HEADER_BYTES;
        while offset < limit {
            let place = Place { sector: at.sector, sequence: at.sequence, offset };
            let mut fields = [0; COMMIT_BYTES];
            let FrameState::Valid(frame) = self.frame(place, limit, &mut fields)? else { break };
            if u32::from(frame.length) > self.buffer {
                return Err(OpenError::BufferTooSmall { needed: frame.length, buffer: self.buffer });
            }
            if frame.tag != progress.tag {
                return Err(corrupted(at.sector, offset));
            }
            offset = frame.end(place, self.geometry);
            if !progress.accept(chain, at, offset, &frame, &fields) {
                return Err(corrupted(at.sector, place.offset));
            }
        }
        if end.is_some_and(|end| end != offset) {
            return Err(corrupted(at.sector, offset));
        }
        Ok(offset)
    }

    fn frame(
        &mut self,
        place: Place,
        limit: u32,
        payload: &mut [u8],
    ) -> Result<FrameState, OpenError<S::Error>> {
        Frame::read(self.storage, self.geometry, place, limit, payload).map_err(OpenError::Storage)
    }

    /// A record that is not valid is a torn one only if no later epoch follows it: that one began after this
    /// record was durable.
    fn refuse_later_epochs(&mut self, at: Tip, stopped: u32, tag: u8) -> Result<(), OpenError<S::Error>> {
        let records_end = self.geometry.records_end();
        let to = search::programmed_end(self.storage, self.geometry, at.sector, (stopped, records_end));
        let mut search = Search {
            to: to.map_err(OpenError::Storage)?,
            // No record of this log is longer.
            longest: Frame::size(self.buffer, self.geometry),
            budget: u64::MAX,
        };
        let mut place = Place { sector: at.sector, sequence: at.sequence, offset: stopped };
        while place.offset < search.to {
            let found = search.next(self.storage, self.geometry, place).map_err(OpenError::Storage)?;
            let Some((at_frame, frame)) = found else { break };
            if frame.tag != tag {
                return Err(corrupted(at.sector, stopped));
            }
            place.offset = frame.end(at_frame, self.geometry);
        }
        Ok(())
    }

    /// A seal after the last commit found says that there was a later one.
    fn refuse_seals(&mut self, from: u32, tip: Tip, commit: bool) -> Result<(), OpenError<S::Error>> {
        let mut sector = from;
        for step in 0..self.geometry.sectors {
            let HeaderState::Valid(header) = self.header(sector)? else {
                return Err(corrupted(sector, 0));
            };
            let seal = Slot::Seal.read(self.storage, self.geometry, sector, header.sequence);
            // A sector without a commit may show old bytes here, if its erase was not yet durable.
            let sealed = match seal.map_err(OpenError::Storage)? {
                SlotState::Blank => false,
                SlotState::Invalid => commit && step == 0,
                SlotState::Valid(_) => true,
            };
            if sealed {
                return Err(corrupted(self.geometry.next(sector), 0));
            }
            if sector == tip.sector {
                break;
            }
            sector = self.geometry.next(sector);
        }
        Ok(())
    }

    fn is_appendable(&mut self, committed: &Committed) -> Result<bool, OpenError<S::Error>> {
        self.is_blank(committed.sector, committed.end, self.geometry.erase_size)
    }

    fn is_blank(&mut self, sector: u32, from: u32, to: u32) -> Result<bool, OpenError<S::Error>> {
        let (from, to) = (self.geometry.address(sector, from), self.geometry.address(sector, to));
        storage::is_blank(self.storage, from, to).map_err(OpenError::Storage)
    }
}

impl Progress {
    /// Takes a valid frame that ends at `end`. Returns whether it can stand here.
    fn accept(&mut self, chain: &Chain, at: Tip, end: u32, frame: &Frame, fields: &[u8]) -> bool {
        if frame.kind != FrameKind::Commit {
            self.frames = self.frames.saturating_add(1);
            self.frames_crc.update_u32(frame.crc);
            return true;
        }
        let Some(fields) = CommitFields::decode(frame, fields) else { return false };
        let first = self.committed.is_none();
        if fields.frames != self.frames
            || fields.frames_crc != self.frames_crc.value()
            || first != (fields.kind == EpochKind::Snapshot)
        {
            return false;
        }
        let tag = next_tag(self.tag);
        let before = self.committed.map(|committed| committed.commits_crc);
        self.committed = Some(Committed {
            snapshot_sector: chain.start,
            sector: at.sector,
            sequence: at.sequence,
            end,
            epoch: fields.epoch,
            commits_crc: Past::with_commit(before, frame.crc),
            next_tag: tag,
        });
        *self = Self { committed: self.committed, frames: 0, frames_crc: Crc::new(), tag };
        true
    }
}
