//! Where results go: into the checksum, and into files if asked for.

use std::path::Path;

use headwater::WindowRow;
use headwater_std::sink::{FileSink, Format, Sink, SinkError};
use serde::Serialize;

use super::answer::{Aggregated, Answer};

/// Takes the results of a run.
#[derive(Debug)]
pub struct Output {
    answer: Answer,
    files: Option<FileSink>,
}

/// A line of the files.
#[derive(Debug, Serialize)]
struct Line {
    key: u32,
    window_start_ms: i64,
    window_end_ms: i64,
    count: u64,
    sum: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
}

impl Output {
    /// Nothing yet of the answer over `rows` rows, which also goes to CSV files in `directory`, if there is one.
    ///
    /// # Errors
    /// When the directory cannot be used, or holds results of an earlier run.
    pub fn over(rows: u64, directory: Option<&Path>) -> Result<Self, SinkError> {
        let mut files = directory.map(|directory| FileSink::new(directory, Format::Csv));
        if let Some(files) = &mut files {
            Sink::<Line>::open(files, None)?;
        }
        Ok(Self { answer: Answer::over(rows), files })
    }

    /// Takes a result.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, result: WindowRow<u32, Aggregated>) -> Result<(), SinkError> {
        if let Some(files) = &mut self.files {
            let (count, sum, min, max) = result.value;
            let (window_start_ms, window_end_ms) =
                (result.window.start.as_millis(), result.window.end.as_millis());
            files.write(&Line { key: result.key, window_start_ms, window_end_ms, count, sum, min, max })?;
        }
        self.answer.add(result);
        Ok(())
    }

    /// Makes the files durable and closes them.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn finish(mut self) -> Result<Answer, SinkError> {
        if let Some(files) = &mut self.files {
            Sink::<Line>::finish(files);
            Sink::<Line>::prepare(files, 1)?;
            Sink::<Line>::committed(files, 1)?;
        }
        Ok(self.answer)
    }
}
