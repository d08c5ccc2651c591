//! One line into one row: CSV or JSON.

use core::marker::PhantomData;

use csv::ByteRecord;
use csv_core::ReadRecordResult;
use serde::de::DeserializeOwned;

use super::plain::{self, Line, NotPlain};

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
    pub(super) fn row(&mut self, number: u64, line: Line<'_>) -> Result<R, LineError> {
        let line = if number == 1 { line.without_prefix(BYTE_ORDER_MARK) } else { line };
        match self {
            Self::Csv(csv) => csv.row(line),
            Self::JsonLines(_) => {
                serde_json::from_slice(line.content()).map_err(|error| json_reason(&error).into())
            }
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
    delimiter: u8,
    columns: ByteRecord,
    columns_given: bool,
    /// The columns once more, as a plain line wants them, unless rows of this type are not read from plain lines.
    plain_columns: Option<Vec<Box<[u8]>>>,
    record: ByteRecord,
    fields: Vec<u8>,
    ends: Vec<usize>,
}

impl CsvDecoder {
    pub(super) fn new(delimiter: u8, columns: Option<&[String]>) -> Box<Self> {
        let named = columns.map(ByteRecord::from).unwrap_or_default();
        Box::new(Self {
            reader: csv_core::ReaderBuilder::new().delimiter(delimiter).build(),
            delimiter,
            plain_columns: plain::delimits(delimiter).then(|| plain_columns(&named)),
            columns: named,
            columns_given: columns.is_some(),
            record: ByteRecord::new(),
            fields: Vec::new(),
            ends: Vec::new(),
        })
    }

    fn header(&mut self, line: &[u8]) -> Result<(), String> {
        self.split(line)?;
        self.columns.clone_from(&self.record);
        if let Some(columns) = &mut self.plain_columns {
            *columns = plain_columns(&self.columns);
        }
        Ok(())
    }

    fn row<R: DeserializeOwned>(&mut self, line: Line<'_>) -> Result<R, LineError> {
        if let Some(columns) = &self.plain_columns {
            match plain::row(columns, self.delimiter, line) {
                Ok(row) => return Ok(row),
                Err(NotPlain::Line) => {}
                Err(NotPlain::Row) => self.plain_columns = None,
            }
        }
        self.quoted_row(line.content())
    }

    /// The row of a line as CSV can be at its fullest.
    fn quoted_row<R: DeserializeOwned>(&mut self, line: &[u8]) -> Result<R, LineError> {
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

fn plain_columns(columns: &ByteRecord) -> Vec<Box<[u8]>> {
    columns.iter().map(Box::from).collect()
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

    fn line(bytes: &[u8]) -> Line<'_> {
        bytes.into()
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
        assert_eq!(decoder.row(2, line(b"1.5,x,a")).unwrap(), reading("a", Some(1.5)));
        assert_eq!(decoder.row(3, line(b",x,a")).unwrap(), reading("a", None));
        assert_eq!(decoder.row(4, line(b"2,\"x,\"\"y\",\"b c\"")).unwrap(), reading("b c", Some(2.0)));
        assert_eq!(decoder.row(5, line(b"NaN,,")).unwrap().device, "");
    }

    #[test]
    fn each_kind_of_bad_line_says_what_is_wrong_and_the_next_line_is_not_touched() {
        let mut decoder = csv();
        assert_eq!(decoder.row(2, line(b"1.5,x")).unwrap_err().into_reason(), "2 fields, expected 3");
        assert_eq!(decoder.row(3, line(b"1.5,x,a,b")).unwrap_err().into_reason(), "4 fields, expected 3");
        assert_eq!(
            decoder.row(4, line(b"warm,x,a")).unwrap_err().into_reason(),
            "column value: invalid float literal"
        );
        assert_eq!(
            decoder.row(5, line(b"1,\"x,a")).unwrap_err().into_reason(),
            "a quoted field does not end on its line"
        );
        assert_eq!(
            decoder.row(6, line(b"1,x,\xff")).unwrap_err().into_reason(),
            "column device: invalid utf-8 sequence of 1 bytes from index 0"
        );
        assert_eq!(decoder.row(7, line(b"1,x,5\" pipe")).unwrap().device, "5\" pipe");
        let mut other: Decoder<Reading> = Decoder::Csv(CsvDecoder::new(b',', Some(&["value".to_owned()])));
        assert!(!other.has_header());
        assert_eq!(other.row(1, line(b"1")).unwrap_err().into_reason(), "missing field `device`");
    }

    /// Rows of many kinds of fields, of which any may be absent or wrong.
    #[derive(Debug, Deserialize, PartialEq)]
    struct Kinds {
        signed: i64,
        small: u8,
        float: f64,
        single: f32,
        text: String,
        maybe: Option<i32>,
        truth: bool,
        #[serde(default, alias = "other_name")]
        absent: u16,
        any: serde_json::Value,
        kind: Kind,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        On,
        Off,
    }

    /// What a plain line gives must be what the `csv` crate makes of it.
    #[test]
    fn a_plain_line_is_read_as_the_csv_crate_reads_it() {
        const CELLS: [&str; 48] = [
            "",
            "0",
            "-0",
            "7",
            "-7",
            "+7",
            "007",
            "255",
            "256",
            "-2147483649",
            "123456789012345678",
            "1234567890123456789",
            "9223372036854775808",
            "-9223372036854775808",
            "18446744073709551616",
            "0x1f",
            "1.5",
            "-0.0",
            ".5",
            "5.",
            ".",
            "-",
            "-.5",
            "1e3",
            "1E-7",
            "0.1",
            "0.30000000000000004",
            "123456789.123456",
            "1234567890123456.5",
            "9007199254740993",
            "nan",
            "NaN",
            "-inf",
            "true",
            "false",
            "True",
            "on",
            "off",
            " 1",
            "1 ",
            "a b",
            "2014-11-10T12:53:39.862Z",
            "12:30",
            "caf\u{e9}",
            "x\"y",
            "\"q,z\"",
            "a\rb",
            "1_000",
        ];
        let columns =
            ["signed", "small", "float", "single", "text", "maybe", "truth", "any", "kind", "extra"];
        let columns = columns.map(str::to_owned);
        let usual = ["12", "3", "1.5", "2.5", "text", "", "true", "x", "on", "ignored"];
        let (mut plain, mut right) = (0, 0);
        for place in 0..usual.len() {
            for cell in CELLS {
                let mut cells = usual;
                cells[place] = cell;
                let line = cells.join(",");
                let mut decoder = CsvDecoder::new(b',', Some(&columns));
                let expected = decoder.quoted_row::<Kinds>(line.as_bytes());
                let found = decoder.row::<Kinds>(line.as_bytes().into());
                assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{line}");
                let right_line = expected.is_ok();
                assert!(decoder.plain_columns.is_some());
                let columns = decoder.plain_columns.as_deref().unwrap();
                let alone = plain::row::<Kinds>(columns, b',', line.as_bytes().into());
                for behind in ["\n", "\n12,3,", "\n,,", "\r\n\"4", "\n9.5,a line behind it"] {
                    let bytes = [&line, behind].concat();
                    let row = plain::row::<Kinds>(columns, b',', Line::new(bytes.as_bytes(), line.len()));
                    assert_eq!(format!("{row:?}"), format!("{alone:?}"), "{line} before {behind:?}");
                }
                if let Ok(row) = alone {
                    assert_eq!(format!("{row:?}"), format!("{:?}", expected.unwrap()), "{line}");
                    plain += 1;
                }
                right += u32::from(right_line);
            }
        }
        assert!(plain * 4 > right * 3, "{plain} of {right} lines without a mistake");
        for line in [
            "",
            "1",
            "12,3,1.5,2.5,text,,true,x,on",
            "12,3,1.5,2.5,text,,true,x,on,1,2",
            "12,3,1.5,2.5,text,,true,x,on,",
        ] {
            let mut decoder = CsvDecoder::new(b',', Some(&columns));
            let expected = decoder.quoted_row::<Kinds>(line.as_bytes());
            for behind in ["", "\n,,,", "\nx,1,2,3"] {
                let bytes = [line, behind].concat();
                let found = decoder.row::<Kinds>(Line::new(bytes.as_bytes(), line.len()));
                assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{line} before {behind:?}");
            }
        }
    }

    #[test]
    fn rows_that_are_no_plain_struct_are_read_all_the_same() {
        let columns = ["a", "b"].map(str::to_owned);
        let mut decoder = CsvDecoder::new(b',', Some(&columns));
        assert_eq!(decoder.row::<(u32, String)>(line(b"1,x")).unwrap(), (1, "x".to_owned()));
        assert!(decoder.plain_columns.is_none(), "each line would be read twice");
        assert_eq!(decoder.row::<(u32, String)>(line(b"2,y")).unwrap(), (2, "y".to_owned()));
        let mut decoder = CsvDecoder::new(b'1', Some(&columns));
        assert!(decoder.plain_columns.is_none(), "a delimiter that is part of numbers");
        assert_eq!(decoder.row::<(u32, u32)>(line(b"213")).unwrap(), (2, 3));
    }

    #[test]
    fn a_json_line_says_where_it_is_wrong() {
        let mut decoder: Decoder<Reading> = Decoder::JsonLines(PhantomData);
        assert_eq!(decoder.row(1, line(b"{\"device\":\"a\",\"value\":null}")).unwrap().value, None);
        assert_eq!(
            decoder.row(2, line(b"{\"device\":1}")).unwrap_err().into_reason(),
            "invalid type: integer `1`, expected a string, at column 11"
        );
    }
}
