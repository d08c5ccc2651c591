//! Writing one epoch: entries gather in the buffer, full frames go out, the commit makes them count.

use serde::Serialize;

use super::error::CommitError;
use super::frame::{COMMIT_BYTES, CommitFields, FRAME_HEADER_BYTES, Frame, FrameKind, Place, next_tag};
use super::log::{Committed, EpochKind, Log, Past, Tip};
use super::sector::{HEADER_BYTES, SectorHeader};
use super::storage::LogStorage;
use crate::codec::{Encode, EncodeEach, Encoder, One};
use crate::crc::Crc;

/// An epoch being written; made by [`Log::begin`].
///
/// Dropped without [`commit`](Self::commit), or after an error, nothing of the epoch counts.
#[must_use = "an epoch counts only once it is committed"]
pub struct EpochWriter<'l, S, const BUFFER: usize> {
    log: &'l mut Log<S, BUFFER>,
    kind: EpochKind,
    tag: u8,
    /// Where the frames that count end so far, and the next one goes if `sector_open`.
    place: Place,
    /// Whether frames can be added to the sector at `place`.
    sector_open: bool,
    /// Sectors opened by this epoch.
    opened: u32,
    /// Kind and operator of the frame that gathers in the buffer.
    pending: Option<(FrameKind, u8)>,
    pending_bytes: u32,
    frames: u32,
    frames_crc: Crc,
    bytes: u32,
    failed: bool,
}

impl<'l, S: LogStorage, const BUFFER: usize> EpochWriter<'l, S, BUFFER> {
    pub(super) fn new(log: &'l mut Log<S, BUFFER>, kind: EpochKind) -> Self {
        let state = &log.state;
        let (place, tag) = match state.committed {
            Some(Committed { sector, sequence, end, next_tag, .. }) => {
                (Place { sector, sequence, offset: end }, next_tag)
            }
            None => {
                let tip = state.tip.unwrap_or(Tip { sector: 0, sequence: 0 });
                (Place { sector: tip.sector, sequence: tip.sequence, offset: HEADER_BYTES }, 0)
            }
        };
        Self {
            kind,
            tag,
            place,
            sector_open: kind == EpochKind::Delta && state.appendable,
            opened: 0,
            pending: None,
            pending_bytes: 0,
            frames: 0,
            frames_crc: Crc::new(),
            bytes: 0,
            failed: false,
            log,
        }
    }

    /// Writes what tells whose state this is: the first record of a snapshot.
    ///
    /// # Errors
    /// [`CommitError::IdentityMisplaced`] elsewhere, and as [`entry`](Self::entry).
    pub fn identity<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CommitError<S::Error>> {
        self.encode_identity(&value)
    }

    pub(crate) fn encode_identity(&mut self, value: &dyn Encode) -> Result<(), CommitError<S::Error>> {
        let first = self.frames == 0 && self.pending.is_none();
        self.attempt(|writer| {
            if writer.kind != EpochKind::Snapshot || !first {
                return Err(CommitError::IdentityMisplaced);
            }
            writer.push(FrameKind::Identity, 0, &mut One(value))?;
            writer.flush()
        })
    }

    /// Adds one value of an operator (the caller's numbering). Values of one operator share frames; a frame
    /// goes to the storage when the buffer or the sector is full.
    ///
    /// # Errors
    /// See [`CommitError`]. After any error the epoch is given up: drop the writer.
    pub fn entry<T: Serialize + ?Sized>(
        &mut self,
        operator: u8,
        value: &T,
    ) -> Result<(), CommitError<S::Error>> {
        self.encode_entries(operator, &mut One(&value))
    }

    /// Adds the values of a table, as [`entry`](Self::entry) would one by one.
    pub(crate) fn encode_entries(
        &mut self,
        operator: u8,
        values: &mut dyn EncodeEach,
    ) -> Result<(), CommitError<S::Error>> {
        self.attempt(|writer| writer.push(FrameKind::Entries, operator, values))
    }

    /// Closes the epoch under its number and a value of the caller's, and returns once it is durable.
    ///
    /// # Errors
    /// See [`CommitError`]. After a storage error, and until the next [`Log::begin`] has returned a writer, a cut may
    /// still lead to this epoch or to the one before; after that the failed epoch is gone for good, but for the exception that
    /// `docs/FORMAT.md` names under *Promises*.
    pub fn commit<T: Serialize + ?Sized>(self, epoch: u64, value: &T) -> Result<(), CommitError<S::Error>> {
        self.encode_commit(epoch, &value)
    }

    pub(crate) fn encode_commit(
        mut self,
        epoch: u64,
        value: &dyn Encode,
    ) -> Result<(), CommitError<S::Error>> {
        self.attempt(|writer| writer.write_commit(epoch, value))
    }

