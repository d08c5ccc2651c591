//! The join of two streams.

use super::row::Row;
use super::stage::{Moved, Stage, Taken, is_late};

/// The input that is the left side.
pub const LEFT: usize = 0;
/// The input that is the right side.
pub const RIGHT: usize = 1;

/// Which rows come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Pairs.
    Inner,
    /// Pairs, and left rows without one.
    Left,
    /// Pairs, and right rows without one.
    Right,
    /// Pairs, and rows of both sides without one.
    Full,
    /// Left rows that have a pair, once and alone.
    LeftSemi,
}

impl Kind {
    /// Whether the rows of a side come out without a match too.
    #[must_use]
    pub fn keeps(self, side: usize) -> bool {
        match self {
            Self::Inner | Self::LeftSemi => false,
            Self::Left => side == LEFT,
            Self::Right => side == RIGHT,
            Self::Full => true,
        }
    }
}

/// What null keys do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NullKeys {
    /// They match nothing, and are rows like any other for the watermark and for being late.
    MatchNothing,
    /// As in Spark. 36: on a side whose rows must match they are filtered out before anything looks at them. 6: so they do not
    /// move the watermark. 36: in a full join nothing is filtered and null matches null.
    AsSpark,
}

/// What becomes of a row without event time on a side whose rows come out without a match too; under a time range it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeless {
    /// It comes out with nulls in its epoch.
    AtOnce,
    /// It is held for ever and never comes out, since no watermark passes null.
    Never,
}

/// What is joined.
#[derive(Debug, Clone, Copy)]
pub struct Join {
    /// Which rows come out.
    pub kind: Kind,
    /// Bounds of right time less left time, both included; `None`: any.
    pub range: Option<(i64, i64)>,
    /// 42: part of the match, not a filter.
    pub condition: fn(&Row, &Row) -> bool,
    /// What null keys do.
    pub null_keys: NullKeys,
    /// What rows without event time do.
    pub timeless: Timeless,
}

/// A left row and a right row, or one of them alone.
pub type Pair = (Option<Row>, Option<Row>);

impl Join {
    fn matches(&self, left: &Row, right: &Row) -> bool {
        let null_matches = self.kind == Kind::Full && self.null_keys == NullKeys::AsSpark;
        let in_range = match (self.range, left.at, right.at) {
            (None, _, _) => true,
            (Some((lower, upper)), Some(left), Some(right)) => (lower..=upper).contains(&(right - left)),
            _ => false,
        };
        let same_key = left.key == right.key && (left.key.is_some() || null_matches);
        same_key && in_range && (self.condition)(left, right)
    }

    fn is_filtered(&self, side: usize, row: &Row) -> bool {
        self.null_keys == NullKeys::AsSpark && row.key.is_none() && !self.kind.keeps(side)
    }

    /// 37: the last watermark at which a row of a side can still meet one that is in time; `None`: every watermark.
    fn last_chance(&self, side: usize, row: &Row) -> Option<i64> {
        let (lower, upper) = self.range?;
        let at = row.at?;
        Some(if side == LEFT { at + upper } else { at - lower })
    }

    /// The answer over all rows: every left row tried with every right row.
    #[must_use]
    pub fn batch(&self, lefts: &[Row], rights: &[Row]) -> Vec<Pair> {
        let mut results = Vec::new();
        for left in lefts {
            let matching: Vec<&Row> = rights.iter().filter(|right| self.matches(left, right)).collect();
            match self.kind {
                Kind::LeftSemi if matching.is_empty() => {}
                Kind::LeftSemi => results.push((Some(*left), None)),
                _ => results.extend(matching.iter().map(|right| (Some(*left), Some(**right)))),
            }
            if matching.is_empty() && self.kind.keeps(LEFT) && self.comes_out_alone(left) {
                results.push((Some(*left), None));
            }
        }
        for right in rights {
            let alone = !lefts.iter().any(|left| self.matches(left, right));
            if alone && self.kind.keeps(RIGHT) && self.comes_out_alone(right) {
                results.push((None, Some(*right)));
            }
        }
        results
    }

