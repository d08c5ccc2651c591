//! A file as the NOR flash that the checkpoint log is written on.
//!
//! The file's bytes are those of the flash: a dump of a device's flash opens here, and the other way round.

use core::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use headwater::checkpoint::LogStorage;

use crate::durable;

/// A file with the word and sector sizes that suit a disk: words of 8 bytes, sectors of 64 KiB.
pub type FileStorage = FlashFile<8, 65_536>;

/// Read at a time by who reads on, and gathered at most before it is written.
const PAGE_BYTES: u32 = 65_536;
/// Read at a time by who looks at one place.
const LOOK_BYTES: u32 = 512;
const ERASED: u8 = 0xFF;
static ERASED_PAGE: [u8; PAGE_BYTES as usize] = [ERASED; PAGE_BYTES as usize];

/// A file that behaves as flash with words of `WRITE` bytes and sectors of `ERASE` bytes.
///
/// Writes are gathered and reach the file with the next [`sync`](LogStorage::sync), read or erase: what a crash loses of
/// them is what a power cut loses of a flash. Takes 64 KiB of memory for reading and up to as much for writing.
pub struct FlashFile<const WRITE: usize, const ERASE: usize> {
    path: PathBuf,
    file: File,
    capacity: u32,
    /// Bytes of the file from `page_at` on, if any.
    page: Vec<u8>,
    page_at: u32,
    /// Where the last read ended.
    read_to: u32,
    /// Bytes to be written from `pending_at` on.
    pending: Vec<u8>,
    pending_at: u32,
}

impl<const WRITE: usize, const ERASE: usize> fmt::Debug for FlashFile<WRITE, ERASE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlashFile")
            .field("path", &self.path)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

impl<const WRITE: usize, const ERASE: usize> FlashFile<WRITE, ERASE> {
    /// Opens the file as it is, or makes one of `new_bytes` erased bytes, rounded up to whole sectors and at least two.
    ///
    /// # Errors
    /// When the file cannot be opened or made, or its size is not a whole number of sectors.
    pub fn open(path: &Path, new_bytes: u32) -> Result<Self, StorageError> {
        const { assert!(ERASE >= 1 && ERASE <= 1 << 20 && WRITE >= 1) };
        let failed = |action| move |error| StorageError::new(path, 0, Problem::Io(action, error));
        let exists = path.try_exists().map_err(failed("look for"))?;
        if !exists {
            make_erased(path, Self::rounded(new_bytes)).map_err(failed("make"))?;
        }
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(failed("open"))?;
        let bytes = file.metadata().map_err(failed("read the length of"))?.len();
        let capacity = match u32::try_from(bytes) {
            Ok(capacity) if capacity > 0 && capacity.is_multiple_of(ERASE as u32) => capacity,
            _ => return Err(StorageError::new(path, 0, Problem::Size { bytes, sector: ERASE })),
        };
        let path = path.to_owned();
        Ok(Self {
            path,
            file,
            capacity,
            page: Vec::new(),
            page_at: 0,
            read_to: 0,
            pending: Vec::new(),
            pending_at: 0,
        })
    }

    /// The size of a new file: whole sectors, at least two.
    pub(crate) fn rounded(new_bytes: u32) -> u64 {
        let sector = ERASE as u32;
        u64::from(new_bytes.div_ceil(sector).max(2)) * u64::from(sector)
    }

    fn io(&self, action: &'static str, offset: u32, error: io::Error) -> StorageError {
        StorageError::new(&self.path, offset, Problem::Io(action, error))
    }

    fn refused(&self, offset: u32, kind: NorFlashErrorKind) -> StorageError {
        StorageError::new(&self.path, offset, Problem::Range(kind))
    }

    /// Writes what is gathered. After an error it stays gathered and comes before anything later.
    fn flush(&mut self) -> Result<(), StorageError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut pending = core::mem::take(&mut self.pending);
        let written = write_at(&mut self.file, self.pending_at, &pending);
        if written.is_ok() {
            self.forget_page(self.pending_at, pending.len());
            pending.clear();
        }
        self.pending = pending;
        written.map_err(|error| self.io("write", self.pending_at, error))
    }

    /// Drops the page in memory if it overlaps the range.
    fn forget_page(&mut self, from: u32, length: usize) {
        if overlap((self.page_at, self.page.len()), (from, length)) {
            self.page.clear();
        }
    }

    /// The bytes of the page at `offset`, from there on.
    fn page_from(&mut self, offset: u32) -> io::Result<&[u8]> {
        let page_to = self.page_at as usize + self.page.len();
        if offset < self.page_at || offset as usize >= page_to {
            // Who goes on reading gets a long page, who looks here and there a short one.
            let length = if offset == self.read_to { PAGE_BYTES } else { LOOK_BYTES };
            let at = offset / length * length;
            self.page.resize((self.capacity - at).min(length) as usize, 0);
            self.page_at = at;
            if let Err(error) = read_at(&mut self.file, at, &mut self.page) {
                self.page.clear();
                return Err(error);
            }
        }
        Ok(self.page.get((offset - self.page_at) as usize..).unwrap_or_default())
    }
}

