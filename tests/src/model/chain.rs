//! One operator after another. A chain is an operator itself, so that there may be more than two.

use super::row::Row;
use super::stage::{Moved, Stage, Taken};

/// What `first` gives goes through `between` into `second`.
#[derive(Debug, Clone)]
pub struct Chain<A, B: Stage, F> {
    /// The operator that takes the rows.
    pub first: A,
    /// The operator that gives the results.
    pub second: B,
    between: F,
    /// What the second found late, over all epochs.
    pub late_downstream: Vec<B::In>,
}

impl<A: Stage, B: Stage, F: Fn(A::Out) -> Option<B::In>> Chain<A, B, F> {
    /// `between` makes rows of results; `None` leaves one out, as a `having` does.
    #[must_use]
    pub fn new(first: A, between: F, second: B) -> Self {
        Self { first, second, between, late_downstream: Vec::new() }
    }

    /// 44, 46: judged by the watermark that the epoch began with, as the first operator passes it on.
    fn pass_on(&mut self, rows: Vec<A::Out>, watermark: Option<i64>) -> Vec<B::Out> {
        let watermark = self.first.late_after(watermark);
        let mut results = Vec::new();
        for row in rows.into_iter().filter_map(&self.between) {
            match self.second.take(0, row.clone(), watermark) {
                Taken::Late => self.late_downstream.push(row),
                Taken::Given(given) => results.extend(given),
            }
        }
        results
    }
}

impl<A: Stage, B: Stage, F: Fn(A::Out) -> Option<B::In>> Stage for Chain<A, B, F> {
    type In = A::In;
    type Out = B::Out;

    fn moves_watermark(&self, input: usize, row: &A::In) -> Option<i64> {
        self.first.moves_watermark(input, row)
    }

    /// 47: what the first finds late or leaves out never reaches the second.
    fn take(&mut self, input: usize, row: A::In, watermark: Option<i64>) -> Taken<B::Out> {
        match self.first.take(input, row, watermark) {
            Taken::Late => Taken::Late,
            Taken::Given(rows) => Taken::Given(self.pass_on(rows, watermark)),
        }
    }

    fn end_of_rows(&mut self) -> Vec<B::Out> {
        // What comes at the end of the rows comes with the rest when the watermark moves: both are judged alike.
        Vec::new()
    }

    fn close(&mut self, watermark: Moved, now: i64) -> Vec<B::Out> {
        let rows = self.first.end_of_rows();
        let mut results = self.pass_on(rows, watermark.from);
        results.extend(self.second.end_of_rows());
        // 44: what the first gives now is not late for the second, and may go on at once.
        let rows = self.first.close(watermark, now);
        results.extend(self.pass_on(rows, watermark.from));
        results.extend(self.second.end_of_rows());
        let passed_on = Moved {
            from: self.first.watermark_after(watermark.from),
            to: self.first.watermark_after(watermark.to),
        };
        results.extend(self.second.close(passed_on, now));
        results
    }

    fn watermark_after(&self, watermark: Option<i64>) -> Option<i64> {
        self.second.watermark_after(self.first.watermark_after(watermark))
    }

    fn late_after(&self, watermark: Option<i64>) -> Option<i64> {
        self.second.late_after(self.first.watermark_after(watermark))
    }
}

/// Passes on every row of every input: first of a chain, it is a union.
#[derive(Debug, Clone, Copy, Default)]
pub struct Union;

impl Stage for Union {
    type In = Row;
    type Out = Row;

    fn moves_watermark(&self, _: usize, row: &Row) -> Option<i64> {
        row.at
    }

    fn take(&mut self, _: usize, row: Row, _: Option<i64>) -> Taken<Row> {
        Taken::Given(vec![row])
    }

    fn close(&mut self, _: Moved, _: i64) -> Vec<Row> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::append_window::{AppendWindows, Filled, Grid, Placed, batch};
    use super::super::dedup::{self, Dedup, Expiry};
    use super::super::look_ahead::{Around, LookAhead, LookAheads};
    use super::super::recorded::{self, Recorded};
    use super::super::row::{Epoch, rows_of, same_results};
    use super::super::stage::Running;
    use super::super::stream_join::{Join, Kind, LEFT, NullKeys, Pair, RIGHT, StreamJoin, Timeless};
    use super::super::streams::{IN_TIME, in_time, streams};
    use super::super::watermark::Inputs;
    use super::*;
    use crate::properties::check;

