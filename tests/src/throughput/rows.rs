//! The rows: made by a formula, or read from files of the same rows.

use core::time::Duration;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use headwater::Timestamp;
use headwater_std::source::file::{FileSource, Format};
use headwater_std::source::{Next, Source, SourceError};
use serde::Deserialize;
use thiserror::Error;

/// Event time of the first row, before its lag.
pub const START_MS: i64 = 1_700_000_000_000;
/// No row is this far, in ms, behind a row before it.
pub const DISORDER_MS: u32 = 2_000;
/// How many keys the rows have, unless told otherwise.
pub const KEYS: u32 = 1_000;

/// A row, with the columns of the CSV files.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Reading {
    /// Event time, milliseconds since 1970.
    pub ts: i64,
    /// The sensor.
    pub key: u32,
    /// A multiple of 0.25 from -1,000 to 1,000: sums are exact in whatever order they are made.
    pub value: f64,
}

impl Reading {
    /// The event time.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.ts)
    }
}

/// Why rows cannot be read.
#[derive(Debug, Error)]
pub enum RowsError {
    /// A file source failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// The file has lines or bytes that are no row.
    #[error("{}: {what}", path.display())]
    NoRow {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// `count` rows of `keys` keys: one arrives each millisecond of event time and lags up to 2 s behind.
pub fn generated(count: u64, seed: u64, keys: u32) -> impl Iterator<Item = Reading> {
    let keys = u64::from(keys.max(1));
    (0..count).map(move |index| reading(index, seed, keys))
}

/// Row `index`: key, lag and value from 20, 20 and 24 bits of the index's number in a SplitMix64 sequence (Steele, Lea and Flood,
/// "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
fn reading(index: u64, seed: u64, keys: u64) -> Reading {
    let mut mixed = seed.wrapping_add((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let lag_ms = ((mixed >> 20) & 0xf_ffff) % u64::from(DISORDER_MS);
    let quarters = (mixed >> 40) % 8_001;
    Reading {
        ts: START_MS + index as i64 - lag_ms as i64,
        key: ((mixed & 0xf_ffff) % keys) as u32,
        value: (quarters as f64 - 4_000.0) / 4.0,
    }
}

/// The rows of a CSV file without header (`ts,key,value`) or of a file of JSON lines, through the file source of the gateway.
///
/// # Errors
/// When the file cannot be read or holds a line that is no row.
pub fn from_lines(
    path: &Path,
    format: Format,
) -> Result<impl Iterator<Item = Result<Reading, RowsError>>, RowsError> {
    let mut source = FileSource::<Reading>::new(path, format);
    if matches!(format, Format::Csv) {
        source = source.with_columns(["ts", "key", "value"]);
    }
    source.open(None)?;
    source.limit_to_available()?;
    let path = path.to_owned();
    Ok(core::iter::from_fn(move || match source.next(Duration::ZERO) {
        Ok(Next::Row(row)) => Some(Ok(row)),
        Ok(Next::Idle | Next::End) => match source.metrics().rejected {
            0 => None,
            rejected => {
                let what = format!("{rejected} lines are no rows of ts, key and value");
                Some(Err(RowsError::NoRow { path: path.clone(), what }))
            }
        },
        Err(error) => Some(Err(error.into())),
    }))
}

/// The rows of a binary file: records of 16 bytes, little-endian, with `i64` ts, `u32` key, `f32` value.
///
/// # Errors
/// When the file cannot be read or does not end with a whole record.
pub fn from_binary(path: &Path) -> Result<impl Iterator<Item = Result<Reading, RowsError>>, RowsError> {
    const RECORD_BYTES: usize = 16;
    let failed = |path: &Path, error| RowsError::Io { path: path.to_owned(), error };
    let file = File::open(path).map_err(|error| failed(path, error))?;
    let length = file.metadata().map_err(|error| failed(path, error))?.len();
    if length % RECORD_BYTES as u64 != 0 {
        let what = format!("{length} bytes are no whole number of records of {RECORD_BYTES}");
        return Err(RowsError::NoRow { path: path.to_owned(), what });
    }
    let mut left = length / RECORD_BYTES as u64;
    let mut file = BufReader::with_capacity(1 << 18, file);
    let path = path.to_owned();
    Ok(core::iter::from_fn(move || {
        left = left.checked_sub(1)?;
        let mut record = [0; RECORD_BYTES];
        Some(match file.read_exact(&mut record) {
            Ok(()) => Ok(decode(record)),
            Err(error) => Err(failed(&path, error)),
        })
    }))
}

fn decode(record: [u8; 16]) -> Reading {
    let [t0, t1, t2, t3, t4, t5, t6, t7, k0, k1, k2, k3, v0, v1, v2, v3] = record;
    Reading {
        ts: i64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
        key: u32::from_le_bytes([k0, k1, k2, k3]),
        value: f64::from(f32::from_le_bytes([v0, v1, v2, v3])),
    }
}