/// Whether two ranges, each its start and its length, have a byte in common.
fn overlap(one: (u32, usize), other: (u32, usize)) -> bool {
    let (one, other) = ((one.0 as usize, one.1), (other.0 as usize, other.1));
    one.0 < other.0 + other.1 && other.0 < one.0 + one.1
}

#[cfg(unix)]
fn write_at(file: &mut File, offset: u32, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset.into())
}

#[cfg(unix)]
fn read_at(file: &mut File, offset: u32, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset.into())
}

#[cfg(not(unix))]
fn write_at(file: &mut File, offset: u32, bytes: &[u8]) -> io::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    file.seek(SeekFrom::Start(offset.into()))?;
    file.write_all(bytes)
}

#[cfg(not(unix))]
fn read_at(file: &mut File, offset: u32, bytes: &mut [u8]) -> io::Result<()> {
    use std::io::{Seek, SeekFrom};
    file.seek(SeekFrom::Start(offset.into()))?;
    file.read_exact(bytes)
}

/// Makes an erased file that is there either whole or not at all.
fn make_erased(path: &Path, bytes: u64) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    io::copy(&mut io::repeat(ERASED).take(bytes), &mut file)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    durable::sync_directory(durable::parent_of(path))
}

impl<const WRITE: usize, const ERASE: usize> ErrorType for FlashFile<WRITE, ERASE> {
    type Error = StorageError;
}

impl<const WRITE: usize, const ERASE: usize> ReadNorFlash for FlashFile<WRITE, ERASE> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), StorageError> {
        check_read(self, offset, bytes.len()).map_err(|kind| self.refused(offset, kind))?;
        if overlap((offset, bytes.len()), (self.pending_at, self.pending.len())) {
            self.flush()?;
        }
        let (mut offset, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let page = match self.page_from(offset) {
                Ok(page) => page,
                Err(error) => return Err(self.io("read", offset, error)),
            };
            let length = rest.len().min(page.len());
            let (now, later) = rest.split_at_mut(length);
            now.copy_from_slice(&page[..length]);
            offset += length as u32;
            self.read_to = offset;
            rest = later;
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.capacity as usize
    }
}

impl<const WRITE: usize, const ERASE: usize> NorFlash for FlashFile<WRITE, ERASE> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), StorageError> {
        check_erase(self, from, to).map_err(|kind| self.refused(from, kind))?;
        self.flush()?;
        let length = ERASE.min(ERASED_PAGE.len());
        for at in (from..to).step_by(length) {
            write_at(&mut self.file, at, &ERASED_PAGE[..length])
                .map_err(|error| self.io("erase", at, error))?;
        }
        self.forget_page(from, (to - from) as usize);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), StorageError> {
        check_write(self, offset, bytes.len()).map_err(|kind| self.refused(offset, kind))?;
        let follows = self.pending_at as usize + self.pending.len() == offset as usize;
        if !self.pending.is_empty() && (!follows || self.pending.len() >= PAGE_BYTES as usize) {
            self.flush()?;
        }
        if self.pending.is_empty() {
            self.pending_at = offset;
        }
        self.pending.extend_from_slice(bytes);
        Ok(())
    }
}

impl<const WRITE: usize, const ERASE: usize> LogStorage for FlashFile<WRITE, ERASE> {
    fn sync(&mut self) -> Result<(), StorageError> {
        self.flush()?;
        self.file.sync_data().map_err(|error| self.io("sync", self.pending_at, error))
    }
}

/// The file of a checkpoint log cannot be used. `Debug` shows the same sentence as `Display`.
#[derive(thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct StorageError {
    path: PathBuf,
    problem: Box<Problem>,
}

