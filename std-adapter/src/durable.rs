//! Files whose names survive a power cut: a created or renamed file is only safe once its directory is synced.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Syncs a directory, so that names created, renamed or removed in it are durable.
///
/// Outside Unix a directory cannot be opened for this and the call does nothing.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// The directory that holds `path`; `.` for a bare file name.
pub(crate) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Renames a file and makes the new name durable.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_directory(parent_of(to))
}