    /// Runs one step; a failed step ends the epoch.
    fn attempt(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<(), CommitError<S::Error>>,
    ) -> Result<(), CommitError<S::Error>> {
        if self.failed {
            return Err(CommitError::Abandoned);
        }
        let result = step(self);
        self.failed = result.is_err();
        result
    }

    fn push(
        &mut self,
        kind: FrameKind,
        operator: u8,
        values: &mut dyn EncodeEach,
    ) -> Result<(), CommitError<S::Error>> {
        if self.pending.is_some_and(|pending| pending != (kind, operator)) {
            self.flush()?;
        }
        // Each two rounds take a value at least, or are the last.
        loop {
            let (mut bytes, mut all) = self.serialize(values, self.pending_bytes, self.room())?;
            if bytes == 0 && !all && self.pending.is_none() {
                // What does not fit in the rest of this sector may fit in a whole one.
                let limit = self.largest();
                (bytes, all) = self.serialize(values, 0, Some(limit))?;
                if bytes == 0 && !all {
                    return Err(CommitError::EntryTooLarge { limit });
                }
                self.open_sector()?;
            }
            if bytes > 0 || all {
                self.pending = Some((kind, operator));
                self.pending_bytes = self.pending_bytes.saturating_add(bytes);
            }
            if all {
                return Ok(());
            }
            self.flush()?;
        }
    }

    /// The largest payload of any frame.
    fn largest(&self) -> u32 {
        self.log.geometry.sector_room().saturating_sub(FRAME_HEADER_BYTES).min(BUFFER as u32)
    }

    /// The largest payload of a frame at `place`, if one fits there at all.
    fn room(&self) -> Option<u32> {
        if !self.sector_open {
            return None;
        }
        let rest = self.log.geometry.records_end().checked_sub(self.place.offset)?;
        Some(rest.checked_sub(FRAME_HEADER_BYTES)?.min(self.largest()))
    }

    /// Serializes into the buffer from `at`, up to `room` if there is any. Returns the bytes it took, and whether those were all values.
    fn serialize(
        &mut self,
        values: &mut dyn EncodeEach,
        at: u32,
        room: Option<u32>,
    ) -> Result<(u32, bool), CommitError<S::Error>> {
        let Some(room) = room else { return Ok((0, false)) };
        let Some(space) = self.log.buffer.get_mut(at as usize..room as usize) else { return Ok((0, false)) };
        let mut encoder = Encoder::new(space);
        let all = values.encode_each(&mut encoder).map_err(|_| CommitError::NotSerializable)?;
        Ok((encoder.used() as u32, all))
    }

    /// Writes the entries in the buffer as a frame.
    fn flush(&mut self) -> Result<(), CommitError<S::Error>> {
        let Some((kind, operator)) = self.pending.take() else { return Ok(()) };
        let crc = self.write_frame(kind, operator, self.pending_bytes)?;
        self.pending_bytes = 0;
        self.frames = self.frames.saturating_add(1);
        self.frames_crc.update_u32(crc);
        Ok(())
    }

    /// Programs a frame with the first `length` bytes of the buffer, for which there must be room.
    fn write_frame(
        &mut self,
        kind: FrameKind,
        operator: u8,
        length: u32,
    ) -> Result<u32, CommitError<S::Error>> {
        let Log { storage, geometry, buffer, state, counters } = &mut *self.log;
        let payload = buffer.get(..length as usize).unwrap_or(&[]);
        let frame = Frame::new(kind, operator, self.tag, self.place, payload);
        // From here on the last commit's sector is not blank after that commit any more.
        state.appendable = false;
        let end = frame.end(self.place, geometry);
        let bytes = end.saturating_sub(self.place.offset);
        counters.program(bytes);
        frame.program(storage, geometry, self.place, payload).map_err(CommitError::Storage)?;
        self.bytes = self.bytes.saturating_add(bytes);
        self.place.offset = end;
        Ok(frame.crc)
    }

    /// Opens the next sector of the ring, which must not be one that the last commit needs.
    fn open_sector(&mut self) -> Result<(), CommitError<S::Error>> {
        self.check_limits()?;
        let log = &mut *self.log;
        let target = log.state.tip.map_or(log.state.start, |tip| log.geometry.next(tip.sector));
        let sequence = log.state.next_sequence;
        log.state.next_sequence = sequence.checked_add(1).ok_or(CommitError::Exhausted)?;
        let header = SectorHeader {
            snapshot: self.kind == EpochKind::Snapshot && self.opened == 0,
            first: log.state.committed.is_none() && self.opened == 0,
            sequence,
            predecessor: log.state.tip.map_or(0, |tip| tip.sequence),
            predecessor_end: self.place.offset,
            tag: self.tag,
        };
        log.open_sector(target, &header).map_err(CommitError::Storage)?;
        self.opened = self.opened.saturating_add(1);
        self.place = Place { sector: target, sequence, offset: HEADER_BYTES };
        self.sector_open = true;
        Ok(())
    }

