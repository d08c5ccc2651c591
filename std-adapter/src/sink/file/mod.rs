//! Files as a sink: CSV or JSON lines, each row once through any crash.
//!
//! Rows go to `part-000000.csv.part`; how much of it is committed stands in the checkpoint. Started again, the sink cuts
//! off what is not. A file that is large or old enough is closed with a commit and then renamed to `part-000000.csv`, so many
//! small epochs share a file, and a reader of finished names never sees a row that could be taken back. A clean stop
//! closes the current file too.
//!
//! The directory is locked while a sink writes to it (`.lock`) and names the query that wrote to it (`.owner`): only that
//! query's own uncommitted rows are ever cut off. A query whose checkpoint is missing is refused, and the output left as it is.

mod append;
mod encoder;
mod owner;
mod record;
mod replace;

use core::time::Duration;
use std::fs::{self, File};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Format, Sink, SinkError};
use append::{AppendedFiles, Leftovers, Limits};
use owner::Owner;
use replace::ReplacedFile;

const LARGEST_FILE_BYTES: u64 = 64 << 20;
const LONGEST_OPEN: Duration = Duration::from_secs(600);

/// Where a [`FileSink`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileSinkPosition {
    /// Number of the file that is being written; in a replacing sink, of the result table.
    pub file: u64,
    /// Committed bytes of it.
    pub length: u64,
}

/// Writes rows to files of a directory, which it makes if need be.
///
/// Rows are anything that serializes. CSV takes flat structs and takes the columns' names from the fields, or, with
/// [`FileSink::with_columns`], anything whose fields flatten to as many. In JSON, NaN and infinities become `null`; CSV has
/// them as `NaN`, `inf` and `-inf`.
///
/// Only one sink may write to a directory: it locks it. Without a query ([`Sink::set_query_id`]) rows that a crash left
/// uncommitted before the very first commit cannot be told from another writer's, and are refused.
///
/// ```
/// use headwater_std::sink::{FileSink, Format, Sink};
///
/// #[derive(serde::Serialize)]
/// struct Row { device: &'static str, count: u64 }
///
/// let directory = tempfile::tempdir()?;
/// let mut sink = FileSink::new(directory.path(), Format::Csv);
/// Sink::<Row>::open(&mut sink, None)?;
/// sink.write(&Row { device: "pump", count: 3 })?;
/// Sink::<Row>::finish(&mut sink);
/// Sink::<Row>::prepare(&mut sink, 1)?;
/// Sink::<Row>::committed(&mut sink, 1)?;
/// let text = std::fs::read_to_string(directory.path().join("part-000000.csv"))?;
/// assert_eq!(text, "device,count\npump,3\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FileSink {
    target: Target,
    limits: Limits,
    files: Files,
    query: Option<String>,
    /// Who the directory was found or made to belong to.
    owner: Option<Owner>,
    lock: Option<File>,
}

/// Where and how to write.
#[derive(Debug)]
struct Target {
    directory: PathBuf,
    format: Format,
    columns: Option<Vec<String>>,
}

#[derive(Debug)]
enum Files {
    Appended(AppendedFiles),
    Replaced(ReplacedFile),
}

impl FileSink {
    /// Files of `format` in `directory`.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>, format: Format) -> Self {
        Self {
            target: Target { directory: directory.into(), format, columns: None },
            limits: Limits { bytes: LARGEST_FILE_BYTES, age: LONGEST_OPEN },
            files: Files::Appended(AppendedFiles::new()),
            query: None,
            owner: None,
            lock: None,
        }
    }

    /// The names of the CSV columns, instead of those of the fields.
    #[must_use]
    pub fn with_columns<C: Into<String>>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.target.columns = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Closes a file with the commit at which it has this many bytes; 64 MiB unless said otherwise.
    #[must_use]
    pub fn with_largest_file(mut self, bytes: u64) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// Closes a file with the first commit after this time; 10 min unless said otherwise. Zero closes a file with every commit.
    #[must_use]
    pub fn with_longest_open(mut self, time: Duration) -> Self {
        self.limits.age = time;
        self
    }

    /// Writes only `result.csv` (or `.jsonl`), and at each commit puts the results of the last trigger in its place: the
    /// result table of a query in complete mode.
    #[must_use]
    pub fn replacing(mut self) -> Self {
        self.files = Files::Replaced(ReplacedFile::default());
        self
    }

    /// What may become of uncommitted rows that are found.
    fn leftovers(&self, committed: bool) -> Leftovers {
        match (&self.owner, &self.query) {
            (Some(owner), Some(query)) if owner.query != *query => Leftovers::OfAnotherQuery,
            (Some(owner), Some(_)) if committed || !owner.committed => Leftovers::Own,
            _ if committed => Leftovers::Own,
            _ => Leftovers::OfAnEarlierRun,
        }
    }

    /// Notes in the directory that it is this query's.
    fn own(&mut self, committed: bool) -> Result<(), SinkError> {
        let Some(query) = &self.query else { return Ok(()) };
        let owner = Owner { query: query.clone(), committed };
        if self.owner.as_ref() != Some(&owner) {
            owner.write(&self.target.directory)?;
            self.owner = Some(owner);
        }
        Ok(())
    }
}

impl<Row: Serialize> Sink<Row> for FileSink {
    type Position = FileSinkPosition;

    fn set_query_id(&mut self, id: &str) {
        self.query = Some(id.to_owned());
    }

    fn open(&mut self, committed: Option<FileSinkPosition>) -> Result<(), SinkError> {
        let directory = &self.target.directory;
        fs::create_dir_all(directory).map_err(SinkError::io("make the output directory", directory))?;
        // Its own lock would keep a sink that is opened again out.
        self.lock = None;
        self.lock = Some(owner::lock(directory)?);
        self.owner = Owner::read(directory)?;
        let leftovers = self.leftovers(committed.is_some());
        match &mut self.files {
            Files::Appended(files) => {
                files.open(&self.target, committed, leftovers)?;
                self.own(committed.is_some())
            }
            Files::Replaced(file) => file.open(&self.target, committed),
        }
    }

    fn begin(&mut self) {
        if let Files::Replaced(file) = &mut self.files {
            file.begin();
        }
    }

    fn write(&mut self, row: &Row) -> Result<(), SinkError> {
        match &mut self.files {
            Files::Appended(files) => files.write(&self.target, row),
            Files::Replaced(file) => file.write(&self.target, row),
        }
    }

    fn prepare(&mut self, _epoch: u64) -> Result<FileSinkPosition, SinkError> {
        match &mut self.files {
            Files::Appended(files) => files.prepare(&self.target, self.limits),
            Files::Replaced(file) => file.prepare(&self.target),
        }
    }

    fn committed(&mut self, _epoch: u64) -> Result<(), SinkError> {
        match &mut self.files {
            Files::Appended(files) => {
                files.committed(&self.target)?;
                self.own(true)
            }
            Files::Replaced(file) => file.committed(&self.target),
        }
    }

    fn finish(&mut self) {
        if let Files::Appended(files) = &mut self.files {
            files.finish();
        }
    }

    fn wants_commit(&self) -> bool {
        matches!(&self.files, Files::Appended(files) if files.wants_commit(self.limits))
    }

    fn description(&self) -> String {
        format!("FileSink[{}]", self.target.directory.display())
    }
}

#[cfg(test)]
mod tests;
