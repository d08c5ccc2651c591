//! Windows that slide with the rows and look ahead: one result per row, over the rows of its key around it. SQL's
//! `RANGE BETWEEN before PRECEDING AND ahead FOLLOWING`, over event time.

use super::row::Row;
use super::stage::{Moved, Stage, Taken, is_late};

/// How far a window reaches from its row, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookAhead {
    /// Back in time.
    pub before: i64,
    /// Ahead in time.
    pub ahead: i64,
}

/// A row, and the rows of its key around it in order of arrival, itself among them.
#[derive(Debug, Clone, PartialEq)]
pub struct Around {
    /// The row whose result this is.
    pub row: Row,
    /// The rows from `row.at - before` to `row.at + ahead`.
    pub rows: Vec<Row>,
}

impl LookAhead {
    /// The answer over all rows. A row without event time is in no place in time and takes no part; a null key is a key.
    #[must_use]
    pub fn batch(&self, rows: &[Row]) -> Vec<Around> {
        rows.iter().filter_map(|row| self.of(row, rows)).collect()
    }

    fn of(&self, row: &Row, rows: &[Row]) -> Option<Around> {
        let at = row.at?;
        let around = |other: &&Row| {
            other.key == row.key
                && other.at.is_some_and(|other| at - self.before <= other && other <= at + self.ahead)
        };
        Some(Around { row: *row, rows: rows.iter().filter(around).copied().collect() })
    }
}

/// The model of a running one. It forgets no row.
#[derive(Debug, Clone)]
pub struct LookAheads {
    window: LookAhead,
    rows: Vec<Row>,
    waiting: Vec<Row>,
}

impl LookAheads {
    /// Holds no row yet.
    #[must_use]
    pub fn new(window: LookAhead) -> Self {
        Self { window, rows: Vec::new(), waiting: Vec::new() }
    }
}

impl Stage for LookAheads {
    type In = Row;
    type Out = Around;

    fn moves_watermark(&self, _: usize, row: &Row) -> Option<i64> {
        row.at
    }

    fn take(&mut self, _: usize, row: Row, watermark: Option<i64>) -> Taken<Around> {
        if is_late(row.at, watermark) {
            return Taken::Late;
        }
        self.rows.push(row);
        self.waiting.push(row);
        Taken::Given(Vec::new())
    }

    /// A row is due when the watermark reaches the end of its window: rows that could still come into it would be late.
    fn close(&mut self, watermark: Moved, _: i64) -> Vec<Around> {
        let due = |row: &Row| row.at.is_some_and(|at| watermark.reached(at + self.window.ahead));
        let (due, waiting): (Vec<Row>, Vec<Row>) = self.waiting.iter().copied().partition(due);
        self.waiting = waiting;
        due.iter().filter_map(|row| self.window.of(row, &self.rows)).collect()
    }

    /// Rows as old as the look ahead are still waiting.
    fn watermark_after(&self, watermark: Option<i64>) -> Option<i64> {
        watermark.map(|watermark| watermark - self.window.ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::{Epoch, rows_of, same_results};
    use super::super::stage::Running;
    use super::super::streams::{in_time, streams};
    use super::super::watermark::Inputs;
    use super::*;
    use crate::properties::check;
    use proptest::prelude::*;

    #[test]
    fn a_row_waits_for_the_end_of_its_window() {
        let window = LookAhead { before: 5, ahead: 10 };
        let mut running = Running::new(Inputs::new(&[Some(0)]), LookAheads::new(window));
        let row = |number, at| Row { number, key: Some(1), at: Some(at), value: None };
        let mut epoch =
            |rows: &[Row]| running.epoch(&Epoch { rows: rows.iter().map(|row| (0, *row)).collect(), now: 0 });
        let rows = [row(0, 94), row(1, 95), row(2, 100), row(3, 110), row(4, 111)];
        let given = epoch(&rows[..4]).results;
        let members = |around: &Around| around.rows.iter().map(|row| row.number).collect::<Vec<_>>();
        assert_eq!(
            given.iter().map(members).collect::<Vec<_>>(),
            [vec![0, 1, 2], vec![0, 1, 2], vec![1, 2, 3]]
        );
        let answer = epoch(&[row(5, 110), rows[4]]);
        assert_eq!(answer.late, [row(5, 110)]);
        assert_eq!(answer.results, [], "110 waits for 120");
    }

    #[test]
    fn a_stream_in_time_gives_the_batch() {
        check(300, &(streams(1, 0..60), 0_i64..10, 0_i64..10), |(epochs, before, ahead)| {
            let window = LookAhead { before, ahead };
            let expected = window.batch(&rows_of(&epochs, 0));
            let given = Running::new(in_time(1), LookAheads::new(window)).run_to_end(&epochs);
            prop_assert!(same_results(&expected, &given));
            Ok(())
        });
    }

    /// What a row was given when it was due is what it would be given at the end.
    #[test]
    fn nothing_in_time_comes_after_the_answer() {
        check(
            300,
            &(streams(1, 0..80), 0_i64..10, 0_i64..10, 0_i64..10),
            |(epochs, before, ahead, delay)| {
                let window = LookAhead { before, ahead };
                let mut running = Running::new(Inputs::new(&[Some(delay)]), LookAheads::new(window));
                let answers = running.run(&epochs);
                let late: Vec<Row> = answers.iter().flat_map(|answer| answer.late.clone()).collect();
                let mut given: Vec<Around> = answers.into_iter().flat_map(|answer| answer.results).collect();
                given.extend(running.drain());
                let mut rows = rows_of(&epochs, 0);
                rows.retain(|row| !late.contains(row));
                prop_assert!(same_results(&window.batch(&rows), &given));
                Ok(())
            },
        );
    }
}
