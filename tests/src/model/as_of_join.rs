//! The as-of join: each left row with the nearest right row that is not later.
//!
//! Spark Structured Streaming has none; the rule is that of pandas' `merge_asof`, backward, with a tolerance.

use super::row::Row;
use super::stage::{Moved, Stage, Taken, is_late};
use super::stream_join::LEFT;

/// What is joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf {
    /// How much earlier than the left row the right row may be.
    pub tolerance: i64,
    /// Whether a left row without a right one comes out.
    pub keeps_left: bool,
}

/// A left row and its right row.
pub type Match = (Row, Option<Row>);

impl AsOf {
    /// The answer over all rows, right rows in order of arrival. A row without event time is in no place in time and takes no part; a
    /// null key matches nothing.
    #[must_use]
    pub fn batch(&self, lefts: &[Row], rights: &[Row]) -> Vec<Match> {
        lefts.iter().filter_map(|left| self.of(left, rights)).collect()
    }

    fn of(&self, left: &Row, rights: &[Row]) -> Option<Match> {
        let left_at = left.at?;
        let fits = |right: &&Row| {
            let in_reach = right.at.is_some_and(|at| left_at - self.tolerance <= at && at <= left_at);
            left.key.is_some() && right.key == left.key && in_reach
        };
        // Of several latest ones `max_by_key` takes the last, which arrived last.
        let right = rights.iter().filter(fits).max_by_key(|right| right.at).copied();
        (right.is_some() || self.keeps_left).then_some((*left, right))
    }
}

/// The model of a running as-of join. It forgets no right row.
#[derive(Debug, Clone)]
pub struct AsOfJoin {
    join: AsOf,
    waiting: Vec<Row>,
    rights: Vec<Row>,
}

impl AsOfJoin {
    /// Holds no row yet.
    #[must_use]
    pub fn new(join: AsOf) -> Self {
        Self { join, waiting: Vec::new(), rights: Vec::new() }
    }
}

impl Stage for AsOfJoin {
    type In = Row;
    type Out = Match;

    fn moves_watermark(&self, _: usize, row: &Row) -> Option<i64> {
        row.at
    }

    fn take(&mut self, side: usize, row: Row, watermark: Option<i64>) -> Taken<Match> {
        if is_late(row.at, watermark) {
            return Taken::Late;
        }
        if side == LEFT {
            self.waiting.push(row)
        } else {
            self.rights.push(row)
        }
        Taken::Given(Vec::new())
    }

    /// A left row is due when the watermark reaches it: right rows that could come now would be late.
    fn close(&mut self, watermark: Moved, _: i64) -> Vec<Match> {
        let due = |row: &Row| row.at.is_some_and(|at| watermark.reached(at));
        let (due, waiting): (Vec<Row>, Vec<Row>) = self.waiting.iter().copied().partition(due);
        self.waiting = waiting;
        self.join.batch(&due, &self.rights)
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::{Epoch, rows_of, same_results};
    use super::super::stage::Running;
    use super::super::stream_join::RIGHT;
    use super::super::streams::{in_time, streams};
    use super::super::watermark::Inputs;
    use super::*;
    use crate::properties::check;
    use proptest::prelude::*;

    fn row(number: u32, key: Option<u8>, at: i64) -> Row {
        Row { number, key, at: Some(at), value: None }
    }

    #[test]
    fn the_latest_within_the_tolerance_and_of_equals_the_last() {
        let join = AsOf { tolerance: 10, keeps_left: true };
        let at_100 = row(0, Some(1), 100);
        let given = |rights: &[Row]| join.batch(&[at_100], rights)[0].1.map(|right| right.number);
        assert_eq!(given(&[row(1, Some(1), 89), row(2, Some(1), 101), row(3, Some(2), 100)]), None);
        assert_eq!(given(&[row(1, Some(1), 90)]), Some(1), "at the tolerance");
        assert_eq!(given(&[row(1, Some(1), 100), row(2, Some(1), 99)]), Some(1), "at the same time");
        assert_eq!(given(&[row(1, Some(1), 95), row(2, Some(1), 95), row(3, Some(1), 94)]), Some(2));
        assert_eq!(join.batch(&[row(0, None, 1)], &[row(1, None, 1)])[0].1, None, "null keys");
        let inner = AsOf { keeps_left: false, ..join };
        assert_eq!(inner.batch(&[at_100], &[]), []);
    }

    #[test]
    fn it_comes_when_the_watermark_reaches_the_left_row() {
        let join = AsOf { tolerance: 10, keeps_left: true };
        let mut running = Running::new(Inputs::new(&[Some(0), Some(0)]), AsOfJoin::new(join));
        let (left, right) = (row(0, Some(1), 100), row(1, Some(1), 99));
        let mut epoch = |rows: &[(usize, Row)]| running.epoch(&Epoch { rows: rows.to_vec(), now: 0 });
        assert_eq!(epoch(&[(LEFT, left), (RIGHT, right)]).results, []);
        let nearer = row(2, Some(1), 100);
        let answer = epoch(&[(RIGHT, nearer)]);
        assert_eq!((answer.results, answer.watermark), (vec![(left, Some(nearer))], Some(100)));
        let late = [row(3, Some(1), 100), row(4, Some(1), 100)];
        assert_eq!(epoch(&[(LEFT, late[0]), (RIGHT, late[1])]).late, late);
    }

    #[test]
    fn a_stream_in_time_gives_the_batch() {
        check(400, &(streams(2, 0..60), 0_i64..15, prop::bool::ANY), |(epochs, tolerance, keeps_left)| {
            let join = AsOf { tolerance, keeps_left };
            let expected = join.batch(&rows_of(&epochs, LEFT), &rows_of(&epochs, RIGHT));
            let given = Running::new(in_time(2), AsOfJoin::new(join)).run_to_end(&epochs);
            prop_assert!(same_results(&expected, &given), "{:?}\n{:?}", expected, given);
            Ok(())
        });
    }

    /// What a left row was given when it was due is what it would be given at the end.
    #[test]
    fn nothing_in_time_comes_after_the_answer() {
        check(400, &(streams(2, 0..80), 0_i64..15, 0_i64..10), |(epochs, tolerance, delay)| {
            let join = AsOf { tolerance, keeps_left: true };
            let mut running = Running::new(Inputs::new(&[Some(delay), Some(delay)]), AsOfJoin::new(join));
            let answers = running.run(&epochs);
            let late: Vec<Row> = answers.iter().flat_map(|answer| answer.late.clone()).collect();
            let mut given: Vec<Match> = answers.into_iter().flat_map(|answer| answer.results).collect();
            given.extend(running.drain());
            let in_time = |side| {
                let rows = rows_of(&epochs, side).into_iter();
                rows.filter(|row| !late.contains(row)).collect::<Vec<Row>>()
            };
            prop_assert!(same_results(&join.batch(&in_time(LEFT), &in_time(RIGHT)), &given));
            Ok(())
        });
    }
}
