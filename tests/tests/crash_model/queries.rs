//! The queries.

use headwater::aggregate::{count, max, sum};
use headwater::operator::Stages;
use headwater::window::{Session, Tumbling};
use headwater::{Either, OnFull, QueryPlan, Span, Stream, TimeRange, Timestamp, WindowRow, WithWatermark};
use headwater_tests::survive::{Row, Two};

fn rows() -> Stream<Row, impl Stages<Row, Out = Row>, WithWatermark> {
    Stream::<Row>::new().with_watermark(|row: &Row| row.1.map(Timestamp::from_micros), Span::micros(4))
}

pub fn one(_: bool, row: Row) -> Row {
    row
}

pub fn two(is_left: bool, row: Row) -> Two {
    if is_left { Either::Left(row) } else { Either::Right(row) }
}

/// Rows, their sum and the highest.
pub type Held = (u64, Option<f64>, Option<i32>);

/// Tumbling windows, and sessions of those that hold more than one row.
pub fn sessions_of_windows() -> impl QueryPlan<Row = Row, Output = WindowRow<u8, (u64, Option<i64>)>> {
    rows()
        .group_by(|row: &Row| row.0)
        .window(Tumbling::of(Span::micros(5)))
        .aggregate((count(), sum(|row: &Row| Some(f64::from(row.2))), max(|row: &Row| Some(row.2))))
        .then()
        .filter(|window: &WindowRow<u8, Held>| window.value.2 > Some(1))
        .group_by(|window: &WindowRow<u8, Held>| window.key / 2)
        .window(Session::with_gap(Span::micros(7)))
        .aggregate((count(), sum(|window: &WindowRow<u8, Held>| Some(window.value.0 as i64))))
        .append()
        .on_full(OnFull::Drop)
}

/// Tumbling windows over a left outer join.
pub fn joined_windows() -> impl QueryPlan<Row = Two, Output = WindowRow<(u8, bool), u64>> {
    rows()
        .join(rows())
        .on(|left: &Row| left.0, |right: &Row| right.0)
        .within(TimeRange::micros(-3, 5))
        .left_outer()
        .then()
        .group_by(|pair: &(Row, Option<Row>)| (pair.0.0, pair.1.is_some()))
        .window(Tumbling::of(Span::micros(6)))
        .aggregate(count())
        .append()
        .on_full(OnFull::EvictOldest)
}
