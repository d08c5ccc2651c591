//! Deduplication.

use super::row::Row;
use super::stage::{Moved, Stage, Taken, is_late};

/// When a key is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// 32: never, the event time is not part of the key.
    Never,
    /// 32: when the watermark reaches the event time, which is part of the key.
    AtEventTime,
    /// 33: when the watermark reaches the event time of the first arrival and the watermark's delay after it.
    Within(i64),
}

/// Passes on the first row of each key.
#[derive(Debug, Clone)]
pub struct Dedup<K, F> {
    key: F,
    expiry: Expiry,
    /// Keys, and when they are forgotten.
    seen: Vec<(K, Option<i64>)>,
}

impl<K: PartialEq, F: Fn(&Row) -> K> Dedup<K, F> {
    /// With the key of a row. 30: null, NaN and the two zeros must be equal to themselves and each other in `K`.
    #[must_use]
    pub fn new(key: F, expiry: Expiry) -> Self {
        Self { key, expiry, seen: Vec::new() }
    }

    /// How many keys it holds.
    #[must_use]
    pub fn held(&self) -> usize {
        self.seen.len()
    }
}

/// The first arrival of each key among all rows.
pub fn batch<K: PartialEq>(key: impl Fn(&Row) -> K, rows: &[Row]) -> Vec<Row> {
    let first = |(place, row): &(usize, &Row)| !rows[..*place].iter().any(|before| key(before) == key(row));
    rows.iter().enumerate().filter(first).map(|(_, row)| *row).collect()
}

impl<K: PartialEq, F: Fn(&Row) -> K> Stage for Dedup<K, F> {
    type In = Row;
    type Out = Row;

    fn moves_watermark(&self, _: usize, row: &Row) -> Option<i64> {
        row.at
    }

    /// 31: the first arrival wins, others are silent.
    fn take(&mut self, _: usize, row: Row, watermark: Option<i64>) -> Taken<Row> {
        if is_late(row.at, watermark) {
            return Taken::Late;
        }
        let key = (self.key)(&row);
        if self.seen.iter().any(|(seen, _)| *seen == key) {
            return Taken::Given(Vec::new());
        }
        let forgotten_at = match self.expiry {
            Expiry::Never => None,
            Expiry::AtEventTime => row.at,
            Expiry::Within(delay) => row.at.map(|at| at + delay),
        };
        self.seen.push((key, forgotten_at));
        Taken::Given(vec![row])
    }

    /// 33: after the rows of the epoch.
    fn close(&mut self, watermark: Moved, _: i64) -> Vec<Row> {
        self.seen.retain(|(_, forgotten_at)| !forgotten_at.is_some_and(|at| watermark.reached(at)));
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::super::recorded;
    use super::super::row::{rows_of, same_results};
    use super::super::stage::Running;
    use super::super::streams::{IN_TIME, streams};
    use super::*;
    use crate::properties::check;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn answers_as_spark() {
        let kind = |query: &Value| query["kind"] == "dedup";
        recorded::replay("dedup", kind, |recorded| {
            let dedup = Dedup::new(
                |row: &Row| recorded.dedup_key(&recorded.query, row),
                recorded.expiry(&recorded.query),
            );
            let mut running = Running::new(recorded.inputs(), dedup);
            recorded.compare_state(|epoch| {
                let answer = running.epoch(epoch);
                let rows = answer.results.iter().map(|row| recorded.json(row).clone()).collect();
                (rows, answer.watermark, answer.late.len(), Some(running.stage.held()))
            })
        });
    }

    #[test]
    fn a_stream_in_time_gives_the_batch() {
        check(300, &(streams(1, 0..60), prop::bool::ANY), |(epochs, within)| {
            let expiry = if within { Expiry::Within(IN_TIME) } else { Expiry::AtEventTime };
            let key = |row: &Row| (row.key, row.at.filter(|_| !within));
            let mut running = Running::new(super::super::streams::in_time(1), Dedup::new(key, expiry));
            let expected = batch(key, &rows_of(&epochs, 0));
            prop_assert!(same_results(&expected, &running.run_to_end(&epochs)));
            Ok(())
        });
    }
}
