//! Replay: the records from the last snapshot to the last commit, in the order they were written.

use super::error::ReplayError;
use super::frame::{COMMIT_BYTES, CommitFields, Frame, FrameKind, FrameState, Place};
use super::log::{Committed, Log};
use super::sector::{HEADER_BYTES, HeaderState, SectorHeader};
use super::storage::LogStorage;

/// One record of a committed epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record<'a> {
    /// What [`identity`](super::EpochWriter::identity) was given, in postcard.
    Identity(&'a [u8]),
    /// Values of one operator, in postcard, one after the other. The values of an epoch may come in several
    /// of these.
    Entries {
        /// The operator's number.
        operator: u8,
        /// The values.
        payload: &'a [u8],
    },
    /// The end of an epoch.
    Commit {
        /// Its number.
        epoch: u64,
        /// What [`commit`](super::EpochWriter::commit) was given, in postcard.
        payload: &'a [u8],
    },
}

/// Takes records.
type Take<'t, R> = dyn FnMut(Record<'_>) -> Result<(), R> + 't;

impl<S: LogStorage, const BUFFER: usize> Log<S, BUFFER> {
    /// Hands out every record from the start of the last committed snapshot to the last commit, in order;
    /// none of an empty log. Every record is verified again.
    ///
    /// # Errors
    /// The closure's own error ends the replay; else see [`ReplayError`].
    pub fn replay<R>(
        &mut self,
        mut take: impl FnMut(Record<'_>) -> Result<(), R>,
    ) -> Result<(), ReplayError<R, S::Error>> {
        self.replay_to(&mut take)
    }

    /// [`Log::replay`] with code that is there once for each `R`.
    pub(crate) fn replay_to<R>(&mut self, take: &mut Take<'_, R>) -> Result<(), ReplayError<R, S::Error>> {
        let Some(committed) = self.state.committed else { return Ok(()) };
        let mut sector = committed.snapshot_sector;
        for _ in 0..self.live_sectors() {
            self.replay_sector(sector, &committed, take)?;
            sector = self.geometry.next(sector);
        }
        Ok(())
    }

    fn replay_sector<R>(
        &mut self,
        sector: u32,
        committed: &Committed,
        take: &mut Take<'_, R>,
    ) -> Result<(), ReplayError<R, S::Error>> {
        let sequence = self.chain_header(sector)?.sequence;
        let end = if sector == committed.sector {
            committed.end
        } else {
            self.chain_header(self.geometry.next(sector))?.predecessor_end
        };
        let end = end.min(self.geometry.records_end());
        let mut place = Place { sector, sequence, offset: HEADER_BYTES };
        while place.offset < end {
            let Self { storage, geometry, buffer, .. } = self;
            let frame = Frame::read(storage, geometry, place, end, buffer).map_err(ReplayError::Storage)?;
            let FrameState::Valid(frame) = frame else {
                return Err(ReplayError::Corrupted { sector, offset: place.offset });
            };
            let record = record(&frame, buffer);
            let record = record.ok_or(ReplayError::Corrupted { sector, offset: place.offset })?;
            take(record).map_err(ReplayError::Record)?;
            place.offset = frame.end(place, geometry);
        }
        Ok(())
    }

    fn chain_header<R>(&mut self, sector: u32) -> Result<SectorHeader, ReplayError<R, S::Error>> {
        let header = SectorHeader::read(&mut self.storage, &self.geometry, sector);
        match header.map_err(ReplayError::Storage)? {
            HeaderState::Valid(header) => Ok(header),
            _ => Err(ReplayError::Corrupted { sector, offset: 0 }),
        }
    }
}

pub(super) fn record<'b>(frame: &Frame, buffer: &'b [u8]) -> Option<Record<'b>> {
    let payload = buffer.get(..usize::from(frame.length))?;
    Some(match frame.kind {
        FrameKind::Identity => Record::Identity(payload),
        FrameKind::Entries => Record::Entries { operator: frame.operator, payload },
        FrameKind::Commit => Record::Commit {
            epoch: CommitFields::decode(frame, payload)?.epoch,
            payload: payload.get(COMMIT_BYTES..)?,
        },
    })
}
