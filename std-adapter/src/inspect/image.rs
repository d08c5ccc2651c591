//! The bytes of an image, and where logs lie in them.

use core::ops::Range;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use headwater::checkpoint::{Geometry, GeometryError, ImageBytes, LogImage};

/// The log's file in a checkpoint directory.
const LOG_FILE: &str = "log";
/// Bytes of a sector's header.
const HEADER_BYTES: usize = 32;
/// Sectors begin at multiples of the smallest erase size.
const STEP_BYTES: usize = 256;
/// How often a file is read, at most, until two readings agree.
const READINGS_MAX: u32 = 5;

/// Why an image cannot be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// It cannot be read.
    #[error("cannot read {}: {error}; give the file of a dump, or the checkpoint directory of a gateway", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        error: io::Error,
    },
    /// The range does not lie in it.
    #[error("{} has {bytes} bytes: bytes {} to {} are not in it; correct --offset and --length", path.display(), range.start, range.end)]
    Range {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: usize,
        /// What was asked for.
        range: Range<usize>,
    },
    /// No log can be of these sizes.
    #[error("{}: {error}; correct --write-size, --erase-size, --offset or --length", path.display())]
    Geometry {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        error: GeometryError,
    },
    /// Only one of the two sizes was given.
    #[error("give --write-size and --erase-size together, or neither: a log's own headers tell them")]
    HalfGeometry,
}

/// What to look at, where the image does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Part {
    /// Where the log or logs begin, in bytes; the beginning of the file.
    pub offset: Option<usize>,
    /// How many bytes to look at; all to the end of the file.
    pub length: Option<usize>,
    /// Bytes of a word of the flash: with `erase_size`, for a log none of whose headers can be read.
    pub write_size: Option<usize>,
    /// Bytes of an erase sector.
    pub erase_size: Option<usize>,
}

/// A log in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPlace {
    /// Where it begins in the file, in bytes.
    pub offset: usize,
    /// Its sizes.
    pub geometry: Geometry,
}

/// An image in memory.
#[derive(Debug)]
pub struct Image {
    path: PathBuf,
    bytes: Vec<u8>,
    /// Whether the file changed while it was read, every time.
    changing: bool,
    logs: Vec<LogPlace>,
    /// Of the part looked at.
    range: Range<usize>,
}

impl Image {
    /// Reads the file, or the log of a checkpoint directory, and finds the logs in it. Never writes and takes no lock, so a gateway may be
    /// running on it: the file is read until two readings agree.
    ///
    /// # Errors
    /// [`ImageError`].
    pub fn open(path: &Path, part: Part) -> Result<Self, ImageError> {
        let path = if path.is_dir() { path.join(LOG_FILE) } else { path.to_owned() };
        let (bytes, changing) =
            read_stable(&path).map_err(|error| ImageError::Read { path: path.clone(), error })?;
        Self::new(path, bytes, changing, part)
    }

    /// Bytes that are in memory already, under a name for errors.
    ///
    /// # Errors
    /// [`ImageError`].
    pub fn of_bytes(name: &Path, bytes: Vec<u8>, part: Part) -> Result<Self, ImageError> {
        Self::new(name.to_owned(), bytes, false, part)
    }

    fn new(path: PathBuf, bytes: Vec<u8>, changing: bool, part: Part) -> Result<Self, ImageError> {
        let start = part.offset.unwrap_or(0);
        let end = part.length.map_or(bytes.len(), |length| start.saturating_add(length));
        if start > end || end > bytes.len() {
            return Err(ImageError::Range { path, bytes: bytes.len(), range: start..end });
        }
        let logs = match (part.write_size, part.erase_size) {
            (Some(write), Some(erase)) => {
                let geometry = Geometry::new(write, erase, end - start);
                let geometry =
                    geometry.map_err(|error| ImageError::Geometry { path: path.clone(), error })?;
                vec![LogPlace { offset: start, geometry }]
            }
            (None, None) => logs_in(&bytes, start..end),
            _ => return Err(ImageError::HalfGeometry),
        };
        Ok(Self { path, bytes, changing, logs, range: start..end })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it never read the same twice: what is found may be torn.
    #[must_use]
    pub fn is_changing(&self) -> bool {
        self.changing
    }

    /// Whether every byte that is looked at is erased.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        !self.range.is_empty() && self.bytes[self.range.clone()].iter().all(|byte| *byte == 0xFF)
    }

    /// The logs in it, in order.
    #[must_use]
    pub fn logs(&self) -> &[LogPlace] {
        &self.logs
    }

    /// The bytes of a log.
    #[must_use]
    pub fn log(&self, place: LogPlace) -> Option<LogImage<ImageBytes<'_>>> {
        let end = place.offset + place.geometry.capacity() as usize;
        LogImage::new(ImageBytes(self.bytes.get(place.offset..end)?), place.geometry).ok()
    }
}

/// The file's bytes, and whether no two readings agreed.
fn read_stable(path: &Path) -> io::Result<(Vec<u8>, bool)> {
    let mut before = fs::read(path)?;
    for _ in 1..READINGS_MAX {
        let again = fs::read(path)?;
        if again == before {
            return Ok((again, false));
        }
        before = again;
    }
    Ok((before, true))
}

/// The logs in a part of the bytes, by the headers of their sectors.
///
/// A header tells the sizes of its log and not which sector it stands in. Logs are taken to begin at multiples of their own size behind the
/// log before, as partitions do; where a log does not open so and does with its first header as the first sector's, it begins there.
fn logs_in(bytes: &[u8], range: Range<usize>) -> Vec<LogPlace> {
    let mut logs = Vec::new();
    let mut from = range.start;
    let mut at = range.start;
    while let Some(header) = bytes[..range.end].get(at..).and_then(|rest| rest.first_chunk::<HEADER_BYTES>())
    {
        let geometry = Geometry::written_in(header);
        let place = geometry.and_then(|geometry| place_of(&bytes[..range.end], from, at, geometry));
        match place {
            Some(place) => {
                from = place.offset + place.geometry.capacity() as usize;
                at = from;
                logs.push(place);
            }
            None => at += STEP_BYTES,
        }
    }
    logs
}

/// Where the log begins whose first header stands at `at`, if it lies in the bytes from `from` on.
fn place_of(bytes: &[u8], from: usize, at: usize, geometry: Geometry) -> Option<LogPlace> {
    let capacity = geometry.capacity() as usize;
    let aligned = from + (at - from) / capacity * capacity;
    let fits = |offset: &usize| offset.checked_add(capacity).is_some_and(|end| end <= bytes.len());
    let opens = |offset: &usize| {
        let image = LogImage::new(ImageBytes(&bytes[*offset..*offset + capacity]), geometry);
        image.is_ok_and(|mut image| image.last_commit().is_ok())
    };
    let candidates: Vec<usize> = [aligned, at].into_iter().filter(fits).collect();
    let offset = candidates.iter().copied().find(opens).or(candidates.first().copied())?;
    Some(LogPlace { offset, geometry })
}