#[derive(Debug)]
enum Problem {
    Io(&'static str, io::Error),
    At(u32, &'static str, io::Error),
    Range(NorFlashErrorKind),
    Size { bytes: u64, sector: usize },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(action, error) => write!(f, "cannot {action} it: {error}"),
            Self::At(offset, action, error) => write!(f, "cannot {action} it at byte {offset}: {error}"),
            Self::Range(kind) => write!(f, "{kind}"),
            Self::Size { bytes, sector } => write!(
                f,
                "it has {bytes} bytes, not a whole number of sectors of {sector}; it is not a checkpoint log, or was cut short"
            ),
        }
    }
}

impl StorageError {
    fn new(path: &Path, offset: u32, problem: Problem) -> Self {
        let problem = match problem {
            Problem::Io(action, error) if offset > 0 => Problem::At(offset, action, error),
            problem => problem,
        };
        Self { path: path.to_owned(), problem: Box::new(problem) }
    }
}

impl fmt::Debug for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl NorFlashError for StorageError {
    fn kind(&self) -> NorFlashErrorKind {
        match *self.problem {
            Problem::Range(kind) => kind,
            _ => NorFlashErrorKind::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use headwater::checkpoint::{EpochKind, Log, Record};

    use super::*;

    #[test]
    fn what_is_written_is_read_before_and_after_a_sync_and_a_reopen() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut flash = FlashFile::<8, 4096>::open(&path, 8_000).unwrap();
        assert_eq!(flash.capacity(), 8192);
        let mut model = vec![ERASED; 8192];
        let check = |flash: &mut FlashFile<8, 4096>, model: &[u8]| {
            let mut bytes = vec![0; 8192];
            flash.read(0, &mut bytes).unwrap();
            assert!(bytes == model);
        };
        check(&mut flash, &model);
        for (offset, length, value) in [(0, 16, 1), (16, 8, 2), (4088, 16, 3), (8184, 8, 4)] {
            flash.write(offset, &vec![value; length]).unwrap();
            model[offset as usize..offset as usize + length].fill(value);
        }
        check(&mut flash, &model);
        flash.write(32, &[5; 8]).unwrap();
        model[32..40].fill(5);
        flash.erase(4096, 8192).unwrap();
        model[4096..].fill(ERASED);
        check(&mut flash, &model);
        flash.sync().unwrap();
        assert!(fs::read(&path).unwrap() == model);
        check(&mut FlashFile::open(&path, 1).unwrap(), &model);
    }

    #[test]
    fn writes_without_sync_stay_in_memory_as_a_cut_would_lose_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut flash = FlashFile::<8, 4096>::open(&path, 8192).unwrap();
        flash.write(0, &[1; 8]).unwrap();
        assert_eq!(fs::read(&path).unwrap()[0], ERASED);
        flash.sync().unwrap();
        assert_eq!(fs::read(&path).unwrap()[0], 1);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_the_error_names_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut flash = FlashFile::<8, 4096>::open(&path, 8192).unwrap();
        assert_eq!(flash.write(4, &[0; 8]).unwrap_err().kind(), NorFlashErrorKind::NotAligned);
        assert_eq!(flash.write(8192, &[0; 8]).unwrap_err().kind(), NorFlashErrorKind::OutOfBounds);
        assert_eq!(flash.erase(0, 100).unwrap_err().kind(), NorFlashErrorKind::NotAligned);
        fs::write(&path, [0; 5000]).unwrap();
        let error = format!("{:?}", FlashFile::<8, 4096>::open(&path, 8192).unwrap_err());
        assert!(error.contains("log") && error.contains("5000 bytes"), "{error}");
    }

    #[test]
    fn a_log_lives_on_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        for epoch in 1..=40_u64 {
            let storage = FileStorage::open(&path, 1 << 20).unwrap();
            let mut log = Log::<_, 4096>::open(storage).unwrap();
            assert_eq!(log.epoch().unwrap_or(0), epoch - 1);
            let mut writer = log.begin(EpochKind::Snapshot).unwrap();
            writer.identity(&"test").unwrap();
            for entry in 0..1000_u64 {
                writer.entry(0, &(entry * epoch)).unwrap();
            }
            writer.commit(epoch, &()).unwrap();
        }
        let mut log = Log::<_, 4096>::open(FileStorage::open(&path, 1).unwrap()).unwrap();
        let mut bytes = 0;
        log.replay(|record| {
            if let Record::Entries { payload, .. } = record {
                bytes += payload.len();
            }
            Ok::<_, core::convert::Infallible>(())
        })
        .unwrap();
        assert!(bytes > 2000, "{bytes}");
    }
}