    /// Opens the first sector at once, durably, which ends the doubt about a first epoch whose commit failed.
    pub(super) fn begin_anew(&mut self) -> Result<(), CommitError<S::Error>> {
        self.open_sector()?;
        self.log.state.in_doubt = false;
        Ok(())
    }

    fn check_limits(&self) -> Result<(), CommitError<S::Error>> {
        let geometry = &self.log.geometry;
        let used = self.log.live_sectors().saturating_add(self.opened);
        match self.kind {
            EpochKind::Delta if used >= geometry.live_sectors_max() => Err(CommitError::NeedsSnapshot),
            EpochKind::Snapshot
                if self.opened >= geometry.snapshot_sectors_max() || used >= u32::from(geometry.sectors) =>
            {
                Err(CommitError::Full { room: self.log.snapshot_room() })
            }
            _ => Ok(()),
        }
    }

    fn write_commit(&mut self, epoch: u64, value: &dyn Encode) -> Result<(), CommitError<S::Error>> {
        self.flush()?;
        let largest = self.largest();
        let (bytes, true) = self.serialize(&mut One(value), COMMIT_BYTES as u32, Some(largest))? else {
            return Err(CommitError::EntryTooLarge { limit: largest.saturating_sub(COMMIT_BYTES as u32) });
        };
        let length = bytes.saturating_add(COMMIT_BYTES as u32);
        if self.room().is_none_or(|room| length > room) {
            self.open_sector()?;
        }
        let frames_crc = self.frames_crc.value();
        let fields = CommitFields { epoch, kind: self.kind, frames: self.frames, frames_crc };
        fields.encode(self.log.buffer.get_mut(..COMMIT_BYTES).unwrap_or_default());
        // In a sector of its own a failed epoch is erased, unless it is the first; elsewhere only a mark can end it.
        self.log.state.in_doubt = self.opened == 0 || self.log.state.committed.is_none();
        let crc = self.write_frame(FrameKind::Commit, 0, length)?;
        self.log.storage.sync().map_err(CommitError::Storage)?;
        self.committed(epoch, crc);
        Ok(())
    }

    /// The epoch is durable.
    fn committed(&mut self, epoch: u64, crc: u32) {
        self.log.counters.commit();
        let state = &mut self.log.state;
        let first_opened = (0..self.opened.saturating_sub(1))
            .fold(self.place.sector, |sector, _| self.log.geometry.previous(sector));
        let (snapshot_sector, before) = match (self.kind, state.committed) {
            (EpochKind::Delta, Some(committed)) => (committed.snapshot_sector, Some(committed.commits_crc)),
            _ => (first_opened, None),
        };
        state.committed = Some(Committed {
            snapshot_sector,
            sector: self.place.sector,
            sequence: self.place.sequence,
            end: self.place.offset,
            epoch,
            commits_crc: Past::with_commit(before, crc),
            next_tag: next_tag(self.tag),
        });
        state.appendable = true;
        state.in_doubt = false;
        state.delta_bytes = if self.kind == EpochKind::Delta { self.bytes } else { state.delta_bytes };
        if self.opened > 0 {
            // The epoch counts, whatever becomes of the seals: they only help to tell damage from a cut.
            // What fails here is made up for by the next epoch.
            // Sectors before this epoch's are sealed already, unless that failed too.
            let rounds = if state.seals_pending { u32::MAX } else { self.opened };
            state.seals_pending = true;
            let _ = self.log.seal(rounds);
        }
    }
}

impl<S: LogStorage, const BUFFER: usize> Log<S, BUFFER> {
    /// Erases a sector and gives it its header, durably. Everything programmed before is durable first.
    fn open_sector(&mut self, sector: u32, header: &SectorHeader) -> Result<(), S::Error> {
        self.storage.sync()?;
        if self.state.erased.take() != Some(sector) {
            self.erase(sector)?;
        }
        let tip = Some(Tip { sector, sequence: header.sequence });
        // With a commit to protect, a header that fails halfway must be erased before the next epoch. Without
        // one the sector is simply taken again.
        if self.state.committed.is_some() {
            self.state.tip = tip;
        }
        let bytes = header.encode(&self.geometry);
        self.counters.program(HEADER_BYTES);
        super::storage::program(&mut self.storage, self.geometry.address(sector, 0), &[&bytes])?;
        self.storage.sync()?;
        self.state.tip = tip;
        Ok(())
    }
}
