//! The log itself: what it knows after opening, and how an epoch begins.

use super::error::{CommitError, OpenError};
use super::geometry::Geometry;
use super::open;
use super::sector::{HeaderState, SectorHeader, Slot, SlotState};
use super::storage::LogStorage;
use super::wear::Counters;
use super::write::EpochWriter;
use crate::crc::Crc;

/// What an epoch holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum EpochKind {
    /// What changed since the last epoch.
    Delta,
    /// Everything: a replay starts at the last snapshot.
    Snapshot,
}

/// The last commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Committed {
    /// Sector where its snapshot starts.
    pub(super) snapshot_sector: u32,
    /// Sector of the commit frame.
    pub(super) sector: u32,
    pub(super) sequence: u32,
    /// Offset just after the commit frame.
    pub(super) end: u32,
    pub(super) epoch: u64,
    /// See [`Past::commits_crc`].
    pub(super) commits_crc: u32,
    /// Tag of the epoch that follows.
    pub(super) next_tag: u8,
}

/// What tells one past from another: a query goes on only in a log that ends with its own last commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Past {
    /// Number of the last epoch.
    pub(crate) epoch: u64,
    /// CRC over the CRCs of all commit frames since the last snapshot. A commit frame has the CRC of the frames before it in it, so this
    /// depends on every byte of them, the identity too.
    pub(crate) commits_crc: u32,
}

impl Past {
    /// The CRC with one more commit frame, the first if there is none before.
    pub(super) fn with_commit(before: Option<u32>, frame_crc: u32) -> u32 {
        let mut crc = before.map_or_else(Crc::new, Crc::going_on_from);
        crc.update_u32(frame_crc);
        crc.value()
    }
}

/// The end of the chain of sectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tip {
    pub(super) sector: u32,
    pub(super) sequence: u32,
}

/// What is on the storage, as far as the next epoch must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    pub(super) committed: Option<Committed>,
    /// The last sector opened, holding a commit or not; `None` on a storage never written.
    pub(super) tip: Option<Tip>,
    /// Where the ring starts on a storage never written.
    pub(super) start: u32,
    /// For the next sector to be opened.
    pub(super) next_sequence: u32,
    /// A sector known to be erased.
    pub(super) erased: Option<u32>,
    /// Nothing but erased bytes follow the last commit in its sector, slots included.
    pub(super) appendable: bool,
    /// A commit frame may stand after the last commit in its sector though its commit failed.
    pub(super) in_doubt: bool,
    /// A cut or an error may have left out seals of sectors before the last commit.
    pub(super) seals_pending: bool,
    /// Bytes that the last delta took, 0 if not known.
    pub(super) delta_bytes: u32,
}

/// A checkpoint log on `S`; `BUFFER` is the most bytes of one record, 64 to 32,768. For a query take 256 or more: what it says of itself in a
/// commit grows with its counts, to 186 bytes with the inputs' marks and the caller's offset behind them.
///
/// A `Log` takes `BUFFER` bytes and some 100 more, and never allocates. Between a power cut and the next
/// `open` no call is needed; see `docs/FORMAT.md` for what a cut and what damage can do.
#[derive(Debug, Clone)]
pub struct Log<S, const BUFFER: usize = 512> {
    pub(super) storage: S,
    pub(super) geometry: Geometry,
    pub(super) state: State,
    pub(super) counters: Counters,
    pub(super) buffer: [u8; BUFFER],
}

