//! A log's bytes to be looked at: every sector and every record, also where a log would not open. Never writes.

use core::fmt;

use embedded_storage::nor_flash::{ErrorType, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_read};

use super::error::{GeometryError, OpenError};
use super::frame::{CommitFields, FRAME_HEADER_BYTES, Frame, FrameKind, PAYLOAD_BYTES_MAX, Place};
use super::geometry::Geometry;
use super::log::Committed;
use super::open;
use super::replay::{self, Record};
use super::search::{self, Search};
use super::sector::{HEADER_BYTES, HeaderState, SectorHeader, Slot, SlotState};
use super::storage;

/// How often the bytes of a sector are looked at, at most, in search of records behind damage.
const SEARCH_ROUNDS_MAX: u64 = 64;

/// The bytes of a log, in a dump or on a storage of which only the reading side is used.
///
/// [`Log::open`](super::Log::open) tells the last commit or the first damage; this tells what stands in each sector. It reads through the
/// same code, so both agree on what a valid record is. Any bytes will do: nothing panics, and the work is bounded by the size
/// of the storage.
///
/// ```
/// use headwater::checkpoint::{EpochKind, Geometry, ImageBytes, Log, LogImage, RamFlash};
///
/// let mut log = Log::<_, 256>::open(RamFlash::<4096, 4, 1024>::new())?;
/// let mut epoch = log.begin(EpochKind::Snapshot)?;
/// epoch.entry(0, &(7u16, 21.5f32))?;
/// epoch.commit(1, &1000u64)?;
/// let dump = log.into_storage().image().to_vec();
///
/// // The dump's first header says on what flash it was written.
/// let geometry = Geometry::written_in(dump.first_chunk().unwrap()).unwrap();
/// let mut image = LogImage::new(ImageBytes(&dump), geometry)?;
/// assert_eq!(image.last_commit()?.unwrap().epoch, 1);
/// let mut buffer = [0; 256];
/// let mut records = 0;
/// image.records(0, &mut buffer, |found| records += u32::from(found.is_ok()))?;
/// assert_eq!(records, 2, "the entry and the commit");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct LogImage<S> {
    storage: S,
    geometry: Geometry,
}

/// Where the last commit of a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastCommit {
    /// Its number.
    pub epoch: u64,
    /// The sector where its snapshot starts.
    pub snapshot_sector: u32,
    /// The sector of the commit record.
    pub sector: u32,
    /// Where the commit record ends in it, in bytes.
    pub end: u32,
}

/// The two slots at the end of a sector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectorSlots {
    /// Records from its value on do not count: a commit had reported an error.
    pub end: SlotState,
    /// A later sector holds a commit.
    pub seal: SlotState,
}

/// A valid record and its place in the sector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundRecord<'b> {
    /// Where it starts, in bytes.
    pub offset: u32,
    /// Where it ends, in bytes, with its padding.
    pub end: u32,
    /// The tag of its epoch.
    pub tag: u8,
    /// Its CRC.
    pub crc: u32,
    /// What a commit says of its epoch; `None` for other records.
    pub commit: Option<CommitFields>,
    /// Its content; `None` if the buffer is too small for it, or it is a commit without these fields.
    pub content: Option<Record<'b>>,
}

/// Bytes that are programmed and are no valid record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnreadablePiece {
    /// Where they start, in bytes: a record is expected here.
    pub offset: u32,
    /// Where they end, in bytes: at the next valid record, or at the last byte that is not erased.
    pub end: u32,
    /// Whether a valid record follows in the sector.
    pub followed: bool,
    /// Whether all words of a record are there, and its CRC does not match. Else it was cut off before its last word.
    pub whole: bool,
}

impl<S: ReadNorFlash> LogImage<S> {
    /// The bytes of `storage` as a log on flash of these sizes.
    ///
    /// # Errors
    /// [`GeometryError`] if these sizes are none of a flash, the storage has another capacity, or it cannot be read in pieces that suit.
    pub fn new(storage: S, geometry: Geometry) -> Result<Self, GeometryError> {
        Geometry::check_read_size(S::READ_SIZE)?;
        // Sizes from a header may be any.
        let (write, erase) = (usize::from(geometry.write_size()), geometry.erase_size() as usize);
        if Geometry::new(write, erase, storage.capacity())? != geometry {
            return Err(GeometryError::Capacity(storage.capacity()));
        }
        Ok(Self { storage, geometry })
    }

    /// The sizes.
    #[must_use]
    pub const fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// What [`Log::open`](super::Log::open) with the largest `BUFFER` would find: the last commit, `None` in an empty log.
    ///
    /// # Errors
    /// As [`Log::open`](super::Log::open).
    pub fn last_commit(&mut self) -> Result<Option<LastCommit>, OpenError<S::Error>> {
        let state = open::recover(&mut self.storage, &self.geometry, u32::from(PAYLOAD_BYTES_MAX))?;
        let last = |Committed { epoch, snapshot_sector, sector, end, .. }| LastCommit {
            epoch,
            snapshot_sector,
            sector,
            end,
        };
        Ok(state.committed.map(last))
    }

    /// What stands where a sector's header should be. Sectors are counted from 0.
    ///
    /// # Errors
    /// The storage's own.
    pub fn header(&mut self, sector: u32) -> Result<HeaderState, S::Error> {
        SectorHeader::read(&mut self.storage, &self.geometry, sector)
    }