    /// Replays an operator and then windows; `json` makes the columns of what the operator gives.
    fn replay<A: Stage<In = Row>>(
        recorded: &Recorded,
        first: A,
        json: impl Fn(A::Out) -> Value,
    ) -> Vec<String> {
        let aggregate = &recorded.query;
        let grid = recorded.grid(aggregate);
        let between = |row| Some(recorded.placed(aggregate, json(row)));
        let mut running =
            Running::new(recorded.inputs(), Chain::new(first, between, AppendWindows::new(grid)));
        recorded.compare(|epoch: &Epoch| {
            let answer = running.epoch(epoch);
            let rows = answer.results.iter().map(|window| recorded.json_window(aggregate, window)).collect();
            // 14: groups of key and window, not rows.
            let late = core::mem::take(&mut running.stage.late_downstream).into_iter();
            let groups =
                late.flat_map(|row| grid.holding(row.at.unwrap_or(0)).into_iter().map(move |w| (row.key, w)));
            (rows, answer.watermark, answer.late.len() + groups.collect::<BTreeSet<_>>().len())
        })
    }

    fn appends_windows_over(kind: &'static str) -> impl Fn(&Value) -> bool {
        move |query| {
            let windows = query["kind"] == "window_aggregate" && query["output_mode"] == "append";
            windows && query["window"]["kind"] != "session" && query["input"]["kind"] == kind
        }
    }

    #[test]
    fn unions_answer_as_spark() {
        recorded::replay("union", appends_windows_over("union"), |recorded| {
            replay(recorded, Union, |row| recorded.json(&row).clone())
        });
    }

    #[test]
    fn dedup_and_window_answer_as_spark() {
        recorded::replay("dedup and window", appends_windows_over("dedup"), |recorded| {
            let query = &recorded.query["input"];
            let key = |row: &Row| recorded.dedup_key(query, row);
            replay(recorded, Dedup::new(key, recorded.expiry(query)), |row| recorded.json(&row).clone())
        });
    }

    #[test]
    fn join_and_window_answer_as_spark() {
        let of_streams =
            |query: &Value| appends_windows_over("join")(query) && query["input"]["right"] == "right";
        recorded::replay("join and window", of_streams, |recorded| {
            let join = recorded.join(&recorded.query["input"]);
            replay(recorded, StreamJoin::new(join), |pair| recorded.json_pair(join.kind, &pair))
        });
    }

    #[test]
    fn window_and_window_answer_as_spark() {
        recorded::replay("window and window", appends_windows_over("window_aggregate"), |recorded| {
            let inner = &recorded.query["input"];
            let windows = AppendWindows::new(recorded.grid(inner));
            let placed = |row: Row| Some(recorded.placed(inner, recorded.json(&row).clone()));
            replay(recorded, Chain::new(Union, placed, windows), |window| {
                recorded.json_window(inner, &window)
            })
        });
    }

    fn placed(row: &Row) -> Placed<Row> {
        Placed { key: row.key, at: row.at, row: *row }
    }

    fn windows(grid: Grid, rows: &[Row]) -> Vec<Filled<Row>> {
        batch(grid, &rows.iter().map(placed).collect::<Vec<_>>())
    }

    fn grids() -> impl Strategy<Value = Grid> {
        let lengths = (1_i64..20, 1_i64..20, 0_i64..20);
        lengths.prop_map(|(one, other, offset)| Grid { size: one.max(other), slide: one.min(other), offset })
    }

    fn sorted(mut windows: Vec<Filled<Row>>) -> Vec<Filled<Row>> {
        for window in &mut windows {
            window.rows.sort_by_key(|row| row.number);
        }
        windows
    }

    #[test]
    fn dedup_and_window_give_the_batch() {
        check(200, &(streams(1, 0..60), grids()), |(epochs, grid)| {
            let key = |row: &Row| (row.key, row.value.map(|value| value as i64));
            let first = Dedup::new(key, Expiry::Within(IN_TIME));
            let chain = Chain::new(first, |row| Some(placed(&row)), AppendWindows::new(grid));
            let given = Running::new(in_time(1), chain).run_to_end(&epochs);
            let expected = windows(grid, &dedup::batch(key, &rows_of(&epochs, 0)));
            prop_assert!(same_results(&expected, &given));
            Ok(())
        });
    }

    #[test]
    fn a_union_and_windows_give_the_batch() {
        check(200, &(streams(3, 0..60), grids()), |(epochs, grid)| {
            let chain = Chain::new(Union, |row| Some(placed(&row)), AppendWindows::new(grid));
            let given = Running::new(in_time(3), chain).run_to_end(&epochs);
            let rows: Vec<Row> = epochs.iter().flat_map(|epoch| &epoch.rows).map(|(_, row)| *row).collect();
            prop_assert!(same_results(&windows(grid, &rows), &given));
            Ok(())
        });
    }