    fn comes_out_alone(&self, row: &Row) -> bool {
        row.at.is_some() || self.timeless == Timeless::AtOnce
    }
}

#[derive(Debug, Clone, Copy)]
struct Held {
    row: Row,
    matched: bool,
}

/// The model of a running join.
#[derive(Debug, Clone)]
pub struct StreamJoin {
    join: Join,
    lefts: Vec<Held>,
    rights: Vec<Held>,
}

impl StreamJoin {
    /// Holds no row yet.
    #[must_use]
    pub fn new(join: Join) -> Self {
        Self { join, lefts: Vec::new(), rights: Vec::new() }
    }

    /// How many rows it holds.
    #[must_use]
    pub fn held(&self) -> usize {
        self.lefts.len() + self.rights.len()
    }

    fn take_left(&mut self, row: Row) -> Vec<Pair> {
        let mut results = Vec::new();
        for right in self.rights.iter_mut().filter(|right| self.join.matches(&row, &right.row)) {
            right.matched = true;
            results.push((Some(row), Some(right.row)));
        }
        let matched = !results.is_empty();
        // 41: out at once, and not held.
        if self.join.kind == Kind::LeftSemi && matched {
            return vec![(Some(row), None)];
        }
        self.lefts.push(Held { row, matched });
        results
    }

    fn take_right(&mut self, row: Row) -> Vec<Pair> {
        let mut results = Vec::new();
        for left in self.lefts.iter_mut().filter(|left| self.join.matches(&left.row, &row)) {
            left.matched = true;
            results.push((Some(left.row), Some(row)));
        }
        let matched = !results.is_empty();
        self.rights.push(Held { row, matched });
        // 41: out at its first match, and no longer held.
        if self.join.kind == Kind::LeftSemi {
            self.lefts.retain(|left| !left.matched);
            return results.into_iter().map(|(left, _)| (left, None)).collect();
        }
        results
    }

    /// Takes what leaves a side out of it.
    fn leaving(&mut self, side: usize, watermark: Moved) -> Vec<Held> {
        let join = self.join;
        let held = if side == LEFT { &mut self.lefts } else { &mut self.rights };
        let leaves = |held: &Held| match join.last_chance(side, &held.row) {
            Some(at) => watermark.passed(at),
            None => held.row.at.is_none() && join.range.is_some() && join.timeless == Timeless::AtOnce,
        };
        let (leaving, staying) = held.iter().copied().partition(leaves);
        *held = staying;
        leaving
    }
}

impl Stage for StreamJoin {
    type In = Row;
    type Out = Pair;

    fn moves_watermark(&self, side: usize, row: &Row) -> Option<i64> {
        row.at.filter(|_| !self.join.is_filtered(side, row))
    }

    /// 36: matches come out at once. 39: a late row does nothing.
    fn take(&mut self, side: usize, row: Row, watermark: Option<i64>) -> Taken<Pair> {
        if self.join.is_filtered(side, &row) {
            return Taken::Given(Vec::new());
        }
        if is_late(row.at, watermark) {
            return Taken::Late;
        }
        Taken::Given(if side == LEFT { self.take_left(row) } else { self.take_right(row) })
    }

    /// 38: a row that leaves without having had a match comes out with nulls.
    fn close(&mut self, watermark: Moved, _: i64) -> Vec<Pair> {
        let lefts = self.leaving(LEFT, watermark);
        let rights = self.leaving(RIGHT, watermark);
        let alone = |side: usize, held: &&Held| self.join.kind.keeps(side) && !held.matched;
        let lefts = lefts.iter().filter(|held| alone(LEFT, held)).map(|held| (Some(held.row), None));
        let rights = rights.iter().filter(|held| alone(RIGHT, held)).map(|held| (None, Some(held.row)));
        lefts.chain(rights).collect()
    }

