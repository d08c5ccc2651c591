//! One result file, replaced whole at each commit: the result table of complete mode.

use std::fs;
use std::path::PathBuf;

use serde::Serialize;

use super::encoder::Encoder;
use super::{FileSinkPosition, Target};
use crate::durable::{self, sync_directory};
use crate::sink::SinkError;

#[derive(Debug, Default)]
pub(super) struct ReplacedFile {
    /// Number of the table last prepared.
    number: u64,
    /// Its length in bytes.
    length: u64,
    /// A trigger has begun a table since the last commit.
    begun: bool,
    /// The table being written, once it has a row or a header.
    current: Option<Encoder>,
    /// A prepared table that waits for its commit.
    prepared: bool,
}

impl ReplacedFile {
    pub(super) fn open(
        &mut self,
        target: &Target,
        committed: Option<FileSinkPosition>,
    ) -> Result<(), SinkError> {
        let FileSinkPosition { file, length } = committed.unwrap_or_default();
        (self.number, self.length) = (file, length);
        let directory = &target.directory;
        let prefix = format!("result.{}.", target.format.extension());
        for entry in fs::read_dir(directory).map_err(SinkError::io("list", directory))? {
            let entry = entry.map_err(SinkError::io("list", directory))?;
            let name = entry.file_name();
            let number = name
                .to_str()
                .and_then(|name| name.strip_prefix(&prefix)?.strip_suffix(".part")?.parse().ok());
            let Some(number): Option<u64> = number else { continue };
            let path = entry.path();
            if number == file && file > 0 {
                durable::rename(&path, &result(target)).map_err(SinkError::io("rename", &path))?;
            } else {
                fs::remove_file(&path).map_err(SinkError::io("remove the uncommitted", &path))?;
            }
        }
        sync_directory(directory).map_err(SinkError::io("sync", directory))
    }

    /// What was written since the last commit does not count any more.
    pub(super) fn begin(&mut self) {
        self.begun = true;
        self.current = None;
    }

    pub(super) fn write<Row: Serialize>(&mut self, target: &Target, row: &Row) -> Result<(), SinkError> {
        self.begun = true;
        match &mut self.current {
            Some(current) => current.write(row),
            None => self.create(target)?.write(row),
        }
    }

    fn create(&mut self, target: &Target) -> Result<&mut Encoder, SinkError> {
        let encoder = Encoder::create(self.part(target), target.format, target.columns.as_deref())?;
        Ok(self.current.insert(encoder))
    }

    pub(super) fn prepare(&mut self, target: &Target) -> Result<FileSinkPosition, SinkError> {
        if self.begun {
            if self.current.is_none() {
                self.create(target)?;
            }
            if let Some(current) = &mut self.current {
                self.length = current.sync()?;
            }
            sync_directory(&target.directory).map_err(SinkError::io("sync", &target.directory))?;
            self.number += 1;
            self.current = None;
            self.begun = false;
            self.prepared = true;
        }
        Ok(FileSinkPosition { file: self.number, length: self.length })
    }

    pub(super) fn committed(&mut self, target: &Target) -> Result<(), SinkError> {
        if core::mem::take(&mut self.prepared) {
            let path = numbered(target, self.number);
            durable::rename(&path, &result(target)).map_err(SinkError::io("rename", &path))?;
        }
        Ok(())
    }

    /// The file of the next table.
    fn part(&self, target: &Target) -> PathBuf {
        numbered(target, self.number + 1)
    }
}

fn result(target: &Target) -> PathBuf {
    target.directory.join(format!("result.{}", target.format.extension()))
}

fn numbered(target: &Target, number: u64) -> PathBuf {
    target.directory.join(format!("result.{}.{number}.part", target.format.extension()))
}
