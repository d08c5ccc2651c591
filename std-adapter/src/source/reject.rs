//! The reject file: what could not be read as a row, one JSON object a line, written once even across restarts.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::SourceError;
use crate::durable::{parent_of, sync_directory};

/// Longest text of a rejected line or message that is kept, in bytes.
pub(super) const KEPT_BYTES: usize = 4096;
/// Rejects reported through `tracing` one by one; after that only the count goes on.
const REPORTED: u64 = 20;

/// How much of the reject file belongs to a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RejectPosition {
    /// Length of the reject file in bytes.
    pub length: u64,
    /// Lines or messages rejected since the very beginning.
    pub count: u64,
}

/// Where a rejected text came from.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub(super) enum Origin<'a> {
    Line { file: &'a str, line: u64 },
    Message { topic: &'a str },
}

#[derive(Serialize)]
struct Reject<'a> {
    #[serde(flatten)]
    origin: Origin<'a>,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    /// Bytes that are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_hex: Option<String>,
    /// Set when `text` or `bytes_hex` is only the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_bytes: Option<usize>,
}

/// Counts rejects and, if it has a path, keeps them.
#[derive(Debug, Default)]
pub(super) struct Rejects {
    path: Option<PathBuf>,
    file: Option<File>,
    /// Rejects not yet written to the file.
    unwritten: Vec<u8>,
    position: RejectPosition,
    opened_at_count: u64,
}

impl Rejects {
    pub(super) fn keep_in(&mut self, path: PathBuf) {
        self.path = Some(path);
    }

    /// Whether this is the file.
    pub(super) fn are_in(&self, path: &Path) -> bool {
        self.path.as_deref() == Some(path)
    }

    /// Rejects since the source was opened.
    pub(super) fn count(&self) -> u64 {
        self.position.count - self.opened_at_count
    }

    /// Cuts off what was written after the commit.
    pub(super) fn open(&mut self, committed: RejectPosition) -> Result<(), SourceError> {
        self.position = committed;
        self.opened_at_count = committed.count;
        let Some(path) = &self.path else { return Ok(()) };
        let create = OpenOptions::new().create(true).truncate(false).write(true).open(path);
        let mut file = create.map_err(SourceError::io("open the reject file", path))?;
        let length = file.metadata().map_err(SourceError::io("read the length of", path))?.len();
        if length < committed.length {
            tracing::warn!(file = %path.display(), length, committed = committed.length,
                "the reject file is shorter than it was left; earlier rejects were removed from it");
        }
        self.position.length = length.min(committed.length);
        file.set_len(self.position.length).map_err(SourceError::io("truncate", path))?;
        file.seek(SeekFrom::End(0)).map_err(SourceError::io("seek in", path))?;
        sync_directory(parent_of(path)).map_err(SourceError::io("sync the directory of", path))?;
        self.file = Some(file);
        Ok(())
    }

    pub(super) fn add(&mut self, origin: Origin<'_>, reason: &str, bytes: &[u8]) -> Result<(), SourceError> {
        self.position.count += 1;
        if self.count() <= REPORTED {
            tracing::warn!(?origin, reason, "rejected");
        }
        if self.file.is_none() {
            return Ok(());
        }
        let kept = bytes.get(..KEPT_BYTES).unwrap_or(bytes);
        // A cut in the middle of a character must not turn text into hex.
        let text = match core::str::from_utf8(kept) {
            Ok(text) => Some(text),
            Err(error) if kept.len() < bytes.len() && error.error_len().is_none() => {
                core::str::from_utf8(&kept[..error.valid_up_to()]).ok()
            }
            Err(_) => None,
        };
        let bytes_hex = text.is_none().then(|| kept.iter().map(|byte| format!("{byte:02x}")).collect());
        let total_bytes = (kept.len() < bytes.len()).then_some(bytes.len());
        let reject = Reject { origin, reason, text, bytes_hex, total_bytes };
        let path = self.path.as_deref().unwrap_or(Path::new(""));
        serde_json::to_writer(&mut self.unwritten, &reject)
            .map_err(|error| SourceError::io("write a reject to", path)(error.into()))?;
        self.unwritten.push(b'\n');
        if self.unwritten.len() >= 64 * 1024 { self.write_out() } else { Ok(()) }
    }

    fn write_out(&mut self) -> Result<(), SourceError> {
        let (Some(file), Some(path)) = (&mut self.file, &self.path) else { return Ok(()) };
        file.write_all(&self.unwritten).map_err(SourceError::io("write a reject to", path))?;
        self.position.length += self.unwritten.len() as u64;
        self.unwritten.clear();
        Ok(())
    }

    /// Makes the rejects so far durable.
    pub(super) fn prepare(&mut self) -> Result<RejectPosition, SourceError> {
        if !self.unwritten.is_empty() {
            self.write_out()?;
            if let (Some(file), Some(path)) = (&self.file, &self.path) {
                file.sync_data().map_err(SourceError::io("sync", path))?;
            }
        }
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn line(number: u64) -> Origin<'static> {
        Origin::Line { file: "a.csv", line: number }
    }

    #[test]
    fn a_reject_names_file_line_and_reason_and_is_not_doubled_by_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rejects.jsonl");
        let mut rejects = Rejects::default();
        rejects.keep_in(path.clone());
        rejects.open(RejectPosition::default()).unwrap();
        rejects.add(line(2), "field 1: not a number", b"x,y").unwrap();
        let committed = rejects.prepare().unwrap();
        rejects.add(line(3), "field 1: not a number", b"z,y").unwrap();
        rejects.prepare().unwrap();
        assert_eq!(rejects.count(), 2);

        let mut again = Rejects::default();
        again.keep_in(path.clone());
        again.open(committed).unwrap();
        assert_eq!(again.count(), 0);
        again.add(line(3), "field 1: not a number", b"z,y").unwrap();
        assert_eq!(again.prepare().unwrap().count, 2);
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "{\"file\":\"a.csv\",\"line\":2,\"reason\":\"field 1: not a number\",\"text\":\"x,y\"}\n\
             {\"file\":\"a.csv\",\"line\":3,\"reason\":\"field 1: not a number\",\"text\":\"z,y\"}\n"
        );
    }

    #[test]
    fn bytes_that_are_not_text_are_kept_as_hex_and_long_text_is_cut() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rejects.jsonl");
        let mut rejects = Rejects::default();
        rejects.keep_in(path.clone());
        rejects.open(RejectPosition::default()).unwrap();
        rejects.add(Origin::Message { topic: "t" }, "not UTF-8", &[0xff, 0x00]).unwrap();
        let long = "é".repeat(KEPT_BYTES);
        rejects.add(line(1), "too long", &long.as_bytes()[1..]).unwrap();
        rejects.add(line(2), "too long", long.as_bytes()).unwrap();
        rejects.prepare().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["bytes_hex"], "ff00");
        assert!(lines[1]["text"].is_null(), "the first byte is half a character");
        assert_eq!(lines[2]["text"].as_str().unwrap().len(), KEPT_BYTES);
        assert_eq!(lines[2]["total_bytes"], 2 * KEPT_BYTES);
    }
}
