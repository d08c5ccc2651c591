//! Where a file source is, and which files of a directory may still change.

use serde::{Deserialize, Serialize};

use super::lines::LinePosition;
use crate::source::RejectPosition;

/// Where a [`FileSource`](super::FileSource) is. Bounded: it names at most as many files as may still grow.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FilePosition {
    /// Files up to this name have been read for good and are not looked at again.
    pub(super) finished_through: Option<String>,
    /// The files after that which have been begun, in order of names.
    pub(super) begun: Vec<BegunFile>,
    /// What belongs to the commit of the reject file.
    pub(super) rejects: RejectPosition,
}

/// How far one file has been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BegunFile {
    pub(super) name: String,
    pub(super) offset: u64,
    pub(super) line: u64,
    pub(super) unterminated: bool,
}

impl FilePosition {
    pub(super) fn is_finished(&self, name: &str) -> bool {
        self.finished_through.as_deref().is_some_and(|finished| name <= finished)
    }

    pub(super) fn of(&self, name: &str) -> LinePosition {
        match self.search(name) {
            Ok(index) => {
                let BegunFile { offset, line, unterminated, .. } = self.begun[index];
                LinePosition { offset, line, unterminated }
            }
            Err(_) => LinePosition::START,
        }
    }

    pub(super) fn set(&mut self, name: &str, position: LinePosition) {
        let LinePosition { offset, line, unterminated } = position;
        match self.search(name) {
            Ok(index) => {
                let file = &mut self.begun[index];
                (file.offset, file.line, file.unterminated) = (offset, line, unterminated);
            }
            Err(index) => {
                let name = name.to_owned();
                self.begun.insert(index, BegunFile { name, offset, line, unterminated });
            }
        }
    }

    /// The file and all before it will not be read again.
    pub(super) fn finish(&mut self, name: &str) {
        self.begun.retain(|file| file.name.as_str() > name);
        self.finished_through = Some(name.to_owned());
    }

    fn search(&self, name: &str) -> Result<usize, usize> {
        self.begun.binary_search_by(|file| file.name.as_str().cmp(name))
    }
}
