//! The checkpoint directory of a query: its log, its id, and the lock that keeps a second process out.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use embedded_storage::nor_flash::ReadNorFlash;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::id::random_id;
use crate::storage::{FileStorage, StorageError};

const LOG_FILE: &str = "log";
const LARGER_LOG_FILE: &str = "log.new";
const METADATA_FILE: &str = "metadata.json";
const LOCK_FILE: &str = "lock";

/// Why a checkpoint directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// A file of it cannot be read or written.
    #[error("cannot use the checkpoint at {}: {error}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        error: io::Error,
    },
    /// Another process runs a query on it.
    #[error("the checkpoint {} is in use by another process", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The log's file cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A checkpoint directory that this process holds alone.
#[derive(Debug)]
pub(crate) struct CheckpointDirectory {
    path: PathBuf,
    metadata: Metadata,
    /// Locked as long as the file is open.
    _lock: File,
}

/// What the directory says of its query, as Spark's `metadata` file.
#[derive(Debug, Serialize, Deserialize)]
struct Metadata {
    id: String,
}

impl CheckpointDirectory {
    /// Makes the directory if it is not there, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, CheckpointError> {
        let refused = |path: &Path| {
            let path = path.to_owned();
            move |error| CheckpointError::Io { path, error }
        };
        fs::create_dir_all(path).map_err(refused(path))?;
        let lock_path = path.join(LOCK_FILE);
        let lock = File::options().create(true).append(true).open(&lock_path).map_err(refused(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(CheckpointError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(refused(&lock_path)(error)),
        }
        let metadata_path = path.join(METADATA_FILE);
        let metadata = Metadata::read_or_make(&metadata_path).map_err(refused(&metadata_path))?;
        Ok(Self { path: path.to_owned(), metadata, _lock: lock })
    }

    /// The query's id, the same as long as the directory exists.
    pub(crate) fn id(&self) -> &str {
        &self.metadata.id
    }

    /// The storage of the log; a new one has `bytes`.
    pub(crate) fn log(&self, bytes: u32) -> Result<FileStorage, CheckpointError> {
        Ok(FileStorage::open(&self.path.join(LOG_FILE), bytes)?)
    }

    /// The storage of an empty log of `bytes`, if that is more than `log` has. Not in force before
    /// [`CheckpointDirectory::put_larger_log_in_place`]; one that a crash left behind is removed.
    pub(crate) fn larger_log(
        &self,
        log: &FileStorage,
        bytes: u32,
    ) -> Result<Option<FileStorage>, CheckpointError> {
        if FileStorage::rounded(bytes) <= log.capacity() as u64 {
            return Ok(None);
        }
        let path = self.path.join(LARGER_LOG_FILE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(CheckpointError::Io { path, error }),
            _ => Ok(Some(FileStorage::open(&path, bytes)?)),
        }
    }

    /// Gives the larger log the name of the one before, at once and for good.
    pub(crate) fn put_larger_log_in_place(&self) -> Result<(), CheckpointError> {
        let path = self.path.join(LOG_FILE);
        durable::rename(&self.path.join(LARGER_LOG_FILE), &path)
            .map_err(|error| CheckpointError::Io { path, error })
    }
}

impl Metadata {
    fn read_or_make(path: &Path) -> io::Result<Self> {
        match fs::read(path) {
            Ok(text) => Ok(serde_json::from_slice(&text)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let metadata = Self { id: random_id() };
                let temporary = path.with_extension("tmp");
                fs::write(&temporary, serde_json::to_vec(&metadata)?)?;
                File::open(&temporary)?.sync_all()?;
                durable::rename(&temporary, path)?;
                Ok(metadata)
            }
            Err(error) => Err(error),
        }
    }
}
