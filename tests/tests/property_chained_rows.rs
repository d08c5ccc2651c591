//! Operators that give rows at once, and groups by event time, in chains with windows.

use headwater::aggregate::{Collected, collect, count, sum};
use headwater::window::{CountWindow, Tumbling};
use headwater::{EventTimeRow, QueryPlan, Span, Stream, Timestamp, WindowRow};
use headwater_tests::model::append_window::{AppendWindows, Filled, Grid, Placed};
use headwater_tests::model::by_time::{ByTime, Group};
use headwater_tests::model::chain::{Chain, Union};
use headwater_tests::model::count_window::{self, CountWindows, Counted};
use headwater_tests::model::dedup::{Dedup, Expiry};
use headwater_tests::model::row::Row;
use headwater_tests::model::stage::{Moved, Stage, Taken, is_late};
use headwater_tests::model::streams::streams;
use headwater_tests::properties::check;
use headwater_tests::run::ROOMY;
use headwater_tests::stepped::{holds, same_as_model, unmoved_by_trouble};
use proptest::prelude::*;

fn at(row: &Row) -> Option<Timestamp> {
    row.at.map(Timestamp::from_micros)
}

fn span(micros: i64) -> Span {
    Span::from_micros(micros).expect("not negative")
}

fn tumbling(size: i64) -> Tumbling {
    Tumbling::of(span(size))
}

fn window((start, end): (i64, i64)) -> headwater::window::Window {
    headwater::window::Window { start: Timestamp::from_micros(start), end: Timestamp::from_micros(end) }
}

fn placed(row: Row) -> Option<Placed<Row>> {
    Some(Placed { key: row.key, at: row.at, row })
}

#[test]
fn windows_over_deduplicated_rows() {
    fn result(filled: &Filled<Row>) -> WindowRow<Option<u8>, (u64, Collected<u32, 64>)> {
        let values = filled.rows.iter().map(|row| row.number).collect();
        let value = (filled.rows.len() as u64, Collected { values, left_out: 0 });
        WindowRow { window: window(filled.window), key: filled.key, value, early: false }
    }
    let alike = |row: &Row| (row.key, row.value.map(|value| value as i8 / 4));
    let inputs = (streams(1, 0..60), 1_i64..20, 0_i64..25, prop::bool::ANY, any::<u64>());
    check(200, &inputs, |(epochs, size, delay, within, seed)| {
        let rows = Stream::<Row>::new().with_watermark(at, span(delay));
        macro_rules! holds {
            ($deduplicated:expr, $expiry:expr) => {{
                let numbers = collect::<64, _, _, _>(|row: &Row| row.number);
                let windows = $deduplicated.then().group_by(|row| row.key).window(tumbling(size));
                let plan = windows.aggregate((count(), numbers)).append();
                let model = || {
                    let first =
                        Dedup::new(move |row: &Row| (alike(row), row.at.filter(|_| !within)), $expiry);
                    Chain::new(first, placed, AppendWindows::new(Grid::tumbling(size)))
                };
                holds(&plan, delay, &epochs, seed, model, result)?
            }};
        }
        if within {
            holds!(rows.drop_duplicates_within_watermark(alike), Expiry::Within(delay));
        } else {
            holds!(rows.drop_duplicates_by_time(alike), Expiry::AtEventTime);
        }
        Ok(())
    });
}

/// The windows of all devices that end together.
#[test]
fn groups_of_windows_by_their_end() {
    fn result(group: &Group) -> EventTimeRow<(), (u64, Option<i64>)> {
        let rows = group.rows.iter().map(|row| i64::from(row.number)).sum();
        let value = (group.rows.len() as u64, Some(rows));
        EventTimeRow { at: group.at.map(Timestamp::from_micros), key: (), value, early: false }
    }
    check(200, &(streams(1, 0..60), 1_i64..20, 0_i64..25, any::<u64>()), |(epochs, size, delay, seed)| {
        let plan = Stream::<Row>::new()
            .with_watermark(at, span(delay))
            .group_by(|row| row.key)
            .window(tumbling(size))
            .aggregate(count())
            .then()
            .by_event_time()
            .aggregate((count(), sum(|window: &WindowRow<Option<u8>, u64>| window.value)))
            .append();
        // The number of rows in the place of the number.
        let counted = |filled: Filled<Row>| {
            Some(Row {
                number: filled.rows.len() as u32,
                at: Some(filled.at()),
                key: filled.key,
                value: None,
            })
        };
        let straight = unmoved_by_trouble(&plan, ROOMY, &epochs, seed)?;
        let windows =
            Chain::new(LateToWindows(Union, size), placed, AppendWindows::new(Grid::tumbling(size)));
        let model = Chain::new(windows, counted, ByTime::new(false, headwater::OutputMode::Append));
        same_as_model(&straight, &epochs, delay, model, result)
    });
}