    /// 46: a result may hold a row as old as the oldest still held: `left >= watermark - upper`, `right >= watermark + lower`. All
    /// results at or before one moment less have come. Without a range no time is safe.
    fn watermark_after(&self, watermark: Option<i64>) -> Option<i64> {
        let (lower, upper) = self.join.range?;
        watermark.map(|watermark| (watermark - upper).min(watermark + lower) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::recorded::{self, Recorded};
    use super::super::row::{rows_of, same_results};
    use super::super::stage::Running;
    use super::super::streams::{in_time, streams};
    use super::*;
    use crate::properties::check;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn answers_as_spark() {
        let kind = |query: &Value| query["kind"] == "join" && query["right"] == "right";
        recorded::replay("stream-stream join", kind, |recorded: &Recorded| {
            let join = recorded.join(&recorded.query);
            let mut running = Running::new(recorded.inputs(), StreamJoin::new(join));
            recorded.compare_state(|epoch| {
                let answer = running.epoch(epoch);
                let rows = answer.results.iter().map(|pair| recorded.json_pair(join.kind, pair)).collect();
                (rows, answer.watermark, answer.late.len(), Some(running.stage.held()))
            })
        });
    }

    fn joins() -> impl Strategy<Value = Join> {
        let kind =
            prop::sample::select(vec![Kind::Inner, Kind::Left, Kind::Right, Kind::Full, Kind::LeftSemi]);
        let null_keys = prop::sample::select(vec![NullKeys::MatchNothing, NullKeys::AsSpark]);
        let timeless = prop::sample::select(vec![Timeless::AtOnce, Timeless::Never]);
        let condition = prop::sample::select(vec![always as fn(&Row, &Row) -> bool, rising]);
        (kind, -8_i64..8, 0_i64..12, condition, null_keys, timeless).prop_map(
            |(kind, lower, length, condition, null_keys, timeless)| Join {
                kind,
                range: Some((lower, lower + length)),
                condition,
                null_keys,
                timeless,
            },
        )
    }

    fn always(_: &Row, _: &Row) -> bool {
        true
    }

    fn rising(left: &Row, right: &Row) -> bool {
        left.value < right.value
    }

    #[test]
    fn a_stream_in_time_gives_the_batch() {
        check(600, &(streams(2, 0..60), joins()), |(epochs, join)| {
            let expected = join.batch(&rows_of(&epochs, LEFT), &rows_of(&epochs, RIGHT));
            let given = Running::new(in_time(2), StreamJoin::new(join)).run_to_end(&epochs);
            prop_assert!(same_results(&expected, &given), "{:?}\n{:?}", expected, given);
            Ok(())
        });
    }

    /// 37: what has left the state could have met no row in time, so the answer is the batch over the rows that were not late.
    #[test]
    fn forgetting_loses_no_match() {
        check(600, &(streams(2, 0..80), joins(), 0_i64..12), |(epochs, join, delay)| {
            let inputs = super::super::watermark::Inputs::new(&[Some(delay), Some(delay)]);
            let mut running = Running::new(inputs, StreamJoin::new(join));
            let answers = running.run(&epochs);
            let late: Vec<Row> = answers.iter().flat_map(|answer| answer.late.clone()).collect();
            let mut given: Vec<Pair> = answers.into_iter().flat_map(|answer| answer.results).collect();
            given.extend(running.drain());
            let in_time = |side| {
                let rows = rows_of(&epochs, side).into_iter();
                rows.filter(|row| !late.contains(row)).collect::<Vec<Row>>()
            };
            let expected = join.batch(&in_time(LEFT), &in_time(RIGHT));
            prop_assert!(same_results(&expected, &given), "{:?}\n{:?}", expected, given);
            Ok(())
        });
    }
}
