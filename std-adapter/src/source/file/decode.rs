//! One line into one row: CSV or JSON.

use core::marker::PhantomData;

use csv::ByteRecord;
use csv_core::ReadRecordResult;
use serde::de::DeserializeOwned;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Turns lines into rows.
#[derive(Debug)]
pub(super) enum Decoder<R> {
    Csv(Box<CsvDecoder>),
    JsonLines(PhantomData<fn() -> R>),
}

impl<R: DeserializeOwned> Decoder<R> {
    /// Whether the first line of a file names the columns.
    pub(super) fn has_header(&self) -> bool {
        matches!(self, Self::Csv(csv) if !csv.columns_given)
    }

    /// Takes the header line of a file.
    pub(super) fn header(&mut self, line: &[u8]) -> Result<(), String> {
        match self {
            Self::Csv(csv) => csv.header(line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line)),
            Self::JsonLines(_) => Ok(()),
        }
    }

    /// The row, or why there is none.
    pub(super) fn row(&mut self, number: u64, line: &[u8]) -> Result<R, LineError> {
        let line = if number == 1 { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) } else { line };
        match self {
            Self::Csv(csv) => csv.row(line),
            Self::JsonLines(_) => serde_json::from_slice(line).map_err(|error| json_reason(&error).into()),
        }
    }
}

/// Why a line gives no row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LineError {
    /// The line is not as it should be.
    Line(String),
    /// The line is whole, but there is no column for a field of the row.
    Column {
        /// The columns there are.
        columns: String,
        /// Which is missing.
        reason: String,
    },
}

impl From<String> for LineError {
    fn from(reason: String) -> Self {
        Self::Line(reason)
    }
}

impl LineError {
    pub(super) fn into_reason(self) -> String {
        match self {
            Self::Line(reason) | Self::Column { reason, .. } => reason,
        }
    }
}

/// The reason without serde_json's line number, which is always 1 here.
pub(crate) fn json_reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let bare = text.split(" at line ").next().unwrap_or(&text);
    if error.column() > 0 { format!("{bare}, at column {}", error.column()) } else { bare.to_owned() }
}

/// Splits a line at its delimiters and reads the fields by the names of their columns.
#[derive(Debug)]
pub(super) struct CsvDecoder {
    reader: csv_core::Reader,
    columns: ByteRecord,
    columns_given: bool,
    record: ByteRecord,
    fields: Vec<u8>,
    ends: Vec<usize>,
}

impl CsvDecoder {
    pub(super) fn new(delimiter: u8, columns: Option<&[String]>) -> Box<Self> {
        Box::new(Self {
            reader: csv_core::ReaderBuilder::new().delimiter(delimiter).build(),
            columns: columns.map(ByteRecord::from).unwrap_or_default(),
            columns_given: columns.is_some(),
            record: ByteRecord::new(),
            fields: Vec::new(),
            ends: Vec::new(),
        })
    }

    fn header(&mut self, line: &[u8]) -> Result<(), String> {
        self.split(line)?;
        self.columns.clone_from(&self.record);
        Ok(())
    }

    fn row<R: DeserializeOwned>(&mut self, line: &[u8]) -> Result<R, LineError> {
        self.split(line)?;
        if self.record.len() != self.columns.len() {
            return Err(format!("{} fields, expected {}", self.record.len(), self.columns.len()).into());
        }
        self.record.deserialize(Some(&self.columns)).map_err(|error| self.error(&error))
    }

    fn split(&mut self, line: &[u8]) -> Result<(), String> {
        // Unquoting never lengthens, and a line has at most one field more than bytes.
        if self.fields.len() < line.len() + 2 {
            self.fields.resize(line.len() + 2, 0);
            self.ends.resize(line.len() + 2, 0);
        }
        self.reader.reset();
        let (_, _, written, ended) = self.reader.read_record(line, &mut self.fields, &mut self.ends);
        let space = self.fields.get_mut(written..).unwrap_or_default();
        let ends = self.ends.get_mut(ended..).unwrap_or_default();
        // The newline ends the record, unless it falls inside quotes.
        let (result, _, _, more) = self.reader.read_record(b"\n", space, ends);
        if result != ReadRecordResult::Record {
            return Err("a quoted field does not end on its line".to_owned());
        }
        self.record.clear();
        let mut start = 0;
        for end in self.ends.iter().take(ended + more) {
            self.record.push_field(self.fields.get(start..*end).unwrap_or_default());
            start = *end;
        }
        Ok(())
    }

