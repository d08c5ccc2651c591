//! Rows as text into a file whose length is known.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Format;
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
    Csv(Box<csv::Writer<Counted>>),
    JsonLines(BufWriter<Counted>),
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
        if let (Text::Csv(writer), Some(columns)) = (&mut encoder.text, columns) {
            writer.write_record(columns).map_err(|error| SinkError::csv(&encoder.path, error))?;
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
                let writer = csv::WriterBuilder::new()
                    .has_headers(header)
                    .buffer_capacity(BUFFER_BYTES)
                    .from_writer(file);
                Text::Csv(Box::new(writer))
            }
            Format::JsonLines => Text::JsonLines(BufWriter::with_capacity(BUFFER_BYTES, file)),
        };
        Self { path, text, dirty: false }
    }

    pub(super) fn write<Row: Serialize>(&mut self, row: &Row) -> Result<(), SinkError> {
        self.dirty = true;
        match &mut self.text {
            Text::Csv(writer) => writer.serialize(row).map_err(|error| SinkError::csv(&self.path, error)),
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
            Text::Csv(writer) => writer.flush(),
            Text::JsonLines(writer) => writer.flush(),
        };
        flushed.map_err(SinkError::io("write", &self.path))?;
        let counted = match &self.text {
            Text::Csv(writer) => writer.get_ref(),
            Text::JsonLines(writer) => writer.get_ref(),
        };
        if self.dirty {
            counted.file.sync_data().map_err(SinkError::io("sync", &self.path))?;
        }
        self.dirty = false;
        Ok(counted.length)
    }
}

fn json_error(path: &Path, error: serde_json::Error) -> SinkError {
    if error.is_io() {
        SinkError::io("write", path)(error.into())
    } else {
        SinkError::Encode { to: path.display().to_string(), reason: error.to_string() }
    }
}
