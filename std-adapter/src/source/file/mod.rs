//! Files as a source: CSV with a header, or JSON lines; one file, or a directory, that may grow.
//!
//! # One line, one row
//! A line that cannot be read as a row is counted and, with [`FileSource::with_rejects`], kept in a reject file; the lines
//! around it are not touched. So that one stray quote cannot swallow the rest of a file, a quoted CSV field ends on its
//! own line (Spark's default, `multiLine = false`). Blank lines are passed over. A last line without newline waits
//! until its newline has come; when the source is limited to what is available, it counts as it is.
//!
//! # Directories
//! Files are read in order of their names. The last [`FileSource::growing_files`] of them, 8 unless said otherwise, may
//! still grow, and are looked at again and again. A file before those is read to its end once and is then *finished*:
//! it may be removed, and growth of it, or a new file whose name comes before it, is not read. Both are warned of and counted,
//! in [`SourceMetrics::grown_files`] (growth while the source is open) and [`SourceMetrics::ignored_files`]. So the position stays bounded however many files there have been.
//! For a fixed set of files that all grow, one per device say, give a number at least as large as the set.
//!
//! Files must keep their names and only ever be appended to: a file shorter than its position, or with other text where
//! a line began, is an error that names it.

mod decode;
mod directory;
mod lines;
mod plain;
mod position;

use core::marker::PhantomData;
use core::time::Duration;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread;

use serde::de::DeserializeOwned;

use super::reject::{KEPT_BYTES, Origin, Rejects};
use super::{Next, Source, SourceError, SourceMetrics};
pub use crate::format::Format;
pub(crate) use decode::json_reason;
use decode::{CsvDecoder, Decoder, LineError};
use directory::Listing;
use lines::{End, FoundLine, LinePosition, Lines};
use plain::Line;
pub use position::FilePosition;

const LONGEST_LINE_BYTES: usize = 1 << 20;
const GROWING_FILES: usize = 8;
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Rows `R` from the lines of a file or of the files of a directory.
///
/// ```
/// use core::time::Duration;
/// use headwater_std::source::{Next, Source, file::{FileSource, Format}};
/// use serde::Deserialize;
///
/// #[derive(Debug, Deserialize, PartialEq)]
/// struct Reading { device: String, value: f64 }
///
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("readings.csv");
/// std::fs::write(&path, "device,value\nkitchen,21.5\n")?;
///
/// let mut source = FileSource::<Reading>::new(&path, Format::Csv);
/// source.open(None)?;
/// let row = Reading { device: "kitchen".to_owned(), value: 21.5 };
/// assert_eq!(source.next(Duration::ZERO)?, Next::Row(row));
/// assert_eq!(source.next(Duration::ZERO)?, Next::Idle);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FileSource<R> {
    path: PathBuf,
    decoder: Decoder<R>,
    delimiter: u8,
    suffix: String,
    longest_line: usize,
    growing_files: usize,
    poll_interval: Duration,
    rejects: Rejects,
    /// Whether `path` is a directory.
    is_directory: bool,
    position: FilePosition,
    current: Option<Current>,
    to_read: VecDeque<ToRead>,
    /// Length of each begun file when it was last read to its end.
    read_to: HashMap<String, u64>,
    /// Files at or before the last finished one that are known, with the length they were read to; none once it has been
    /// reported that they grew or came too late.
    known_finished: HashMap<String, Option<u64>>,
    /// What was there when the source was limited to it.
    limit: Option<Listing>,
    metrics: SourceMetrics,
}

/// The file being read.
#[derive(Debug)]
struct Current {
    name: String,
    path: PathBuf,
    lines: Lines,
    last: bool,
    /// No line of it has been taken yet, but the header.
    at_first_line: bool,
}

/// A file with something to read.
#[derive(Debug)]
struct ToRead {
    name: String,
    length: u64,
    /// It will not be looked at again.
    last: bool,
}