    /// The reason of a deserialize error with the name of the column.
    fn error(&self, error: &csv::Error) -> LineError {
        let csv::ErrorKind::Deserialize { err, .. } = error.kind() else { return error.to_string().into() };
        let column = err.field().and_then(|field| usize::try_from(field).ok());
        let reason = match column.and_then(|field| self.columns.get(field)) {
            Some(name) => format!("column {}: {}", String::from_utf8_lossy(name), err.kind()),
            None => err.kind().to_string(),
        };
        // The line has a field for each column, so what is missing is a column. Serde tells it by this text alone.
        if reason.starts_with("missing field") {
            let columns: Vec<_> = self.columns.iter().map(String::from_utf8_lossy).collect();
            return LineError::Column { columns: columns.join(","), reason };
        }
        reason.into()
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Reading {
        device: String,
        value: Option<f64>,
    }

    fn csv() -> Decoder<Reading> {
        let mut decoder = Decoder::Csv(CsvDecoder::new(b',', None));
        assert!(decoder.has_header());
        decoder.header(b"\xef\xbb\xbfvalue,other,device").unwrap();
        decoder
    }

    #[test]
    fn fields_are_read_by_the_names_of_their_columns() {
        let mut decoder = csv();
        let reading = |device: &str, value| Reading { device: device.to_owned(), value };
        assert_eq!(decoder.row(2, b"1.5,x,a").unwrap(), reading("a", Some(1.5)));
        assert_eq!(decoder.row(3, b",x,a").unwrap(), reading("a", None));
        assert_eq!(decoder.row(4, b"2,\"x,\"\"y\",\"b c\"").unwrap(), reading("b c", Some(2.0)));
        assert_eq!(decoder.row(5, b"NaN,,").unwrap().device, "");
    }

    #[test]
    fn each_kind_of_bad_line_says_what_is_wrong_and_the_next_line_is_not_touched() {
        let mut decoder = csv();
        assert_eq!(decoder.row(2, b"1.5,x").unwrap_err().into_reason(), "2 fields, expected 3");
        assert_eq!(decoder.row(3, b"1.5,x,a,b").unwrap_err().into_reason(), "4 fields, expected 3");
        assert_eq!(
            decoder.row(4, b"warm,x,a").unwrap_err().into_reason(),
            "column value: invalid float literal"
        );
        assert_eq!(
            decoder.row(5, b"1,\"x,a").unwrap_err().into_reason(),
            "a quoted field does not end on its line"
        );
        assert_eq!(
            decoder.row(6, b"1,x,\xff").unwrap_err().into_reason(),
            "column device: invalid utf-8 sequence of 1 bytes from index 0"
        );
        assert_eq!(decoder.row(7, b"1,x,5\" pipe").unwrap().device, "5\" pipe");
        let mut other: Decoder<Reading> = Decoder::Csv(CsvDecoder::new(b',', Some(&["value".to_owned()])));
        assert!(!other.has_header());
        assert_eq!(other.row(1, b"1").unwrap_err().into_reason(), "missing field `device`");
    }

    #[test]
    fn a_json_line_says_where_it_is_wrong() {
        let mut decoder: Decoder<Reading> = Decoder::JsonLines(PhantomData);
        assert_eq!(decoder.row(1, b"{\"device\":\"a\",\"value\":null}").unwrap().value, None);
        assert_eq!(
            decoder.row(2, b"{\"device\":1}").unwrap_err().into_reason(),
            "invalid type: integer `1`, expected a string, at column 11"
        );
    }
}