impl<S: LogStorage, const BUFFER: usize> Log<S, BUFFER> {
    /// Finds the last committed epoch and verifies the CRC of every record since its snapshot.
    ///
    /// Writes nothing: what a cut left unfinished is cleared by the next epoch. A storage that is erased
    /// throughout is an empty log. Calls `sync`, since after the crash of a process alone the last writes
    /// may be readable and not yet durable. Reads every sector's header and the live sectors.
    ///
    /// # Errors
    /// See [`OpenError`]; the storage is left as it was. Pass `&mut storage` to keep it in that case.
    pub fn open(mut storage: S) -> Result<Self, OpenError<S::Error>> {
        const { assert!(BUFFER >= 64 && BUFFER <= 32_768, "BUFFER must be 64 to 32768 bytes") };
        let geometry = Geometry::of(&storage).map_err(OpenError::Geometry)?;
        let state = open::recover(&mut storage, &geometry, BUFFER as u32)?;
        if state.tip.is_some() {
            storage.sync().map_err(OpenError::Storage)?;
        }
        let end = state.committed.map_or(0, |committed| committed.end);
        let counters = Counters::at_open(state.next_sequence.saturating_sub(1), end);
        Ok(Self { storage, geometry, state, counters, buffer: [0; BUFFER] })
    }

    /// Erases the whole storage and begins an empty log on it. What it held is gone: for a storage whose damage
    /// [`Log::open`] refuses, or one that held another query.
    ///
    /// # Errors
    /// [`OpenError::Geometry`] if the storage does not suit, [`OpenError::Storage`].
    pub fn format(mut storage: S) -> Result<Self, OpenError<S::Error>> {
        Geometry::of(&storage).map_err(OpenError::Geometry)?;
        let capacity = storage.capacity() as u32;
        storage.erase(0, capacity).map_err(OpenError::Storage)?;
        storage.sync().map_err(OpenError::Storage)?;
        Self::open(storage)
    }

    /// Whether nothing was ever committed.
    pub fn is_empty(&self) -> bool {
        self.state.committed.is_none()
    }

    /// The number of the last committed epoch.
    pub fn epoch(&self) -> Option<u64> {
        self.state.committed.map(|committed| committed.epoch)
    }

    /// What leads to the last commit.
    pub(crate) fn past(&self) -> Option<Past> {
        let Committed { epoch, commits_crc, .. } = self.state.committed?;
        Some(Past { epoch, commits_crc })
    }

    /// The storage.
    pub fn storage(&self) -> &S {
        &self.storage
    }

    /// The storage, for what is not reading, erasing or programming: the log relies on what it knows of it.
    pub fn storage_mut(&mut self) -> &mut S {
        &mut self.storage
    }

    /// Gives the storage back.
    pub fn into_storage(self) -> S {
        self.storage
    }

    /// Whether the next epoch should be a snapshot: the log is empty, or a delta of the size of the last one
    /// would not fit any more.
    ///
    /// Advice only: a larger delta still ends in [`CommitError::NeedsSnapshot`], and a snapshot may be taken
    /// at any time.
    pub fn wants_snapshot(&self) -> bool {
        let Some(committed) = self.state.committed else { return true };
        if self.live_sectors() < self.geometry.live_sectors_max() {
            return false;
        }
        let rest = self.geometry.records_end().saturating_sub(committed.end);
        !self.state.appendable || rest < self.state.delta_bytes.max(super::frame::FRAME_HEADER_BYTES)
    }

    /// The most bytes one snapshot may take, with 8 bytes for each frame (a run of entries) and the rest of
    /// a sector that the next entry does not fit in.
    pub fn snapshot_room(&self) -> u32 {
        self.geometry.snapshot_sectors_max().saturating_mul(self.geometry.sector_room())
    }

