//! Each operator over a steady stream, with its triggers.

use headwater::aggregate::sum;
use headwater::operator::Stages;
use headwater::state::SlotIndex;
use headwater::window::{CountWindow, LookAhead, Session, Sliding, StateWindow, Tumbling};
use headwater::{
    Context, Either, KeyedProcess, Process, Query, QueryPlan, Span, Stream, Timestamp, WindowRow,
    WithWatermark,
};

use super::query::{Answer, WINDOWS, aggregates, by_key, push, trigger, tumbling};
use super::rows::{Reading, delay, readings};
use crate::kernel::{Kernel, measured};

const ROWS_PER_TRIGGER: usize = 1_024;
const ROWS: usize = 20 * ROWS_PER_TRIGGER;
/// Until windows of ten seconds close.
const WARM_UP: usize = 12 * ROWS_PER_TRIGGER;
/// Until sliding windows of a minute are full.
const WARM_UP_SLIDING: usize = 64 * ROWS_PER_TRIGGER;
/// Records by event time that the watermark has not reached, or panes of a minute.
const MANY: usize = 131_072;

pub fn kernels() -> Vec<Kernel> {
    let mut kernels = windows();
    kernels.extend(rows());
    kernels
}

fn windows() -> Vec<Kernel> {
    let of = |name, run: fn() -> u64| Kernel::new(format!("operator/{name}"), "row", run);
    vec![
        of("group", || steady(&by_key().aggregate(aggregates()).update(), WINDOWS, reading)),
        of("tumbling", || steady(&tumbling(), WINDOWS, reading)),
        of("sliding-60s/1s", || {
            let window = Sliding::of(Span::secs(60), Span::secs(1)).expect("the slide fits the size");
            let plan = by_key().window(window).aggregate(aggregates()).append();
            steady_from(WARM_UP_SLIDING, &plan, MANY, reading)
        }),
        of("session", || {
            let plan = by_key().window(Session::with_gap(Span::secs(5))).aggregate(aggregates()).append();
            steady(&plan, WINDOWS, reading)
        }),
        of("by-event-time", || {
            steady(&by_key().by_event_time().aggregate(aggregates()).append(), MANY, reading)
        }),
        of("count-window-16", || {
            let plan = by_key().window_rows(CountWindow::of(16)).aggregate(aggregates()).append();
            steady(&plan, WINDOWS, reading)
        }),
        of("count-window-16/4", || {
            let plan = by_key().window_rows(CountWindow::of(16).every(4)).aggregate(aggregates()).append();
            steady(&plan, 4 * WINDOWS, reading)
        }),
        of("state-window", || {
            let window =
                StateWindow::new(|row: &Reading| row.value > 500.0, |row: &Reading| row.value < -500.0);
            steady(&by_key().window_rows(window).aggregate(aggregates()).append(), WINDOWS, reading)
        }),
        of("look-ahead", || {
            let window = LookAhead::of(Span::secs(5), Span::secs(1));
            steady(&by_key().window(window).aggregate(aggregates()).append(), MANY, reading)
        }),
        of("two-windows", || {
            let plan = by_key()
                .window(Tumbling::of(Span::secs(1)))
                .aggregate(aggregates())
                .then()
                .group_by(|row: &WindowRow<u32, Answer>| row.key % 10)
                .window(Tumbling::of(Span::secs(10)))
                .aggregate(sum(|row: &WindowRow<u32, Answer>| row.value.1))
                .append();
            steady(&plan, 2 * WINDOWS, reading)
        }),
    ]
}

fn rows() -> Vec<Kernel> {
    let of = |name, run: fn() -> u64| Kernel::new(format!("operator/{name}"), "row", run);
    vec![
        of("filter-map", || {
            let plan = timed().filter(|row| row.value > 0.0).map(|row| (row.key, row.value)).append();
            steady(&plan, 1, reading)
        }),
        of("union", || {
            let plan = timed().union(timed()).group_by(|row| row.key).window(Tumbling::of(Span::secs(10)));
            steady(&plan.aggregate(aggregates()).append(), WINDOWS, alternating)
        }),
        of("dedup-for-ever", || {
            steady(&timed().drop_duplicates_by(|row| row.key).append(), WINDOWS, reading)
        }),
        of("dedup-by-time", || {
            steady(&timed().drop_duplicates_by_time(|row| row.key).append(), 2 * WINDOWS, reading)
        }),
        of("dedup-within-watermark", || {
            steady(&timed().drop_duplicates_within_watermark(|row| row.key).append(), WINDOWS, reading)
        }),
        of("process-timer", || {
            steady(&by_key().process(Process::in_event_time::<1>(Silence)).append(), WINDOWS, reading)
        }),
    ]
}

pub fn timed() -> Stream<Reading, impl Stages<Reading, Out = Reading>, WithWatermark> {
    Stream::new().with_watermark(|row: &Reading| row.at, delay())
}

fn reading(_number: usize, row: &Reading) -> Reading {
    *row
}

/// Every second row is of the other input.
pub fn alternating(number: usize, row: &Reading) -> Either<Reading, Reading> {
    if number.is_multiple_of(2) { Either::Left(*row) } else { Either::Right(*row) }
}

/// The query over the stream, with windows of ten seconds closing. `row` makes its rows.
pub fn steady<P: QueryPlan>(plan: &P, capacity: usize, row: impl Fn(usize, &Reading) -> P::Row) -> u64 {
    steady_from(WARM_UP, plan, capacity, row)
}

/// The query over the stream, from the row with this number on.
fn steady_from<P: QueryPlan>(
    warm_up: usize,
    plan: &P,
    capacity: usize,
    row: impl Fn(usize, &Reading) -> P::Row,
) -> u64 {
    let mut state = plan.allocate(capacity);
    let mut query = plan.bind(&mut state);
    let readings = readings(warm_up + ROWS);
    let mut rows = readings.iter().enumerate().map(|(number, reading)| row(number, reading));
    epochs(&mut query, rows.by_ref().take(warm_up));
    let rows: Vec<P::Row> = rows.collect();
    let mut rows = Some(rows);
    measured(&mut || epochs(&mut query, rows.take().into_iter().flatten()));
    let counts = query.progress().rows;
    assert_eq!((counts.late, counts.refused, counts.dropped), (0, 0, 0), "all rows are taken");
    ROWS as u64
}

fn epochs<P: QueryPlan, I: SlotIndex>(query: &mut Query<'_, P, I>, rows: impl Iterator<Item = P::Row>) {
    for (row, number) in rows.zip(1_usize..) {
        push(query, row);
        if number.is_multiple_of(ROWS_PER_TRIGGER) {
            trigger(query);
        }
    }
}

/// A timer for each key that each row sets anew; it fires when a key is silent for five seconds.
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