/// Rows of which the windows of so many microseconds after it are closed are late for the first of the chain.
#[derive(Clone)]
struct LateToWindows(Union, i64);

impl Stage for LateToWindows {
    type In = Row;
    type Out = Row;

    fn moves_watermark(&self, input: usize, row: &Row) -> Option<i64> {
        self.0.moves_watermark(input, row)
    }

    fn take(&mut self, input: usize, row: Row, watermark: Option<i64>) -> Taken<Row> {
        let end = row.at.map(|at| Grid::tumbling(self.1).holding(at)[0].1);
        if is_late(end, watermark) { Taken::Late } else { self.0.take(input, row, watermark) }
    }

    fn close(&mut self, watermark: Moved, now: i64) -> Vec<Row> {
        self.0.close(watermark, now)
    }
}

/// Full windows of rows; one whose last row the watermark had reached has no event time.
#[derive(Clone)]
struct Judged(CountWindows);

impl Stage for Judged {
    type In = Row;
    type Out = (Counted, Option<i64>);

    fn moves_watermark(&self, input: usize, row: &Row) -> Option<i64> {
        self.0.moves_watermark(input, row)
    }

    fn take(&mut self, input: usize, row: Row, watermark: Option<i64>) -> Taken<Self::Out> {
        let at = row.at.filter(|_| !is_late(row.at, watermark));
        match self.0.take(input, row, watermark) {
            Taken::Late => Taken::Late,
            Taken::Given(windows) => Taken::Given(windows.into_iter().map(|window| (window, at)).collect()),
        }
    }

    fn close(&mut self, _: Moved, _: i64) -> Vec<Self::Out> {
        Vec::new()
    }
}

#[test]
fn windows_over_windows_of_rows() {
    fn result(filled: &Filled<Counted>) -> WindowRow<Option<u8>, (u64, Option<i64>)> {
        let sum = filled.rows.iter().flat_map(|window| &window.rows).map(|row| i64::from(row.number)).sum();
        let value = (filled.rows.len() as u64, Some(sum));
        WindowRow { window: window(filled.window), key: filled.key, value, early: false }
    }
    let inputs = (streams(1, 0..60), (1_usize..5, 1_usize..5), 1_i64..20, 0_i64..25, any::<u64>());
    check(200, &inputs, |(epochs, (rows, step), size, delay, seed)| {
        let plan = Stream::<Row>::new()
            .with_watermark(at, span(delay))
            .group_by(|row| row.key)
            .window_rows(CountWindow::of(rows as u32).every(step as u32))
            .aggregate(sum(|row: &Row| i64::from(row.number)))
            .then()
            .group_by(|window| window.key)
            .window(tumbling(size))
            .aggregate((
                count(),
                sum(|window: &headwater::CountWindowRow<Option<u8>, Option<i64>>| window.value),
            ))
            .append();
        let model = || {
            let first = Judged(CountWindows::new(count_window::CountWindow { rows, step }));
            let placed =
                |(window, at): (Counted, Option<i64>)| Some(Placed { key: window.key, at, row: window });
            Chain::new(first, placed, AppendWindows::new(Grid::tumbling(size)))
        };
        holds(&plan, delay, &epochs, seed, model, result)?;
        Ok(())
    });
}

/// Deduplication of results goes by the delay of the query's watermark.
#[test]
fn results_once_within_the_watermark() {
    let plan = Stream::<i64>::new()
        .with_watermark(|at| Timestamp::from_micros(*at), Span::micros(100))
        .window(tumbling(10))
        .aggregate(count())
        .then()
        .drop_duplicates_within_watermark(|window| window.value)
        .append();
    let mut state = plan.allocate(16);
    let mut query = plan.bind(&mut state);
    let mut ends = Vec::new();
    for at in [5, 25, 130, 205, 245, 320] {
        query.push(at).expect("room");
        query.trigger(Timestamp::EPOCH, |row| ends.push(row.window.end.as_micros())).expect("willing");
    }
    // Each window holds one row. The first is forgotten at 109, after the one that ends at 140 has been left out.
    assert_eq!(ends, [10, 210]);
}
