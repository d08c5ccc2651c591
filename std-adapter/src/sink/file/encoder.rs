//! Rows as text into a file whose length is known.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Format;
use super::record::{self, NotFlat};
use crate::sink::SinkError;

const BUFFER_BYTES: usize = 64 * 1024;

/// A file being written, with rows put into its format.
#[derive(Debug)]
pub(super) struct Encoder {
    path: PathBuf,
    text: Text,
    /// Whether rows came since the last sync.
    dirty: bool,
}

#[derive(Debug)]
enum Text {
    Csv(Records),
    JsonLines(BufWriter<Counted>),
}

/// CSV on its way into the file.
#[derive(Debug)]
struct Records {
    file: Counted,
    /// Not yet in the file.
    text: Vec<u8>,
    /// The fields' names are to come before the first row.
    needs_header: bool,
    /// How many a row must have, once it is known.
    fields: Option<usize>,
}

/// A file and the length it has.
#[derive(Debug)]
struct Counted {
    file: File,
    length: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Encoder {
    /// A new file; one of that name is emptied. CSV begins with the header: the given columns, or the fields' names with the
    /// first row.
    pub(super) fn create(
        path: PathBuf,
        format: Format,
        columns: Option<&[String]>,
    ) -> Result<Self, SinkError> {
        let file = File::create(&path).map_err(SinkError::io("create", &path))?;
        let mut encoder = Self::new(path, Counted { file, length: 0 }, format, columns.is_none());
        if let (Text::Csv(records), Some(columns)) = (&mut encoder.text, columns) {
            records.add(&columns).map_err(|error| error.into_sink(&encoder.path))?;
            encoder.dirty = true;
        }
        Ok(encoder)
    }

    /// Goes on in a file after `length` bytes; what follows them is cut off.
    pub(super) fn resume(path: PathBuf, format: Format, length: u64) -> Result<Self, SinkError> {
        let open = OpenOptions::new().write(true).open(&path);
        let mut file = open.map_err(SinkError::io("open the committed output", &path))?;
        let found = file.metadata().map_err(SinkError::io("read the length of", &path))?.len();
        if found < length {
            let reason = format!(
                "it has {found} bytes, but {length} were committed; restore the file, or start anew with an empty \
                 output directory and checkpoint"
            );
            return Err(SinkError::Output { path, reason });
        }
        file.set_len(length).map_err(SinkError::io("truncate", &path))?;
        file.sync_all().map_err(SinkError::io("sync", &path))?;
        file.seek(SeekFrom::Start(length)).map_err(SinkError::io("seek in", &path))?;
        Ok(Self::new(path, Counted { file, length }, format, false))
    }

    fn new(path: PathBuf, file: Counted, format: Format, header: bool) -> Self {
        let text = match format {
            Format::Csv => {
                let text = Vec::with_capacity(BUFFER_BYTES);
                Text::Csv(Records { file, text, needs_header: header, fields: None })
            }
            Format::JsonLines => Text::JsonLines(BufWriter::with_capacity(BUFFER_BYTES, file)),
        };
        Self { path, text, dirty: false }
    }

    pub(super) fn write<Row: Serialize>(&mut self, row: &Row) -> Result<(), SinkError> {
        self.dirty = true;
        match &mut self.text {
            Text::Csv(records) => records.add(row).map_err(|error| error.into_sink(&self.path)),
            Text::JsonLines(writer) => {
                let written = serde_json::to_writer(&mut *writer, row);
                written.map_err(|error| json_error(&self.path, error))?;
                writer.write_all(b"\n").map_err(SinkError::io("write", &self.path))
            }
        }
    }

    /// Makes everything written durable and gives the file's length.
    pub(super) fn sync(&mut self) -> Result<u64, SinkError> {
        let flushed = match &mut self.text {
            Text::Csv(records) => records.flush(),
            Text::JsonLines(writer) => writer.flush(),
        };
        flushed.map_err(SinkError::io("write", &self.path))?;
        let counted = match &self.text {
            Text::Csv(records) => &records.file,
            Text::JsonLines(writer) => writer.get_ref(),
        };
        if self.dirty {
            counted.file.sync_data().map_err(SinkError::io("sync", &self.path))?;
        }
        self.dirty = false;
        Ok(counted.length)
    }
}

/// Why a row is not written.
enum RecordError {
    Csv(csv::Error),
    Io(io::Error),
    Fields { found: usize, expected: usize },
}

impl From<io::Error> for RecordError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl RecordError {
    fn into_sink(self, path: &Path) -> SinkError {
        match self {
            Self::Csv(error) => SinkError::csv(path, error),
            Self::Io(error) => SinkError::io("write", path)(error),
            Self::Fields { found, expected } => {
                let reason = format!("it has {found} fields and there are {expected} columns");
                SinkError::Encode { to: path.display().to_string(), reason }
            }
        }
    }
}

impl Records {
    fn add<Row: Serialize>(&mut self, row: &Row) -> Result<(), RecordError> {
        if self.needs_header {
            self.text.extend(header(row)?);
            self.needs_header = false;
        }
        let start = self.text.len();
        let found = match record::append(&mut self.text, row) {
            Ok(fields) => fields,
            Err(NotFlat) => return Err(not_flat(row)),
        };
        let expected = *self.fields.get_or_insert(found);
        if found != expected {
            self.text.truncate(start);
            return Err(RecordError::Fields { found, expected });
        }
        if self.text.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.text)?;
        self.text.clear();
        Ok(())
    }
}

/// The line of the fields' names, as the `csv` crate finds them; none for rows whose fields have none.
fn header<Row: Serialize>(row: &Row) -> Result<Vec<u8>, RecordError> {
    let with = |header| {
        let mut writer = csv::WriterBuilder::new().has_headers(header).from_writer(Vec::new());
        writer.serialize(row).map_err(RecordError::Csv)?;
        writer.into_inner().map_err(|error| RecordError::Io(error.into_error()))
    };
    let (mut both, row) = (with(true)?, with(false)?);
    both.truncate(both.len() - row.len());
    Ok(both)
}

/// The words of the `csv` crate.
fn not_flat<Row: Serialize>(row: &Row) -> RecordError {
    match csv::WriterBuilder::new().has_headers(false).from_writer(io::sink()).serialize(row) {
        Err(error) => RecordError::Csv(error),
        Ok(()) => RecordError::Io(io::Error::other(NotFlat)),
    }
}

fn json_error(path: &Path, error: serde_json::Error) -> SinkError {
    if error.is_io() {
        SinkError::io("write", path)(error.into())
    } else {
        SinkError::Encode { to: path.display().to_string(), reason: error.to_string() }
    }
}