impl<R: DeserializeOwned> FileSource<R> {
    /// Rows from `path`, a file or a directory. CSV rows are read by the names of the columns on each file's first line.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, format: Format) -> Self {
        let decoder = match format {
            Format::Csv => Decoder::Csv(CsvDecoder::new(b',', None)),
            Format::JsonLines => Decoder::JsonLines(PhantomData),
        };
        let path = path.into();
        Self {
            path,
            decoder,
            delimiter: b',',
            suffix: String::new(),
            longest_line: LONGEST_LINE_BYTES,
            growing_files: GROWING_FILES,
            poll_interval: POLL_INTERVAL,
            rejects: Rejects::default(),
            is_directory: false,
            position: FilePosition::default(),
            current: None,
            to_read: VecDeque::new(),
            read_to: HashMap::new(),
            known_finished: HashMap::new(),
            limit: None,
            metrics: SourceMetrics::default(),
        }
    }

    /// The byte between CSV fields; a comma unless said otherwise. JSON lines have none.
    #[must_use]
    pub fn with_delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = delimiter;
        if matches!(self.decoder, Decoder::Csv(_)) {
            self.decoder = Decoder::Csv(CsvDecoder::new(delimiter, None));
        }
        self
    }

    /// The columns of CSV files that have no header line; call it after [`FileSource::with_delimiter`].
    #[must_use]
    pub fn with_columns<C: Into<String>>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        let columns: Vec<String> = columns.into_iter().map(Into::into).collect();
        if matches!(self.decoder, Decoder::Csv(_)) {
            self.decoder = Decoder::Csv(CsvDecoder::new(self.delimiter, Some(&columns)));
        }
        self
    }

    /// Reads only the files of a directory whose name ends like this.
    #[must_use]
    pub fn with_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.suffix = suffix.into();
        self
    }

    /// Keeps each line that cannot be read in this file: a JSON object a line, with `file`, `line`, `reason` and `text`
    /// (`bytes_hex` if it is not UTF-8; at most 4 KiB of it).
    #[must_use]
    pub fn with_rejects(mut self, path: impl Into<PathBuf>) -> Self {
        self.rejects.keep_in(path.into());
        self
    }

    /// How many files of a directory, the last by name, may still grow; at least 1. The position of the source, written
    /// into each commit, names up to that many files.
    #[must_use]
    pub fn growing_files(mut self, files: usize) -> Self {
        self.growing_files = files.max(1);
        self
    }

    /// How often to look for more when everything has been read; 100 ms unless said otherwise.
    #[must_use]
    pub fn with_poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// A longer line is a reject; 1 MiB unless said otherwise, at least 4 KiB. Bounds the memory of the source.
    #[must_use]
    pub fn with_longest_line(mut self, bytes: usize) -> Self {
        self.longest_line = bytes.max(KEPT_BYTES);
        self
    }

    fn path_of(&self, name: &str) -> PathBuf {
        if self.is_directory { self.path.join(name) } else { self.path.clone() }
    }

    /// Name and length of every file that may be read.
    fn list(&self) -> Result<Listing, SourceError> {
        if self.is_directory {
            let listed = directory::list(&self.path, &self.suffix);
            let mut listing = listed.map_err(SourceError::io("list", &self.path))?;
            listing.retain(|name, _| !self.rejects.are_in(&self.path.join(name)));
            return Ok(listing);
        }
        let metadata = fs::metadata(&self.path).map_err(SourceError::io("read", &self.path))?;
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        Ok(Listing::from([(name.to_string_lossy().into_owned(), metadata.len())]))
    }

    /// Looks for files with something new and puts them in `to_read`.
    fn scan(&mut self) -> Result<(), SourceError> {
        let listing = match &self.limit {
            Some(limit) => limit.clone(),
            None => self.list()?,
        };
        self.note_ignored(&listing);
        self.position.begun.retain(|file| listing.contains_key(&file.name));
        self.read_to.retain(|name, _| listing.contains_key(name));
        let begin_growing = listing.len().saturating_sub(self.growing_files);
        for (index, (name, length)) in listing.into_iter().enumerate() {
            if self.position.is_finished(&name) {
                continue;
            }
            let last = index < begin_growing;
            let position = self.position.of(&name);
            if length < position.offset {
                let reason = format!("it has only {length} bytes now; input files may only be appended to");
                return Err(self.position_error(&name, position, reason));
            }
            let new = length > position.offset && self.read_to.get(&name) != Some(&length);
            if new || last || (self.limit.is_some() && length > position.offset) {
                self.to_read.push_back(ToRead { name, length, last });
            }
        }
        Ok(())
    }

    /// Counts files that appeared among those already finished, and finished ones that grew.
    fn note_ignored(&mut self, listing: &Listing) {
        let Some(finished) = self.position.finished_through.clone() else { return };
        self.known_finished.retain(|name, _| listing.contains_key(name));
        for (name, length) in listing.range(..=finished.clone()) {
            match self.known_finished.entry(name.clone()) {
                Entry::Vacant(new) => {
                    new.insert(None);
                    self.metrics.ignored_files += 1;
                    tracing::warn!(
                        file = name,
                        finished,
                        "a new file comes before files already finished: it is not read"
                    );
                }
                Entry::Occupied(mut known) if known.get().is_some_and(|read_to| *length > read_to) => {
                    known.insert(None);
                    self.metrics.grown_files += 1;
                    tracing::warn!(
                        file = name,
                        "a finished file has grown: what was added is not read; allow more growing_files"
                    );
                }
                Entry::Occupied(_) => {}
            }
        }
    }

    fn position_error(&self, name: &str, position: LinePosition, reason: String) -> SourceError {
        SourceError::Position { path: self.path_of(name), offset: position.offset, reason }
    }

    fn begin(&mut self, next: ToRead) -> Result<(), SourceError> {
        let ToRead { name, length, last } = next;
        let path = self.path_of(&name);
        let file = match File::open(&path) {
            // Removed since it was listed.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.is_directory => return Ok(()),
            file => file.map_err(SourceError::io("open", &path))?,
        };
        let end = match (&self.limit, last) {
            (Some(_), _) => End::At(length),
            (None, false) => End::Open,
            // It may have grown since it was listed, and this is the last look at it.
            (None, true) => End::At(file.metadata().map_err(SourceError::io("read", &path))?.len()),
        };
        let mut position = self.position.of(&name);
        if position.offset > 0 {
            match self.check_line_start(&name, &path, &file, position, length)? {
                Some(checked) => position = checked,
                None => return Ok(()),
            }
        }
        let mut first = LinePosition::START;
        if self.decoder.has_header() {
            let Some(after_header) = self.read_header(&name, &path, end)? else { return Ok(()) };
            first = after_header;
            if position.offset == 0 {
                position = first;
            }
        }
        let at_first_line = position.offset == first.offset;
        let lines =
            Lines::new(file, position, end, self.longest_line).map_err(SourceError::io("seek in", &path))?;
        self.current = Some(Current { name, path, lines, last, at_first_line });
        Ok(())
    }

    /// Whether a line begins at the position: else this is not the file that was read. After a line that was taken
    /// without its newline, a newline has to come first; `None` if nothing has come.
    fn check_line_start(
        &self,
        name: &str,
        path: &Path,
        mut file: &File,
        position: LinePosition,
        length: u64,
    ) -> Result<Option<LinePosition>, SourceError> {
        let mut read_at = |offset: u64, bytes: &mut [u8]| {
            file.seek(SeekFrom::Start(offset))?;
            file.read(bytes)
        };
        let mut around = [0; 2];
        if !position.unterminated {
            read_at(position.offset - 1, &mut around[..1]).map_err(SourceError::io("read", path))?;
            if around[0] != b'\n' {
                let reason = "no line begins there; the file is not the one that was read before".to_owned();
                return Err(self.position_error(name, position, reason));
            }
            return Ok(Some(position));
        }
        if length == position.offset {
            return Ok(None);
        }
        let read = read_at(position.offset, &mut around).map_err(SourceError::io("read", path))?;
        let ending = match around.get(..read) {
            Some([b'\n', ..]) => 1,
            Some(b"\r\n") => 2,
            Some(b"\r") => return Ok(None),
            _ => {
                let line = position.line - 1;
                let reason =
                    format!("line {line} was longer than when it was read as the last one, without newline");
                return Err(self.position_error(name, position, reason));
            }
        };
        Ok(Some(LinePosition { offset: position.offset + ending, unterminated: false, ..position }))
    }

    /// Reads the header of a CSV file; `None` if it is not whole yet. The header of a file that ends here may be without
    /// newline.
    fn read_header(
        &mut self,
        name: &str,
        path: &Path,
        end: End,
    ) -> Result<Option<LinePosition>, SourceError> {
        let file = File::open(path).map_err(SourceError::io("open", path))?;
        let mut lines = Lines::new(file, LinePosition::START, end, self.longest_line)
            .map_err(SourceError::io("read the header of", path))?;
        let Some(line) = lines.next().map_err(SourceError::io("read the header of", path))? else {
            return Ok(None);
        };
        let header = match line.too_long {
            Some(bytes) => Err(format!("it has {bytes} bytes")),
            None => self.decoder.header(lines.line(&line).content()),
        };
        match header {
            Ok(()) => Ok(Some(lines.position())),
            Err(reason) => {
                let reason = format!("the header line of {name} cannot be read: {reason}");
                Err(self.position_error(name, LinePosition::START, reason))
            }
        }
    }

    /// A row from the current file; `None` at its end.
    fn row(&mut self) -> Result<Option<R>, SourceError> {
        loop {
            let Some(current) = &mut self.current else { return Ok(None) };
            let found = current.lines.next().map_err(SourceError::io("read", &current.path))?;
            let Some(line) = found else {
                self.end_file();
                return Ok(None);
            };
            let read = current.lines.line(&line);
            let bytes = read.content();
            if line.too_long.is_none() && bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let at_first_line = core::mem::take(&mut current.at_first_line);
            match decode(&mut self.decoder, &line, read, self.longest_line) {
                Ok(row) => {
                    self.metrics.rows += 1;
                    return Ok(Some(row));
                }
                Err(LineError::Column { columns, reason }) if at_first_line => {
                    let path = current.path.clone();
                    // The line is not taken: it comes again when the columns have been put right.
                    self.current = None;
                    return Err(SourceError::Columns { path, columns, reason });
                }
                Err(error) => {
                    let reason = error.into_reason();
                    let origin = Origin::Line { file: &current.name, line: line.number };
                    self.rejects.add(origin, &reason, bytes)?;
                }
            }
        }
    }

    /// Notes how far the current file was read and lets it go.
    fn end_file(&mut self) {
        let Some(Current { name, lines, last, .. }) = self.current.take() else { return };
        if last {
            self.position.finish(&name);
            self.read_to.remove(&name);
            self.known_finished.insert(name, Some(lines.position().offset));
        } else {
            self.position.set(&name, lines.position());
        }
    }
}

