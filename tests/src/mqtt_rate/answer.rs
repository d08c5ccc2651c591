//! The batch answer over the published rows, and whether the gateway's files hold it.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::throughput::rows::Reading;

use super::load::device;

/// The least and the most value, the sum and the number of rows of a device in a window.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Summary {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

/// By device and start of the window in ms.
pub(super) struct Answer(HashMap<(String, i64), Summary>);

impl Answer {
    pub(super) fn of(rows: &[Reading], window_ms: i64) -> Self {
        let mut by_key: HashMap<(u32, i64), Summary> = HashMap::new();
        for row in rows {
            let start = row.ts.div_euclid(window_ms) * window_ms;
            let none = Summary { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };
            let summary = by_key.entry((row.key, start)).or_insert(none);
            summary.count += 1;
            summary.sum += row.value;
            summary.min = summary.min.min(row.value);
            summary.max = summary.max.max(row.value);
        }
        Self(by_key.into_iter().map(|((key, start), summary)| ((device(key), start), summary)).collect())
    }

    /// Compares the CSV files of a directory with the answer; tells how many lines they have.
    ///
    /// # Errors
    /// With the first line that is not in the answer, or what the files lack.
    pub(super) fn check(mut self, directory: &Path) -> io::Result<u64> {
        let mut lines = 0;
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_none_or(|ending| ending != "csv") {
                continue;
            }
            for line in fs::read_to_string(&path)?.lines().skip(1) {
                lines += 1;
                if self.take(line).is_none() {
                    return Err(io::Error::other(format!("{}: not in the answer: {line}", path.display())));
                }
            }
        }
        match self.0.into_iter().next() {
            None => Ok(lines),
            Some(missing) => Err(io::Error::other(format!("not in the files: {missing:?}"))),
        }
    }

    /// Takes the summary that the line tells out of the answer.
    fn take(&mut self, line: &str) -> Option<()> {
        let fields: Vec<&str> = line.split(',').collect();
        let [device, start, _end, count, mean, min, max] = fields[..] else { return None };
        let expected = self.0.remove(&(device.to_owned(), start.parse().ok()?))?;
        let (mean, min, max): (f64, f64, f64) = (mean.parse().ok()?, min.parse().ok()?, max.parse().ok()?);
        let found = (count.parse().ok()?, min, max, mean);
        // All sums are exact, so the mean is one rounding away.
        (found == (expected.count, expected.min, expected.max, expected.sum / expected.count as f64))
            .then_some(())
    }
}
