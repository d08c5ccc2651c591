//! Rows at a fixed rate, for demos and tests (Spark's `rate` source).

use core::time::Duration;
use std::thread;
use std::time::SystemTime;

use headwater::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Next, Source, SourceError, SourceMetrics};

const MICROS_PER_SEC: u128 = 1_000_000;

/// One row of a [`RateSource`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateRow {
    /// When the row was due: start of the stream + `value` / rate.
    pub timestamp: Timestamp,
    /// 0, 1, 2, …
    pub value: u64,
}

/// Where a [`RateSource`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RatePosition {
    /// The timestamp of row 0.
    pub start: Timestamp,
    /// The value of the next row.
    pub next_value: u64,
}

/// A given number of rows per second, each with the time it was due.
///
/// The rows are a function of start and rate alone: a restart goes on with the very rows that would have come, and catches
/// up on the time it was away.
///
/// ```
/// use core::time::Duration;
/// use headwater::Timestamp;
/// use headwater_std::source::{Next, Source, rate::{RateRow, RateSource}};
///
/// let mut source = RateSource::new(4).starting_at(Timestamp::EPOCH).with_limit(2).unpaced();
/// source.open(None)?;
/// assert_eq!(source.next(Duration::ZERO)?, Next::Row(RateRow { timestamp: Timestamp::EPOCH, value: 0 }));
/// assert_eq!(source.next(Duration::ZERO)?, Next::Row(RateRow { timestamp: Timestamp::from_millis(250), value: 1 }));
/// assert_eq!(source.next(Duration::ZERO)?, Next::End);
/// # Ok::<(), headwater_std::source::SourceError>(())
/// ```
#[derive(Debug, Clone)]
pub struct RateSource {
    rows_per_second: u32,
    limit: u64,
    paced: bool,
    position: RatePosition,
    metrics: SourceMetrics,
}

impl RateSource {
    /// `rows_per_second` rows each second from now on; 0 counts as 1.
    #[must_use]
    pub fn new(rows_per_second: u32) -> Self {
        Self {
            rows_per_second: rows_per_second.max(1),
            limit: u64::MAX,
            paced: true,
            position: RatePosition { start: now(), next_value: 0 },
            metrics: SourceMetrics::default(),
        }
    }

    /// The timestamp of row 0 instead of now.
    #[must_use]
    pub fn starting_at(mut self, start: Timestamp) -> Self {
        self.position.start = start;
        self
    }

    /// Ends the stream after `rows` rows.
    #[must_use]
    pub fn with_limit(mut self, rows: u64) -> Self {
        self.limit = rows;
        self
    }

    /// Hands rows over as fast as they are asked for, without waiting until they are due.
    #[must_use]
    pub fn unpaced(mut self) -> Self {
        self.paced = false;
        self
    }

    fn due(&self, value: u64) -> Timestamp {
        let micros = u128::from(value) * MICROS_PER_SEC / u128::from(self.rows_per_second);
        self.position.start
            + Span::from_micros(i64::try_from(micros).unwrap_or(i64::MAX)).unwrap_or(Span::MAX)
    }
}

fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX))
}

impl Source for RateSource {
    type Row = RateRow;
    type Position = RatePosition;

    fn open(&mut self, committed: Option<RatePosition>) -> Result<(), SourceError> {
        if let Some(committed) = committed {
            self.position = committed;
        }
        Ok(())
    }

    fn limit_to_available(&mut self) -> Result<(), SourceError> {
        if self.paced {
            let micros = now().since(self.position.start).as_micros().unsigned_abs();
            let due = u128::from(micros) * u128::from(self.rows_per_second) / MICROS_PER_SEC;
            self.limit = self.limit.min(u64::try_from(due).unwrap_or(u64::MAX).saturating_add(1));
        }
        Ok(())
    }

    fn next(&mut self, wait: Duration) -> Result<Next<RateRow>, SourceError> {
        if self.position.next_value >= self.limit {
            return Ok(Next::End);
        }
        let timestamp = self.due(self.position.next_value);
        if self.paced {
            let early = Duration::from_micros(timestamp.since(now()).as_micros().unsigned_abs());
            if early > wait {
                thread::sleep(wait);
                return Ok(Next::Idle);
            }
            thread::sleep(early);
        }
        let row = RateRow { timestamp, value: self.position.next_value };
        self.position.next_value += 1;
        self.metrics.rows += 1;
        Ok(Next::Row(row))
    }

    fn prepare(&mut self) -> Result<RatePosition, SourceError> {
        Ok(self.position)
    }

    fn committed(&mut self, _position: &RatePosition) -> Result<(), SourceError> {
        Ok(())
    }

    fn description(&self) -> String {
        format!("RateSource[{} rows/s]", self.rows_per_second)
    }

    fn metrics(&self) -> SourceMetrics {
        self.metrics
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(source: &mut RateSource) -> Vec<RateRow> {
        let mut rows = Vec::new();
        while let Next::Row(row) = source.next(Duration::ZERO).unwrap() {
            rows.push(row);
        }
        rows
    }

    #[test]
    fn a_restart_goes_on_with_the_rows_that_would_have_come() {
        let new = || RateSource::new(3).starting_at(Timestamp::from_secs(10)).with_limit(10).unpaced();
        let mut straight = new();
        straight.open(None).unwrap();
        let expected = all(&mut straight);
        assert_eq!(expected.len(), 10);

        let mut first = new();
        first.open(None).unwrap();
        let mut rows: Vec<RateRow> = Vec::new();
        for _ in 0..4 {
            let Next::Row(row) = first.next(Duration::ZERO).unwrap() else { panic!("a row is due") };
            rows.push(row);
        }
        let mut second = RateSource::new(3).with_limit(10).unpaced();
        second.open(Some(first.prepare().unwrap())).unwrap();
        rows.extend(all(&mut second));
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_row_that_is_not_due_yet_is_not_handed_over() {
        let mut source = RateSource::new(1).starting_at(now() + Span::hours(1));
        source.open(None).unwrap();
        assert_eq!(source.next(Duration::ZERO).unwrap(), Next::Idle);
    }
}
