//! What is in a directory of input files.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// Names and lengths in bytes, in order of names.
pub(super) type Listing = BTreeMap<String, u64>;

/// Lists the files of a directory, but for those not meant to be read: names that start with `.` or `_` (as Spark does),
/// that end in `.part` or `.tmp`, or that do not end in `suffix`. Directories within are not entered.
pub(super) fn list(directory: &Path, suffix: &str) -> io::Result<Listing> {
    let mut listing = Listing::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let skipped = name.starts_with(['.', '_']) || name.ends_with(".part") || name.ends_with(".tmp");
        if skipped || !name.ends_with(suffix) {
            continue;
        }
        // Follows links. A file removed since it was listed is no error.
        match fs::metadata(entry.path()) {
            Ok(metadata) if metadata.is_file() => {
                listing.insert(name, metadata.len());
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(listing)
}
