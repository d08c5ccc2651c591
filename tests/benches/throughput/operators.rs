//! One query of each other kind, over the same rows, to compare what a row costs with tumbling windows.

use headwater::operator::{Buffered, ExpiringRecord, ProcessRecord, SortedTable};
use headwater::state::{Allocated, NoState, State};
use headwater::{
    Context, Either, KeyedProcess, Process, QueryPlan, Span, Stream, TimeRange, Timestamp, WindowRecord,
};

use crate::engine::{self, Aggregates};
use crate::readings::{DISORDER_MS, KEYS, Reading};
use crate::{ROWS_PER_TRIGGER, WINDOWS};

/// Keys by event time, and rows of joins, that have not left: two to three seconds of them.
const HELD: usize = 8_192;

/// A row that a join can hold.
type Row = (u32, Timestamp, f64);

fn row(reading: &Reading) -> Row {
    (reading.key, reading.at, reading.value)
}

fn delay() -> Span {
    Span::millis(DISORDER_MS)
}

/// Runs the query and returns how many results it gave. Named for the profiler as its counterpart in [`engine`].
#[inline(never)]
fn run_engine_rows<P: QueryPlan, S: State<Shape = P::Shape>>(
    plan: &P,
    state: &mut S,
    rows_per_trigger: usize,
    rows: &[Reading],
    row: impl Fn(usize, &Reading) -> P::Row,
) -> u64 {
    let mut query = plan.bind(state);
    let mut given = 0_u64;
    for (number, reading) in rows.iter().enumerate() {
        assert!(query.push_to(row(number, reading), |_| given += 1).is_ok(), "the state has room");
        if (number + 1) % rows_per_trigger == 0 {
            query.trigger(Timestamp::EPOCH, |_| given += 1).expect("the sink takes every result");
        }
    }
    query.drain(Timestamp::EPOCH, |_| given += 1).expect("the sink takes every result");
    given
}

/// Tumbling windows with a trigger after each row: what an epoch costs in which nothing is due.
pub fn epoch_per_row(rows: &[Reading]) -> u64 {
    let mut state = Allocated::<u32, WindowRecord<Aggregates>>::with_capacity(WINDOWS);
    run_engine_rows(&engine::tumbling(), &mut state, 1, rows, |_, reading| *reading)
}

/// The first row of each key and event time.
pub fn dedup(rows: &[Reading]) -> u64 {
    let plan = Stream::<Reading>::new()
        .with_watermark(|reading| reading.at, delay())
        .drop_duplicates_by_time(|reading| reading.key)
        .append();
    let mut state = Allocated::<u32, ExpiringRecord>::with_capacity(HELD);
    run_engine_rows(&plan, &mut state, ROWS_PER_TRIGGER, rows, |_, reading| *reading)
}

/// Each row with what a table says of its key.
pub fn static_join(rows: &[Reading]) -> u64 {
    let places: Vec<(u32, u32)> = (0..KEYS as u32).map(|key| (key, key / 10)).collect();
    let plan = Stream::<Reading>::new()
        .join_static(SortedTable::new(&places).expect("in order"), |reading| reading.key)
        .inner()
        .append();
    run_engine_rows(&plan, &mut NoState::<u32>::default(), ROWS_PER_TRIGGER, rows, |_, reading| *reading)
}

/// Every second row with the others of its key in the second after it.
pub fn stream_join(rows: &[Reading]) -> u64 {
    let side = || Stream::<Row>::new().with_watermark(|row| row.1, delay());
    let plan = side()
        .join(side())
        .on(|left| left.0, |right| right.0)
        .within(TimeRange::after(Span::secs(1)))
        .inner()
        .append();
    let table = || Allocated::<Option<u32>, Buffered<Row>>::with_capacity(HELD);
    run_engine_rows(&plan, &mut (table(), table()), ROWS_PER_TRIGGER, rows, |number, reading| {
        if number % 2 == 0 { Either::Left(row(reading)) } else { Either::Right(row(reading)) }
    })
}

/// A timer per key that each row sets anew; it fires when a key is silent for five seconds.
struct Silence;

impl KeyedProcess<Reading> for Silence {
    type Key = u32;
    type State = Timestamp;
    type Output = (u32, Timestamp);
    const ON_EPOCH: bool = false;

    fn initial(&self, _key: &u32) -> Timestamp {
        Timestamp::MIN
    }

    fn on_row(&self, context: &mut Context<'_>, last: &mut Timestamp, row: &Reading) {
        *last = row.at.max(*last);
        context.clear_timers();
        context.set_timer(*last + Span::secs(5)).expect("there is room for one");
    }

    fn on_timer(
        &self,
        context: &mut Context<'_>,
        key: &u32,
        last: &mut Timestamp,
        _timer: Timestamp,
    ) -> Option<(u32, Timestamp)> {
        context.forget();
        Some((*key, *last))
    }
}

/// State and a timer of the user's.
pub fn process(rows: &[Reading]) -> u64 {
    let plan = Stream::<Reading>::new()
        .with_watermark(|reading| reading.at, delay())
        .group_by(|reading| reading.key)
        .process(Process::in_event_time::<1>(Silence))
        .append();
    let mut state = Allocated::<u32, ProcessRecord<Timestamp, 1>>::with_capacity(WINDOWS);
    run_engine_rows(&plan, &mut state, ROWS_PER_TRIGGER, rows, |_, reading| *reading)
}
