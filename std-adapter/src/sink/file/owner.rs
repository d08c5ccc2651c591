//! Whose output a directory is: a lock against a second writer, and the id of the query that wrote what is in it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::durable;
use crate::sink::SinkError;

// Readers pass over names with a dot in front, as Spark and this crate's own file source do.
const LOCK_FILE: &str = ".lock";
const OWNER_FILE: &str = ".owner";

/// Locks the directory as long as the file is open.
pub(super) fn lock(directory: &Path) -> Result<File, SinkError> {
    let path = directory.join(LOCK_FILE);
    let lock = File::options().create(true).append(true).open(&path);
    let lock = lock.map_err(SinkError::io("open the lock", &path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(SinkError::InUse { path: directory.to_owned() }),
        Err(TryLockError::Error(error)) => Err(SinkError::io("lock", &path)(error)),
    }
}

/// The query whose output is in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    /// Its id, which its checkpoint keeps.
    pub(super) query: String,
    /// Whether anything of it was ever committed: from then on its checkpoint cannot be empty.
    pub(super) committed: bool,
}

impl Owner {
    /// `None` if the directory is new, or was written without a query.
    pub(super) fn read(directory: &Path) -> Result<Option<Self>, SinkError> {
        let path = path_in(directory);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(SinkError::io("read", &path))?,
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| SinkError::io("read", &path)(error.into()))
    }

    /// Durable, and there either whole or as it was before.
    pub(super) fn write(&self, directory: &Path) -> Result<(), SinkError> {
        let path = path_in(directory);
        let temporary = path.with_extension("tmp");
        let write = || {
            fs::write(&temporary, serde_json::to_vec(self)?)?;
            File::open(&temporary)?.sync_all()?;
            durable::rename(&temporary, &path)
        };
        write().map_err(SinkError::io("write", &path))
    }
}

fn path_in(directory: &Path) -> PathBuf {
    directory.join(OWNER_FILE)
}
