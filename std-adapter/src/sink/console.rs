//! Rows as a table on the console (Spark's `console` sink).

use core::fmt;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::{Sink, SinkError};

/// Rows shown per commit, as in Spark.
const ROWS_SHOWN: usize = 20;

/// Shows the rows of each commit as a table, after it.
pub struct ConsoleSink {
    to: Box<dyn Write + Send>,
    table: csv::Writer<Vec<u8>>,
    rows: usize,
    rows_shown: usize,
}

impl Default for ConsoleSink {
    fn default() -> Self {
        Self::new()
    }
}

impl ConsoleSink {
    /// Shows rows on standard output.
    #[must_use]
    pub fn new() -> Self {
        Self::to(io::stdout())
    }

    /// Shows rows elsewhere.
    #[must_use]
    pub fn to(to: impl Write + Send + 'static) -> Self {
        Self {
            to: Box::new(to),
            table: csv::Writer::from_writer(Vec::new()),
            rows: 0,
            rows_shown: ROWS_SHOWN,
        }
    }

    /// Shows at most this many rows of each commit; 20 unless said otherwise.
    #[must_use]
    pub fn with_rows_shown(mut self, rows: usize) -> Self {
        self.rows_shown = rows;
        self
    }

    fn show(&mut self, epoch: u64) -> io::Result<()> {
        let table = core::mem::replace(&mut self.table, csv::Writer::from_writer(Vec::new()));
        let rows = core::mem::take(&mut self.rows);
        let bytes = table.into_inner().map_err(|error| error.into_error())?;
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&*bytes);
        let records: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>()?;
        let columns = records.first().map_or(0, csv::StringRecord::len);
        let width = |column| {
            records.iter().filter_map(|record| record.get(column)).map(|cell| cell.chars().count()).max()
        };
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let rule: String =
            widths.iter().map(|width| format!("+{}", "-".repeat(width + 2))).collect::<String>() + "+";
        writeln!(self.to, "epoch {epoch}")?;
        for (index, record) in records.iter().enumerate() {
            if index <= 1 {
                writeln!(self.to, "{rule}")?;
            }
            for (cell, width) in record.iter().zip(&widths) {
                write!(self.to, "| {cell:>width$} ")?;
            }
            writeln!(self.to, "|")?;
        }
        if columns > 0 {
            writeln!(self.to, "{rule}")?;
        }
        if rows > self.rows_shown {
            writeln!(self.to, "only {} of {rows} rows", self.rows_shown)?;
        }
        self.to.flush()
    }
}

impl fmt::Debug for ConsoleSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleSink").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl<Row: Serialize> Sink<Row> for ConsoleSink {
    type Position = ();

    fn open(&mut self, _committed: Option<()>) -> Result<(), SinkError> {
        Ok(())
    }

    fn write(&mut self, row: &Row) -> Result<(), SinkError> {
        self.rows += 1;
        if self.rows <= self.rows_shown {
            self.table.serialize(row).map_err(|error| SinkError::csv(Path::new("the console"), error))?;
        }
        Ok(())
    }

    fn prepare(&mut self, _epoch: u64) -> Result<(), SinkError> {
        Ok(())
    }

    fn committed(&mut self, epoch: u64) -> Result<(), SinkError> {
        if self.rows == 0 {
            return Ok(());
        }
        self.show(epoch).map_err(SinkError::io("write to", Path::new("the console")))
    }

    fn description(&self) -> String {
        "ConsoleSink".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Serialize)]
    struct Row {
        device: &'static str,
        mean: Option<f64>,
    }

    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn rows_are_a_table_after_the_commit() {
        let shown = Arc::new(Mutex::new(Vec::new()));
        let mut sink = ConsoleSink::to(Shared(Arc::clone(&shown))).with_rows_shown(2);
        for row in [("pump", Some(1.5)), ("fän", None), ("third", None)] {
            sink.write(&Row { device: row.0, mean: row.1 }).unwrap();
        }
        Sink::<Row>::prepare(&mut sink, 3).unwrap();
        assert!(shown.lock().unwrap().is_empty());
        Sink::<Row>::committed(&mut sink, 3).unwrap();
        let text = String::from_utf8(shown.lock().unwrap().clone()).unwrap();
        let expected = "epoch 3\n\
            +--------+------+\n\
            | device | mean |\n\
            +--------+------+\n\
            |   pump |  1.5 |\n\
            |    fän |      |\n\
            +--------+------+\n\
            only 2 of 3 rows\n";
        assert_eq!(text, expected);
    }
}