fn decode<R: DeserializeOwned>(
    decoder: &mut Decoder<R>,
    line: &FoundLine,
    read: Line<'_>,
    longest: usize,
) -> Result<R, LineError> {
    match line.too_long {
        Some(length) => Err(format!("the line has {length} bytes, more than the {longest} allowed").into()),
        None => decoder.row(line.number, read),
    }
}

impl<R: DeserializeOwned> Source for FileSource<R> {
    type Row = R;
    type Position = FilePosition;

    fn open(&mut self, committed: Option<FilePosition>) -> Result<(), SourceError> {
        let metadata = fs::metadata(&self.path).map_err(SourceError::io("read", &self.path))?;
        self.is_directory = metadata.is_dir();
        self.position = committed.unwrap_or_default();
        self.rejects.open(self.position.rejects)?;
        if let Some(finished) = self.position.finished_through.clone() {
            let listing = self.list()?;
            self.known_finished =
                listing.range(..=finished).map(|(name, length)| (name.clone(), Some(*length))).collect();
        }
        Ok(())
    }

    fn limit_to_available(&mut self) -> Result<(), SourceError> {
        self.limit = Some(self.list()?);
        Ok(())
    }

    fn next(&mut self, wait: Duration) -> Result<Next<R>, SourceError> {
        let mut scanned = false;
        loop {
            if let Some(row) = self.row()? {
                return Ok(Next::Row(row));
            }
            if let Some(next) = self.to_read.pop_front() {
                self.read_to.insert(next.name.clone(), next.length);
                self.begin(next)?;
                continue;
            }
            if scanned {
                break;
            }
            self.scan()?;
            scanned = true;
        }
        if self.limit.is_some() {
            return Ok(Next::End);
        }
        thread::sleep(wait.min(self.poll_interval));
        Ok(Next::Idle)
    }

    fn prepare(&mut self) -> Result<FilePosition, SourceError> {
        self.position.rejects = self.rejects.prepare()?;
        if let Some(Current { name, lines, .. }) = &self.current {
            self.position.set(name, lines.position());
        }
        Ok(self.position.clone())
    }

    fn committed(&mut self, _position: &FilePosition) -> Result<(), SourceError> {
        Ok(())
    }

    fn description(&self) -> String {
        format!("FileSource[{}]", self.path.display())
    }

    fn metrics(&self) -> SourceMetrics {
        SourceMetrics { rejected: self.rejects.count(), ..self.metrics }
    }
}

#[cfg(test)]
mod tests;