    /// Begins an epoch. Nothing of it counts until [`EpochWriter::commit`]; dropping the writer gives it up.
    ///
    /// First clears what an earlier epoch that was cut off or given up has left, which erases its sectors.
    ///
    /// # Errors
    /// [`CommitError::NeedsSnapshot`] for a delta on an empty log or without any room; storage errors.
    pub fn begin(&mut self, kind: EpochKind) -> Result<EpochWriter<'_, S, BUFFER>, CommitError<S::Error>> {
        if kind == EpochKind::Delta && self.is_empty() {
            return Err(CommitError::NeedsSnapshot);
        }
        self.end_doubt().map_err(CommitError::Storage)?;
        self.erase_dead_sectors().map_err(CommitError::Storage)?;
        if self.state.seals_pending {
            self.seal(u32::MAX).map_err(CommitError::Storage)?;
        }
        let full = self.live_sectors() >= self.geometry.live_sectors_max();
        if kind == EpochKind::Delta && full && !self.state.appendable {
            return Err(CommitError::NeedsSnapshot);
        }
        let anew = self.state.in_doubt;
        let mut writer = EpochWriter::new(self, kind);
        if anew {
            writer.begin_anew()?;
        }
        Ok(writer)
    }

    /// Sectors from the start of the last snapshot to the last commit.
    pub(super) fn live_sectors(&self) -> u32 {
        self.state.committed.map_or(0, |committed| {
            self.geometry.distance(committed.snapshot_sector, committed.sector).saturating_add(1)
        })
    }

    /// After a failed commit its frames may be valid on the storage. Marks them as dead, durably, before
    /// anything else is written: else they could come back after a later cut. Where there is no commit that could hold the mark, the doubt
    /// stays, and ends with a sector that says that nothing before it counts ([`EpochWriter::begin_anew`]).
    fn end_doubt(&mut self) -> Result<(), S::Error> {
        let (true, Some(committed)) = (self.state.in_doubt, self.state.committed) else { return Ok(()) };
        let Committed { sector, sequence, end, .. } = committed;
        let (storage, geometry) = (&mut self.storage, &self.geometry);
        // A slot that an earlier attempt left torn cannot be programmed again.
        if Slot::End.read(storage, geometry, sector, sequence)? == SlotState::Blank {
            self.counters.program(Slot::programmed_bytes(geometry));
            Slot::End.program(storage, geometry, sector, sequence, end)?;
        }
        storage.sync()?;
        self.state.in_doubt = false;
        Ok(())
    }

    /// Erases the sectors after the last commit, newest first, each durably: every step leaves a valid chain.
    ///
    /// Before the first commit nothing is erased. The first epoch starts anew in the next sector instead, so
    /// that some sector always tells a log without commits from a damaged one.
    fn erase_dead_sectors(&mut self) -> Result<(), S::Error> {
        let Some(committed) = self.state.committed else { return Ok(()) };
        for _ in 0..self.geometry.sectors {
            let Some(tip) = self.state.tip else { break };
            if tip.sector == committed.sector {
                break;
            }
            self.state.erased = None;
            self.erase(tip.sector)?;
            self.storage.sync()?;
            self.state.erased = Some(tip.sector);
            let sector = self.geometry.previous(tip.sector);
            self.state.tip = Some(Tip { sector, sequence: committed.sequence });
        }
        Ok(())
    }

    pub(super) fn erase(&mut self, sector: u32) -> Result<(), S::Error> {
        self.counters.erase();
        let from = self.geometry.address(sector, 0);
        self.storage.erase(from, from.saturating_add(self.geometry.erase_size))
    }

    /// Seals the sectors before the last commit's: a seal says that a later sector holds a commit, so that
    /// damage to that sector's header cannot pass for a cut. Goes back until one is sealed, or `sectors_max`.
    pub(super) fn seal(&mut self, sectors_max: u32) -> Result<(), S::Error> {
        self.state.seals_pending = true;
        let Some(committed) = self.state.committed else { return Ok(()) };
        let mut sector = committed.sector;
        for _ in 0..sectors_max.min(u32::from(self.geometry.sectors).saturating_sub(1)) {
            let HeaderState::Valid(header) = SectorHeader::read(&mut self.storage, &self.geometry, sector)?
            else {
                break;
            };
            sector = self.geometry.previous(sector);
            let before = SectorHeader::read(&mut self.storage, &self.geometry, sector)?;
            let HeaderState::Valid(before) = before else { break };
            let (storage, geometry, sequence) = (&mut self.storage, &self.geometry, before.sequence);
            if sequence != header.predecessor
                || Slot::Seal.read(storage, geometry, sector, sequence)? != SlotState::Blank
            {
                break;
            }
            self.counters.program(Slot::programmed_bytes(geometry));
            Slot::Seal.program(storage, geometry, sector, sequence, 0)?;
        }
        self.state.seals_pending = false;
        Ok(())
    }
}
