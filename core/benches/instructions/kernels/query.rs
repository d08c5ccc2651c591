//! The query that most kernels run, and how a query is run.

use core::hint::black_box;

use headwater::aggregate::{Aggregate, Count, Max, Min, Sum, count, max, min, sum};
use headwater::operator::Stages;
use headwater::state::{Allocated, Inline, Keyed, SlotIndex};
use headwater::window::Tumbling;
use headwater::{
    EpochEnd, Grouped, Query, QueryPlan, Span, Start, Stream, Timestamp, WindowRecord, WindowRow,
    WithWatermark,
};

use super::rows::{Reading, WINDOW_MS, delay};

/// What is kept per group.
pub type Aggregates = (Count, Sum<f64>, Min<f64>, Max<f64>);
pub type Answer = (u64, Option<f64>, Option<f64>, Option<f64>);

/// Open windows that there is room for.
pub const WINDOWS: usize = 4_096;

pub type AllocatedWindows = Allocated<u32, WindowRecord<Aggregates>>;
pub type InlineWindows = Inline<u32, WindowRecord<Aggregates>, WINDOWS>;

pub fn allocated() -> Box<AllocatedWindows> {
    Box::new(Allocated::with_capacity(WINDOWS))
}

pub fn inline() -> Box<InlineWindows> {
    Box::new(Inline::EMPTY)
}

pub fn by_key()
-> Grouped<Reading, impl Stages<Reading, Out = Reading>, WithWatermark, impl Fn(&Reading) -> u32, Start> {
    Stream::<Reading>::new().with_watermark(|row| row.at, delay()).group_by(|row| row.key)
}

pub fn aggregates() -> impl Aggregate<Reading, State = Aggregates, Output = Answer> {
    (count(), sum(|row: &Reading| row.value), min(|row: &Reading| row.value), max(|row: &Reading| row.value))
}

/// Count, sum, least and greatest of each key in windows of ten seconds.
pub fn tumbling()
-> impl QueryPlan<Row = Reading, Shape = Keyed<u32, WindowRecord<Aggregates>>, Output = WindowRow<u32, Answer>>
{
    by_key().window(Tumbling::of(Span::millis(WINDOW_MS as u32))).aggregate(aggregates()).append()
}

/// Pushes a row whatever its results.
#[inline]
pub fn push<P: QueryPlan, I: SlotIndex>(query: &mut Query<'_, P, I>, row: P::Row) {
    let pushed = query.push_to(row, |result| drop(black_box(result)));
    assert!(pushed.is_ok(), "the state has room");
}

pub fn push_all<P: QueryPlan, I: SlotIndex>(
    query: &mut Query<'_, P, I>,
    rows: impl IntoIterator<Item = P::Row>,
) {
    rows.into_iter().for_each(|row| push(query, row));
}

/// Ends an epoch whatever its results.
#[inline]
pub fn trigger<P: QueryPlan, I: SlotIndex>(query: &mut Query<'_, P, I>) -> EpochEnd {
    query.trigger(Timestamp::EPOCH, |result| drop(black_box(result))).expect("the sink takes every result")
}