    /// 44-46: what the join gives, nulls and all, is late for no window, although rows are late for the join.
    #[test]
    fn nothing_that_a_join_gives_is_late_downstream() {
        let kinds = prop::sample::select(vec![Kind::Inner, Kind::Left, Kind::LeftSemi]);
        check(400, &(streams(2, 0..80), grids(), kinds, -8_i64..8, 0_i64..12, 0_i64..10), |drawn| {
            let (epochs, grid, kind, lower, length, delay) = drawn;
            let (null_keys, timeless) = (NullKeys::MatchNothing, Timeless::AtOnce);
            let range = Some((lower, lower + length));
            let join = Join { kind, range, condition: |_, _| true, null_keys, timeless };
            let of_left = |(left, _): Pair| left.as_ref().map(placed);
            let chain = Chain::new(StreamJoin::new(join), of_left, AppendWindows::new(grid));
            let mut running = Running::new(Inputs::new(&[Some(delay), Some(delay)]), chain);
            let answers = running.run(&epochs);
            let late: Vec<Row> = answers.iter().flat_map(|answer| answer.late.clone()).collect();
            let mut given: Vec<Filled<Row>> = answers.into_iter().flat_map(|answer| answer.results).collect();
            given.extend(running.drain());
            prop_assert_eq!(&running.stage.late_downstream, &vec![]);
            let in_time = |side| {
                let rows = rows_of(&epochs, side).into_iter();
                rows.filter(|row| !late.contains(row)).collect::<Vec<Row>>()
            };
            let pairs = join.batch(&in_time(LEFT), &in_time(RIGHT));
            let lefts: Vec<Row> = pairs.into_iter().filter_map(|(left, _)| left).collect();
            prop_assert!(same_results(&sorted(windows(grid, &lefts)), &sorted(given)));
            // The same into an operator that finds rows at the watermark late.
            let every_row = Dedup::new(|row: &Row| (row.number, row.at), Expiry::AtEventTime);
            let chain = Chain::new(StreamJoin::new(join), |(left, _): Pair| left, every_row);
            let mut running = Running::new(Inputs::new(&[Some(delay), Some(delay)]), chain);
            let _ = (running.run(&epochs), running.drain());
            prop_assert_eq!(&running.stage.late_downstream, &vec![]);
            Ok(())
        });
    }

    /// 44, 45: an operator that finds rows at the watermark late takes all that windows give.
    #[test]
    fn nothing_that_windows_give_is_late_downstream() {
        check(400, &(streams(1, 0..80), grids(), 0_i64..10), |(epochs, grid, delay)| {
            let row = |window: Filled<Row>| Row { at: Some(window.at()), ..window.rows[0] };
            let filled = Chain::new(Union, |row| Some(placed(&row)), AppendWindows::new(grid));
            let first_of_each = Dedup::new(|row: &Row| (row.key, row.at), Expiry::AtEventTime);
            let chain = Chain::new(filled, |window| Some(row(window)), first_of_each);
            let mut running = Running::new(Inputs::new(&[Some(delay)]), chain);
            let answers = running.run(&epochs);
            let given =
                answers.iter().map(|answer| answer.results.len()).sum::<usize>() + running.drain().len();
            let late = &running.stage.first.late_downstream;
            let rows: Vec<Row> = rows_of(&epochs, 0)
                .into_iter()
                .filter(|row| !late.iter().any(|late| late.row == *row))
                .collect();
            prop_assert_eq!(&running.stage.late_downstream, &vec![]);
            // A row may be late for some windows only: those are then missing, if it is the only one.
            prop_assert!(given <= windows(grid, &rows).len());
            prop_assert!(grid.slide < grid.size || given == windows(grid, &rows).len());
            Ok(())
        });
    }

    #[test]
    fn nothing_that_look_ahead_gives_is_late_downstream() {
        check(400, &(streams(1, 0..80), grids(), 0_i64..10, 0_i64..10), |(epochs, grid, ahead, delay)| {
            let first = LookAheads::new(LookAhead { before: 2, ahead });
            let chain =
                Chain::new(first, |around: Around| Some(placed(&around.row)), AppendWindows::new(grid));
            let mut running = Running::new(Inputs::new(&[Some(delay)]), chain);
            let answers = running.run(&epochs);
            let late: Vec<Row> = answers.iter().flat_map(|answer| answer.late.clone()).collect();
            let mut given: Vec<Filled<Row>> = answers.into_iter().flat_map(|answer| answer.results).collect();
            given.extend(running.drain());
            let mut rows = rows_of(&epochs, 0);
            rows.retain(|row| !late.contains(row));
            prop_assert!(same_results(&sorted(windows(grid, &rows)), &sorted(given)));
            Ok(())
        });
    }
}
