//! The checksum of an answer.

use headwater::{Timestamp, WindowRow};
use serde::Serialize;

use super::rows::START_MS;

/// What a job gives for a window of a key: rows, sum, least, most.
pub type Aggregated = (u64, Option<f64>, Option<f64>, Option<f64>);

/// Sums over the results of a run; they do not depend on the order of results, and all are exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Checksum {
    /// Results.
    pub rows: u64,
    /// Rows in them.
    pub count: u64,
    /// Sum of the sums.
    pub sum: f64,
    /// Sum of the least values.
    pub min: f64,
    /// Sum of the largest values.
    pub max: f64,
    /// Ties each count to its window and key.
    pub mix: u64,
}

/// The answer of a run, as it comes.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// Later windows do not count: engines that do not close all windows at the end must have the same checksum.
    last_end: Timestamp,
    /// Results given, also later ones.
    pub emitted: u64,
    /// Over windows that count.
    pub check: Checksum,
}

impl Answer {
    /// Nothing yet of the answer over `rows` rows.
    #[must_use]
    pub fn over(rows: u64) -> Self {
        let last_end = Timestamp::from_millis(START_MS + rows as i64 - 5_000);
        Self { last_end, emitted: 0, check: Checksum::default() }
    }

    /// Takes a result.
    pub fn add(&mut self, result: WindowRow<u32, Aggregated>) {
        self.emitted += 1;
        let (count, Some(sum), Some(min), Some(max)) = result.value else { return };
        let end = result.window.end;
        if end > self.last_end {
            return;
        }
        let place = end.as_micros().div_euclid(1_000_000).rem_euclid(9_973) as u64;
        self.check.rows += 1;
        self.check.count += count;
        self.check.sum += sum;
        self.check.min += min;
        self.check.max += max;
        self.check.mix += count * (place + u64::from(result.key));
    }
}