    /// The slots at the end of a sector whose header has this sequence.
    ///
    /// # Errors
    /// The storage's own.
    pub fn slots(&mut self, sector: u32, sequence: u32) -> Result<SectorSlots, S::Error> {
        let Self { storage, geometry } = self;
        Ok(SectorSlots {
            end: Slot::End.read(storage, geometry, sector, sequence)?,
            seal: Slot::Seal.read(storage, geometry, sector, sequence)?,
        })
    }

    /// Whether every byte of a sector is erased.
    ///
    /// # Errors
    /// The storage's own.
    pub fn is_erased(&mut self, sector: u32) -> Result<bool, S::Error> {
        let from = self.geometry.address(sector, 0);
        storage::is_blank(&mut self.storage, from, from.saturating_add(self.geometry.erase_size))
    }

    /// Where the records of a sector end: behind its last byte before the slots that is not erased.
    ///
    /// # Errors
    /// The storage's own.
    pub fn programmed_end(&mut self, sector: u32) -> Result<u32, S::Error> {
        let range = (HEADER_BYTES, self.geometry.records_end());
        search::programmed_end(&mut self.storage, &self.geometry, sector, range)
    }

    /// Tells every record of a sector in order, and every piece between them that is none; nothing of a sector without a valid header.
    /// Contents go through `buffer`: 32,768 bytes hold the largest.
    ///
    /// Behind a piece that cannot be read the search for the next record looks at no more than 64 times the bytes of the sector.
    ///
    /// # Errors
    /// The storage's own.
    pub fn records(
        &mut self,
        sector: u32,
        buffer: &mut [u8],
        mut tell: impl FnMut(Result<FoundRecord<'_>, UnreadablePiece>),
    ) -> Result<(), S::Error> {
        let HeaderState::Valid(header) = self.header(sector)? else { return Ok(()) };
        let mut search = Search {
            to: self.programmed_end(sector)?,
            longest: Frame::size(u32::from(PAYLOAD_BYTES_MAX), &self.geometry),
            budget: u64::from(self.geometry.erase_size).saturating_mul(SEARCH_ROUNDS_MAX),
        };
        let mut place = Place { sector, sequence: header.sequence, offset: HEADER_BYTES };
        while place.offset < search.to {
            let limit = self.geometry.records_end();
            let here = Frame::read_header(&mut self.storage, &self.geometry, place, limit)?;
            let frame = match here {
                Some(frame) if frame.verify(&mut self.storage, &self.geometry, place, buffer)? => frame,
                _ => {
                    let next = search.next(&mut self.storage, &self.geometry, place)?;
                    let end = next.map_or(search.to, |(next, _)| next.offset);
                    tell(Err(UnreadablePiece {
                        offset: place.offset,
                        end,
                        followed: next.is_some(),
                        whole: self.is_whole(place, search.to)?,
                    }));
                    place.offset = end;
                    continue;
                }
            };
            let end = frame.end(place, &self.geometry);
            tell(Ok(found(&frame, place.offset, end, buffer)));
            place.offset = end;
        }
        Ok(())
    }

    /// Whether all words of the frame at `place`, which is not valid, are there, if programmed bytes end at `end`.
    fn is_whole(&mut self, place: Place, end: u32) -> Result<bool, S::Error> {
        let Some(most) = end.checked_sub(place.offset.saturating_add(FRAME_HEADER_BYTES)) else {
            return Ok(false);
        };
        let mut header = [0; FRAME_HEADER_BYTES as usize];
        storage::read(&mut self.storage, self.geometry.address(place.sector, place.offset), &mut header)?;
        // A kind that is none may stand for any: the length says whether the frame is whole.
        if let Some(byte) = header.get_mut(2).filter(|byte| **byte & 3 == 0) {
            *byte |= FrameKind::Entries as u8;
        }
        if Frame::decode(&header).is_some_and(|frame| frame.end(place, &self.geometry) <= end) {
            return Ok(true);
        }
        // The length itself may be damaged: then the CRC fits one that ends where the programmed bytes do.
        let least = most.saturating_sub(u32::from(self.geometry.write_size));
        for length in (least..=most).filter_map(|length| u16::try_from(length).ok()) {
            let [low, high] = length.to_le_bytes();
            for (byte, value) in header.iter_mut().zip([low, high]) {
                *byte = value;
            }
            if let Some(frame) = Frame::decode(&header)
                && frame.verify(&mut self.storage, &self.geometry, place, &mut [])?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn found<'b>(frame: &Frame, offset: u32, end: u32, buffer: &'b [u8]) -> FoundRecord<'b> {
    let commit = match frame.kind {
        FrameKind::Commit => CommitFields::decode(frame, buffer),
        FrameKind::Entries | FrameKind::Identity => None,
    };
    FoundRecord {
        offset,
        end,
        tag: frame.tag,
        crc: frame.crc,
        commit,
        content: replay::record(frame, buffer),
    }
}

/// The bytes of a dump, to be read as flash.
#[derive(Debug, Clone, Copy)]
pub struct ImageBytes<'i>(pub &'i [u8]);

/// A read beyond the end of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeyondImage;

impl fmt::Display for BeyondImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a read beyond the end of the image")
    }
}

impl core::error::Error for BeyondImage {}

impl NorFlashError for BeyondImage {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::OutOfBounds
    }
}

impl ErrorType for ImageBytes<'_> {
    type Error = BeyondImage;
}

impl ReadNorFlash for ImageBytes<'_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), BeyondImage> {
        check_read(self, offset, bytes.len()).map_err(|_| BeyondImage)?;
        let from = self.0.get(offset as usize..).ok_or(BeyondImage)?;
        storage::copy(bytes, from);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}
