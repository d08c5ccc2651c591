//! The queries that are fuzzed: one of each kind of state.

use core::fmt::Debug;

use headwater::aggregate::{collect, count, first, max, min, quantile, stddev_pop, sum};
use headwater::operator::{InEventTime, Stages};
use headwater::window::{CountWindow, Session, Sliding, Tumbling};
use headwater::{
    Context, Either, KeyedProcess, OnFull, Process, QueryPlan, Span, Stream, TimeRange, Timestamp, WindowRow,
    WithWatermark,
};

use crate::survive::{Row, Two};

/// How many there are.
pub const QUERIES: u8 = 8;

/// What is done with the plan of a query, on a flash of words of `WRITE` bytes and sectors of `ERASE`; `row` makes its rows, of the left input or the right one.
pub trait Visitor {
    /// What comes of it.
    type Answer;

    /// Does it.
    fn visit<P, const WRITE: usize, const ERASE: usize>(
        self,
        plan: &P,
        row: fn(bool, Row) -> P::Row,
    ) -> Self::Answer
    where
        P: QueryPlan<Row: Clone, Output: Debug>;
}

fn rows() -> Stream<Row, impl Stages<Row, Out = Row>, WithWatermark> {
    Stream::<Row>::new().with_watermark(|row: &Row| row.1.map(Timestamp::from_micros), Span::micros(9))
}

fn one(_: bool, row: Row) -> Row {
    row
}

fn two(is_left: bool, row: Row) -> Two {
    if is_left { Either::Left(row) } else { Either::Right(row) }
}

fn value(row: &Row) -> Option<f64> {
    Some(f64::from(row.2))
}

/// Counts rows and tells of them at the end of epochs and by timers; the timers of some set others.
#[derive(Debug, Clone, Copy)]
struct Machine;

impl KeyedProcess<Row> for Machine {
    type Key = u8;
    type State = u32;
    type Output = (u8, u32, Option<Timestamp>);

    fn initial(&self, _: &u8) -> u32 {
        0
    }

    fn on_row(&self, context: &mut Context<'_>, rows: &mut u32, row: &Row) {
        *rows = rows.wrapping_add(1);
        if let Some(at) = context.event_time() {
            // Where there is no room for one more, the others tell.
            let _ = context.set_timer(at + Span::micros(5));
        }
        if row.2 == 5 {
            context.forget();
        }
    }

    fn on_epoch(&self, context: &mut Context<'_>, key: &u8, rows: &mut u32) -> Option<Self::Output> {
        rows.is_multiple_of(2).then_some((*key, *rows, context.event_time()))
    }

    fn on_timer(
        &self,
        context: &mut Context<'_>,
        key: &u8,
        rows: &mut u32,
        timer: Timestamp,
    ) -> Option<Self::Output> {
        if rows.is_multiple_of(3) {
            let _ = context.set_timer(timer + Span::micros(11));
        }
        Some((*key, *rows, Some(timer)))
    }
}

/// Word and sector of a query's flash, in bytes.
pub const GEOMETRIES: [(usize, usize); 3] = [(1, 256), (4, 512), (16, 1024)];

/// The geometry of a query's flash.
#[must_use]
pub fn geometry(query: u8) -> (usize, usize) {
    GEOMETRIES[usize::from(query % QUERIES) % GEOMETRIES.len()]
}

/// Makes the plan of a query, by its number modulo [`QUERIES`], and hands it to `visitor`.
pub fn visit<V: Visitor>(query: u8, on_full: OnFull, visitor: V) -> V::Answer {
    let grouped = || rows().group_by(|row: &Row| row.0);
    match query % QUERIES {
        0 => {
            let kept = (count(), sum(value), min(|row: &Row| Some(row.2)), max(|row: &Row| Some(row.2)));
            visitor.visit::<_, 1, 256>(
                &grouped().window(Tumbling::of(Span::micros(20))).aggregate(kept).update().on_full(on_full),
                one,
            )
        }
        1 => {
            let kept = (first(|row: &Row| Some(row.2)), stddev_pop(value));
            visitor.visit::<_, 4, 512>(
                &grouped()
                    .window(Session::with_gap(Span::micros(15)))
                    .aggregate(kept)
                    .append()
                    .on_full(on_full),
                one,
            )
        }
        2 => visitor.visit::<_, 16, 1024>(
            &rows()
                .join(rows())
                .on(|left: &Row| left.0, |right: &Row| right.0)
                .within(TimeRange::micros(-10, 20))
                .full_outer()
                .append()
                .on_full(on_full),
            two,
        ),
        3 => {
            let process: Process<Machine, InEventTime, 3> =
                Process::in_event_time(Machine).time_to_live(Span::micros(60));
            visitor.visit::<_, 1, 256>(&grouped().process(process).append().on_full(on_full), one)
        }
        4 => visitor.visit::<_, 4, 512>(
            &grouped()
                .window(Tumbling::of(Span::micros(10)))
                .aggregate(count())
                .then()
                .group_by(|window: &WindowRow<u8, u64>| window.key / 2)
                .window(Session::with_gap(Span::micros(12)))
                .aggregate((count(), sum(|window: &WindowRow<u8, u64>| Some(window.value as f64))))
                .append()
                .on_full(on_full),
            one,
        ),
        5 => {
            let median = quantile::<16, 16, 4, _, _, _>(value, 0.5).expect("a quantile from 0 to 1");
            let kept = (median, collect::<3, _, _, _>(|row: &Row| row.2));
            let slide = Sliding::of(Span::micros(20), Span::micros(7)).expect("a slide of at most the size");
            visitor
                .visit::<_, 16, 1024>(&grouped().window(slide).aggregate(kept).append().on_full(on_full), one)
        }
        6 => visitor.visit::<_, 1, 256>(
            &rows()
                .drop_duplicates_within_watermark(|row: &Row| (row.0, row.2))
                .then()
                .group_by(|row: &Row| row.0)
                .window_rows(CountWindow::of(3).every(2))
                .aggregate(count())
                .append()
                .on_full(on_full),
            one,
        ),
        _ => visitor.visit::<_, 4, 512>(
            &rows()
                .as_of_join(rows(), |left: &Row| left.0, |right: &Row| right.0, Span::micros(30))
                .left_outer()
                .append()
                .on_full(on_full),
            two,
        ),
    }
}
