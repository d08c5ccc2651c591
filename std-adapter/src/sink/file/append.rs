//! Rows appended to part files, closed one after the other.

use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use super::encoder::Encoder;
use super::{FileSinkPosition, Target};
use crate::durable::{self, sync_directory};
use crate::sink::SinkError;

/// When a file is closed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) bytes: u64,
    pub(super) age: Duration,
}

#[derive(Debug)]
pub(super) struct AppendedFiles {
    /// Number of the file being written, or of the next one.
    number: u64,
    current: Option<Encoder>,
    /// When the current file was begun or gone on with.
    since: Instant,
    /// The current file's name is not durable yet.
    is_new: bool,
    /// Bytes of the current file in the last position.
    prepared: u64,
    /// Closed by a commit that is not durable yet.
    closed: Vec<u64>,
    finishing: bool,
}

/// Whose uncommitted rows are in the directory, if there are any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leftovers {
    /// This query's: they are cut off.
    Own,
    /// Of an earlier run, which may have committed them to a checkpoint that this query does not have.
    OfAnEarlierRun,
    /// Of a query with another checkpoint.
    OfAnotherQuery,
}

/// What a file name of this sink says.
enum Found {
    /// `part-N.ext.part`
    Open(u64),
    /// `part-N.ext`
    Finished(u64),
}

impl AppendedFiles {
    pub(super) fn new() -> Self {
        Self {
            number: 0,
            current: None,
            since: Instant::now(),
            is_new: false,
            prepared: 0,
            closed: Vec::new(),
            finishing: false,
        }
    }

    /// Renames what the commit closed, and removes what came after it. Changes nothing if it refuses.
    pub(super) fn open(
        &mut self,
        target: &Target,
        committed: Option<FileSinkPosition>,
        leftovers: Leftovers,
    ) -> Result<(), SinkError> {
        let FileSinkPosition { file, length } = committed.unwrap_or_default();
        let found = list(target)?;
        for found in &found {
            check(target, found, committed, leftovers)?;
        }
        self.number = file;
        for found in found {
            match found {
                Found::Finished(_) => {}
                Found::Open(number) if number < file => {
                    durable::rename(&part(target, number), &finished(target, number))
                        .map_err(SinkError::io("rename", &part(target, number)))?;
                }
                Found::Open(number) if number == file && length > 0 => {}
                Found::Open(number) => {
                    let path = part(target, number);
                    fs::remove_file(&path).map_err(SinkError::io("remove the uncommitted", &path))?;
                }
            }
        }
        if length > 0 {
            self.current = Some(Encoder::resume(part(target, file), target.format, length)?);
            self.prepared = length;
        }
        sync_directory(&target.directory).map_err(SinkError::io("sync", &target.directory))
    }

    pub(super) fn write<Row: Serialize>(&mut self, target: &Target, row: &Row) -> Result<(), SinkError> {
        if let Some(current) = &mut self.current {
            return current.write(row);
        }
        let path = part(target, self.number);
        let mut encoder = Encoder::create(path, target.format, target.columns.as_deref())?;
        self.since = Instant::now();
        self.is_new = true;
        let written = encoder.write(row);
        self.current = Some(encoder);
        written
    }

    pub(super) fn prepare(&mut self, target: &Target, limits: Limits) -> Result<FileSinkPosition, SinkError> {
        let Some(current) = &mut self.current else {
            return Ok(FileSinkPosition { file: self.number, length: 0 });
        };
        let length = current.sync()?;
        if self.is_new {
            sync_directory(&target.directory).map_err(SinkError::io("sync", &target.directory))?;
            self.is_new = false;
        }
        self.prepared = length;
        if length >= limits.bytes || self.since.elapsed() >= limits.age || self.finishing {
            self.closed.push(self.number);
            self.current = None;
            self.number += 1;
            self.prepared = 0;
        }
        Ok(FileSinkPosition { file: self.number, length: self.prepared })
    }

    pub(super) fn committed(&mut self, target: &Target) -> Result<(), SinkError> {
        for number in self.closed.drain(..) {
            let path = part(target, number);
            durable::rename(&path, &finished(target, number)).map_err(SinkError::io("rename", &path))?;
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) {
        self.finishing = true;
    }

    pub(super) fn wants_commit(&self, limits: Limits) -> bool {
        self.prepared > 0 && self.since.elapsed() >= limits.age
    }
}

fn finished(target: &Target, number: u64) -> PathBuf {
    target.directory.join(format!("part-{number:06}.{}", target.format.extension()))
}

fn part(target: &Target, number: u64) -> PathBuf {
    target.directory.join(format!("part-{number:06}.{}.part", target.format.extension()))
}

fn list(target: &Target) -> Result<Vec<Found>, SinkError> {
    let directory = &target.directory;
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(SinkError::io("list", directory))? {
        let name = entry.map_err(SinkError::io("list", directory))?.file_name();
        let parsed = name.to_str().and_then(|name| name.strip_prefix("part-")).and_then(|name| {
            let (number, ending) = name.split_once('.')?;
            let number = number.parse().ok()?;
            match ending.strip_suffix(".part") {
                Some(extension) if extension == target.format.extension() => Some(Found::Open(number)),
                None if ending == target.format.extension() => Some(Found::Finished(number)),
                _ => None,
            }
        });
        found.extend(parsed);
    }
    Ok(found)
}

/// Whether a file that was found may be there.
fn check(
    target: &Target,
    found: &Found,
    committed: Option<FileSinkPosition>,
    leftovers: Leftovers,
) -> Result<(), SinkError> {
    let path = match found {
        Found::Finished(number) if *number >= committed.unwrap_or_default().file => {
            return Err(not_of_this_checkpoint(&finished(target, *number), committed.is_some()));
        }
        Found::Finished(number) => finished(target, *number),
        Found::Open(number) => part(target, *number),
    };
    let reason = match leftovers {
        Leftovers::Own => return Ok(()),
        Leftovers::OfAnEarlierRun => {
            "it holds rows of an earlier run, but the checkpoint is empty; restore the checkpoint of that run, or move \
             the file away"
        }
        Leftovers::OfAnotherQuery => {
            "it holds rows of another query, or the checkpoint was made anew; restore the checkpoint that wrote it, move \
             the file away, or use another output directory"
        }
    };
    let length = fs::metadata(&path).map_err(SinkError::io("read the length of", &path))?.len();
    if length == 0 { Ok(()) } else { Err(SinkError::Output { path, reason: reason.to_owned() }) }
}

fn not_of_this_checkpoint(path: &Path, committed: bool) -> SinkError {
    let reason = if committed {
        "it is newer than the checkpoint; use the checkpoint that belongs to this output, or move the output away"
    } else {
        "it is the output of an earlier run, but the checkpoint is empty; use the checkpoint of that run, or an empty \
         output directory"
    };
    SinkError::Output { path: path.to_owned(), reason: reason.to_owned() }
}
