//! The jobs as Headwater queries.

use headwater::aggregate::{Aggregate, Count, Max, Min, Sum, count, max, min, sum};
use headwater::operator::Stages;
use headwater::state::{Allocated, Keyed, State};
use headwater::window::{Session, Sliding, Tumbling};
use headwater::{
    Grouped, PaneRecord, QueryPlan, SessionRecord, Span, Start, Stream, Timestamp, WindowRecord, WindowRow,
    WithWatermark,
};

use crate::checksum::Checksum;
use crate::readings::{DISORDER_MS, Reading};
use crate::{GAP_SECS, ROWS_PER_TRIGGER, SLIDE_SECS, SLIDING_SECS, TUMBLING_SECS, WINDOWS};

/// What the jobs keep per group.
pub type Aggregates = (Count, Sum<f64>, Min<f64>, Max<f64>);
type Answer = (u64, Option<f64>, Option<f64>, Option<f64>);

fn by_key()
-> Grouped<Reading, impl Stages<Reading, Out = Reading>, WithWatermark, impl Fn(&Reading) -> u32, Start> {
    Stream::<Reading>::new()
        .with_watermark(|reading| reading.at, Span::millis(DISORDER_MS))
        .group_by(|reading| reading.key)
}

/// What the jobs ask of each group.
pub fn aggregates() -> impl Aggregate<Reading, State = Aggregates, Output = Answer> {
    (
        count(),
        sum(|reading: &Reading| reading.value),
        min(|reading: &Reading| reading.value),
        max(|reading: &Reading| reading.value),
    )
}

pub fn tumbling()
-> impl QueryPlan<Row = Reading, Shape = Keyed<u32, WindowRecord<Aggregates>>, Output = WindowRow<u32, Answer>>
{
    by_key().window(Tumbling::of(Span::secs(TUMBLING_SECS))).aggregate(aggregates()).append()
}

pub fn sliding()
-> impl QueryPlan<Row = Reading, Shape = Keyed<u32, PaneRecord<Aggregates>>, Output = WindowRow<u32, Answer>>
{
    let window =
        Sliding::of(Span::secs(SLIDING_SECS), Span::secs(SLIDE_SECS)).expect("the slide fits the size");
    by_key().window(window).aggregate(aggregates()).append()
}

pub fn session()
-> impl QueryPlan<Row = Reading, Shape = Keyed<u32, SessionRecord<Aggregates>>, Output = WindowRow<u32, Answer>>
{
    by_key().window(Session::with_gap(Span::secs(GAP_SECS))).aggregate(aggregates()).append()
}

/// Runs the query over all rows, and returns the sum of its results and the most records its state held.
///
/// Not inlined, so that a profiler can be told to look at nothing else.
#[inline(never)]
pub fn run_engine<P, S>(plan: &P, state: &mut S, rows: &[Reading]) -> (Checksum, usize)
where
    P: QueryPlan<Row = Reading, Output = WindowRow<u32, Answer>>,
    S: State<Shape = P::Shape>,
{
    let mut query = plan.bind(state);
    let mut results = Checksum::default();
    let mut records_max = 0;
    for epoch in rows.chunks(ROWS_PER_TRIGGER) {
        for reading in epoch {
            query.push(*reading).expect("the state has room");
        }
        records_max = records_max.max(query.progress().state_rows);
        query.trigger(Timestamp::EPOCH, |row| add(&mut results, row)).expect("the sink takes every result");
    }
    query.drain(Timestamp::EPOCH, |row| add(&mut results, row)).expect("the sink takes every result");
    assert_eq!(query.progress().rows.used, rows.len() as u64, "no row is late");
    (results, records_max)
}

/// Tumbling windows; returns how many results there were.
pub fn tumbling_results(rows: &[Reading]) -> u64 {
    let mut state = Allocated::<u32, WindowRecord<Aggregates>>::with_capacity(WINDOWS);
    run_engine(&tumbling(), &mut state, rows).0.results()
}

/// Sessions; returns how many results there were.
pub fn session_results(rows: &[Reading]) -> u64 {
    let mut state = Allocated::<u32, SessionRecord<Aggregates>>::with_capacity(WINDOWS);
    run_engine(&session(), &mut state, rows).0.results()
}

fn add(results: &mut Checksum, row: WindowRow<u32, Answer>) {
    let (start, end) = (row.window.start.as_micros(), row.window.end.as_micros());
    if let (count, Some(sum), Some(min), Some(max)) = row.value {
        results.add(row.key, start, end, (count, sum, min, max));
    }
}
