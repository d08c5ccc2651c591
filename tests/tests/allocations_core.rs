//! The engine allocates nothing once its state is there: no row, no trigger, no commit and no drain of any operator does.

use std::alloc::System;
use std::thread;

use headwater::aggregate::{count, max, mean, min, sum};
use headwater::checkpoint::{Log, RamFlash};
use headwater::operator::SortedTable;
use headwater::window::{CountWindow, LookAhead, Session, Sliding, Tumbling};
use headwater::{
    Context, Either, KeyedProcess, Process, QueryPlan, Span, Stream, TimeRange, Timestamp, WindowRow,
    WithWatermark,
};
use headwater_tests::throughput::rows::{DISORDER_MS, Reading, generated};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROWS: u64 = 10_000;
const KEYS: u32 = 16;
const RECORDS: usize = 8_192;
const ROWS_PER_TRIGGER: usize = 100;
const ROWS_PER_COMMIT: usize = 1_000;
/// A log of the larger states takes a good part of a stack.
const STACK_BYTES: usize = 64 << 20;

type Flash = RamFlash<1_048_576, 4, 16_384>;

/// A row that a join can hold.
type Row = (u32, Timestamp, f64);

fn rows() -> Stream<Row, impl headwater::operator::Stages<Row, Out = Row>, WithWatermark> {
    Stream::<Row>::new().with_watermark(|row| row.1, Span::millis(DISORDER_MS))
}

fn one(_: bool, row: Row) -> Row {
    row
}

fn two(left: bool, row: Row) -> Either<Row, Row> {
    if left { Either::Left(row) } else { Either::Right(row) }
}

/// Runs the plan over the rows and asks the allocator whether it was called.
fn assert_no_allocation<P: QueryPlan>(what: &str, plan: &P, row: impl Fn(bool, Row) -> P::Row) {
    let mut state = plan.allocate(RECORDS);
    let mut log = Log::<_, 4_096>::format(Flash::new()).unwrap();
    let mut query = plan.bind(&mut state);
    let (mut given, mut refused) = (0_u64, 0_u64);
    let region = Region::new(ALLOCATOR);
    for (number, Reading { ts, key, value }) in generated(ROWS, 42, KEYS).enumerate() {
        let reading = (key, Timestamp::from_millis(ts), value);
        refused += u64::from(query.push_to(row(number % 2 == 0, reading), |_| given += 1).is_err());
        if (number + 1) % ROWS_PER_TRIGGER == 0 {
            refused += u64::from(query.trigger(Timestamp::EPOCH, |_| given += 1).is_err());
        }
        if (number + 1) % ROWS_PER_COMMIT == 0 {
            refused += u64::from(query.commit(&mut log, &(number as u64)).is_err());
        }
    }
    refused += u64::from(query.drain(Timestamp::EPOCH, |_| given += 1).is_err());
    let change = region.change();
    assert_eq!(refused, 0, "{what}: a row, trigger or commit failed, so this shows nothing");
    assert!(given > 0, "{what}: no result, so this shows nothing");
    assert_eq!((change.allocations, change.reallocations), (0, 0), "{what}");
}

/// Counts the rows of a key and tells of it when the key has been silent.
struct Silence;

impl KeyedProcess<Row> for Silence {
    type Key = u32;
    type State = u32;
    type Output = (u32, u32);

    fn initial(&self, _: &u32) -> u32 {
        0
    }

    fn on_row(&self, context: &mut Context<'_>, rows: &mut u32, row: &Row) {
        *rows += 1;
        context.clear_timers();
        context.set_timer(row.1 + Span::millis(20)).expect("there is room for one");
    }

    fn on_timer(&self, _: &mut Context<'_>, key: &u32, rows: &mut u32, _: Timestamp) -> Option<(u32, u32)> {
        Some((*key, *rows))
    }
}

fn windows() {
    let grouped = || rows().group_by(|row: &Row| row.0);
    let several = || {
        (
            count(),
            sum(|row: &Row| row.2),
            mean(|row: &Row| row.2),
            min(|row: &Row| row.2),
            max(|row: &Row| row.2),
        )
    };
    let tumbling = || grouped().window(Tumbling::of(Span::millis(500))).aggregate(several());
    assert_no_allocation("tumbling windows, append", &tumbling().append(), one);
    assert_no_allocation("tumbling windows, update", &tumbling().update(), one);
    assert_no_allocation("tumbling windows, complete", &tumbling().complete(), one);
    let slide = Sliding::of(Span::secs(2), Span::millis(250)).unwrap();
    assert_no_allocation("sliding windows", &grouped().window(slide).aggregate(several()).append(), one);
    let session = Session::with_gap(Span::millis(30));
    assert_no_allocation("sessions", &grouped().window(session).aggregate(several()).append(), one);
    let around = LookAhead::of(Span::millis(100), Span::millis(100));
    assert_no_allocation("look-ahead", &grouped().window(around).aggregate(count()).append(), one);
    let by_count = grouped().window_rows(CountWindow::of(10).every(5)).aggregate(several());
    assert_no_allocation("windows of rows", &by_count.append(), one);
    assert_no_allocation("groups", &grouped().aggregate(several()).update(), one);
}

fn joins() {
    let key = |row: &Row| row.0;
    let range = TimeRange::after(Span::millis(200));
    let join = || rows().join(rows()).on(key, key).within(range);
    assert_no_allocation("inner join", &join().inner().append(), two);
    assert_no_allocation("full outer join", &join().full_outer().append(), two);
    let as_of = rows().as_of_join(rows(), key, key, Span::secs(1)).left_outer();
    assert_no_allocation("as-of join", &as_of.append(), two);
    let places: Vec<(u32, u32)> = (0..KEYS).map(|key| (key, key / 10)).collect();
    let table = rows().join_static(SortedTable::new(&places).unwrap(), key).inner();
    assert_no_allocation("join with a table", &table.append(), one);
}

fn others() {
    let by_time = rows().drop_duplicates_by_time(|row: &Row| row.0);
    assert_no_allocation("deduplication by time", &by_time.append(), one);
    let within = rows().drop_duplicates_within_watermark(|row: &Row| (row.0, row.2 as i64));
    assert_no_allocation("deduplication within the watermark", &within.append(), one);
    let process = rows().group_by(|row: &Row| row.0).process(Process::in_event_time::<1>(Silence));
    assert_no_allocation("process", &process.append(), one);
    let stages =
        rows().filter(|row: &Row| row.2 > 0.0).map(|row: &Row| row.0).flat_map(|key: &u32| [*key, *key + 1]);
    assert_no_allocation("stateless stages", &stages.append(), one);
    let chain = rows()
        .group_by(|row: &Row| row.0)
        .window(Tumbling::of(Span::millis(250)))
        .aggregate(count())
        .then()
        .group_by(|window: &WindowRow<u32, u64>| window.key / 4)
        .window(Tumbling::of(Span::secs(1)))
        .aggregate(sum(|window: &WindowRow<u32, u64>| window.value as f64));
    assert_no_allocation("windows of windows", &chain.append(), one);
}

/// One test, since the allocator is the whole process's.
#[test]
fn no_operator_allocates_after_its_state() {
    fn with_room(run: fn()) {
        thread::Builder::new().stack_size(STACK_BYTES).spawn(run).unwrap().join().unwrap();
    }
    with_room(windows);
    with_room(joins);
    with_room(others);
}
