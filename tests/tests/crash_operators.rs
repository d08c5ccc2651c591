//! The power fails while joins, processes, deduplication and chains run: the output in the end is that of a run without cuts.
//!
//! On the way: after a drain nothing is left.

use core::fmt::Debug;

use headwater::aggregate::{count, sum};
use headwater::checkpoint::{FaultyStorage, RamFlash};
use headwater::operator::{InEventTime, Stages};
use headwater::window::{CountWindow, LookAhead, Session, Sliding, Tumbling};
use headwater::{
    Context, Either, KeyedProcess, OnFull, OutputMode, Process, QueryPlan, Span, Stream, TimeRange,
    Timestamp, WindowRow, WithWatermark,
};
use headwater_tests::properties::{Random, long, seed};
use headwater_tests::survive::{Answer, Call, Row, Survivor, Trace, Two, script};

type Storage = FaultyStorage<RamFlash<16_384, 4, 1024>>;

/// Runs to the end however often the power fails; `plan_faults` is told how often it has.
fn survive<P>(
    plan: &P,
    capacity: usize,
    calls: &[Call<P::Row>],
    storage: &mut Storage,
    plan_faults: impl FnMut(&mut Storage, u32),
) -> (Trace<P::Output>, u32)
where
    P: QueryPlan<Row: Clone>,
{
    let mut survivor = Survivor::new(capacity, calls);
    let cuts = survivor.run(plan, storage, plan_faults);
    (survivor.trace, cuts)
}

fn new_storage(seed: u64) -> Storage {
    FaultyStorage::new(RamFlash::new(), seed)
}

/// Cuts a run after sampled programmed bytes and in each erase, and several runs at random places again and again.
fn cut_everywhere<P, R>(plan: &P, what: &str, row: impl Fn(bool, Row) -> R)
where
    P: QueryPlan<Row = R, Output: PartialEq + Debug>,
    R: Clone,
{
    let seed = seed();
    let mut results = 0;
    for capacity in [40, 3] {
        for number in 0..if long() { 6 } else { 2 } {
            let calls = script(8, 8, seed.wrapping_add(number), &row);
            let mut whole = new_storage(0);
            let (expected, _) = survive(plan, capacity, &calls, &mut whole, |_, _| {});
            if capacity > 3 {
                results += expected.given.len();
                let [.., drained, _, again, _] = &expected.steps[..] else { panic!("it has an end") };
                assert_eq!(drained.0, Answer::Ended);
                let gives_all = plan.mode() == OutputMode::Complete;
                assert!(
                    gives_all || drained.1.rows.emitted == again.1.rows.emitted,
                    "{what}: a drain leaves nothing"
                );
            }
            let same = |trace: &Trace<P::Output>, cut: &str, place: u64| {
                let differ =
                    (0..calls.len()).find(|step| trace.steps.get(*step) != expected.steps.get(*step));
                assert!(
                    *trace == expected,
                    "{what}, HEADWATER_SEED={seed}, script {number}, capacity {capacity}, {cut} {place}: first \
                     other step {differ:?}\n{:?}\n{:?}\ngiven\n{:?}\n{:?}",
                    differ.and_then(|step| trace.steps.get(step)),
                    differ.and_then(|step| expected.steps.get(step)),
                    trace.given,
                    expected.given
                );
            };
            let step = if long() { 7 } else { 61 };
            for bytes in (number % step..whole.programmed_bytes()).step_by(step as usize) {
                let cut = |storage: &mut Storage, starts| {
                    if starts == 0 {
                        storage.cut_after_programmed_bytes(bytes);
                    }
                };
                let (trace, cuts) = survive(plan, capacity, &calls, &mut new_storage(bytes), cut);
                same(&trace, "cut after byte", bytes);
                assert!(cuts <= 1);
            }
            for run in 0..if long() { 30 } else { 4 } {
                let mut random = Random(seed ^ run);
                let faults = |storage: &mut Storage, starts| match random.below(4) {
                    _ if starts > 30 => {}
                    0 => storage.cut_during_erase(random.below(3)),
                    1 => storage.fail_write(random.below(60)),
                    2 => storage.fail_sync(random.below(20)),
                    _ => storage.cut_after_programmed_bytes(random.below(1500)),
                };
                let (trace, _) = survive(plan, capacity, &calls, &mut new_storage(run), faults);
                same(&trace, "faults at random, run", run);
            }
        }
    }
    assert!(results > 0, "{what}: runs that give something");
}

fn time(row: &Row) -> Option<Timestamp> {
    row.1.map(Timestamp::from_micros)
}

fn rows() -> Stream<Row, impl Stages<Row, Out = Row>, WithWatermark> {
    Stream::<Row>::new().with_watermark(time, Span::micros(4))
}

fn one(_: bool, row: Row) -> Row {
    row
}

fn two(is_left: bool, row: Row) -> Two {
    if is_left { Either::Left(row) } else { Either::Right(row) }
}

/// Counts rows, tells of each epoch and of timers 5 after each row.
#[derive(Debug, Clone, Copy)]
struct Machine;

/// Key, rows so far, and the timer that told of them.
type Told = (u8, u32, Option<Timestamp>);

impl KeyedProcess<Row> for Machine {
    type Key = u8;
    type State = u32;
    type Output = Told;

    fn initial(&self, _key: &u8) -> u32 {
        0
    }

    fn on_row(&self, context: &mut Context<'_>, rows: &mut u32, row: &Row) {
        *rows += 1;
        if let Some(at) = context.event_time() {
            // Where there is no room for one more, the others tell.
            let _ = context.set_timer(at + Span::micros(5));
        }
        if row.2 == 5 {
            context.forget();
        }
    }

    fn on_epoch(&self, context: &mut Context<'_>, key: &u8, rows: &mut u32) -> Option<Told> {
        rows.is_multiple_of(2).then_some((*key, *rows, context.event_time()))
    }

    fn on_timer(&self, _: &mut Context<'_>, key: &u8, rows: &mut u32, timer: Timestamp) -> Option<Told> {
        Some((*key, *rows, Some(timer)))
    }
}

fn machine() -> Process<Machine, InEventTime, 3> {
    Process::in_event_time(Machine).time_to_live(Span::micros(12))
}

const POLICIES: [OnFull; 3] = [OnFull::Refuse, OnFull::Drop, OnFull::EvictOldest];

#[test]
fn deduplication_before_windows() {
    for on_full in POLICIES {
        let windows = || {
            rows()
                .drop_duplicates_by_time(|row| row.0)
                .then()
                .group_by(|row: &Row| row.0)
                .window(Tumbling::of(Span::micros(6)))
                .aggregate((count(), sum(|row: &Row| Some(f64::from(row.2)))))
        };
        cut_everywhere(&windows().append().on_full(on_full), "append", one);
        cut_everywhere(&windows().update().on_full(on_full), "update", one);
        cut_everywhere(&windows().complete().on_full(on_full), "complete", one);
    }
}

#[test]
fn stream_joins() {
    let ranges = [
        TimeRange::micros(-3, 5),
        TimeRange::micros(-9, -4),
        TimeRange::micros(2, 8),
        TimeRange::micros(0, 0),
    ];
    for range in ranges {
        for on_full in [OnFull::Drop, OnFull::EvictOldest] {
            let join = || rows().join(rows()).on(|left: &Row| left.0, |right: &Row| right.0).within(range);
            cut_everywhere(&join().full_outer().append().on_full(on_full), "full outer", two);
            let pairs = join()
                .left_outer()
                .then()
                .group_by(|pair: &(Row, Option<Row>)| (pair.0.0, pair.1.is_some()))
                .window(Session::with_gap(Span::micros(3)))
                .aggregate(count());
            cut_everywhere(&pairs.append().on_full(on_full), "sessions of a left outer join", two);
            let semi = join().left_semi().then().group_by(|left: &Row| left.0).aggregate(count());
            cut_everywhere(
                &semi.update().on_full(on_full),
                &format!("groups of a semi join in {range:?}"),
                two,
            );
        }
    }
}

#[test]
fn as_of_joins_before_windows_in_update() {
    for on_full in POLICIES {
        for tolerance in [Span::ZERO, Span::micros(7), Span::MAX] {
            let joined = || {
                rows().as_of_join(rows(), |left: &Row| left.0, |right: &Row| right.0, tolerance).left_outer()
            };
            cut_everywhere(&joined().append().on_full(on_full), "as-of join", two);
            let windows = joined()
                .then()
                .group_by(|pair: &(Row, Option<Row>)| pair.1.is_some())
                .window(Tumbling::of(Span::micros(6)))
                .aggregate(count());
            cut_everywhere(&windows.update().on_full(on_full), "windows of an as-of join", two);
        }
    }
}

#[test]
fn processes_in_chains() {
    for on_full in POLICIES {
        let process = || rows().group_by(|row: &Row| row.0).process(machine());
        cut_everywhere(&process().append().on_full(on_full), "process", one);
        let updates = || process().then().group_by(|told: &Told| told.0).aggregate(count());
        cut_everywhere(&updates().update().on_full(on_full), "groups of a process", one);
        let distinct = process()
            .then()
            .flat_map(|told: &Told| [*told, (told.0, told.1 / 2, told.2), *told])
            .drop_duplicates_within_watermark(|told: &Told| (told.0, told.1));
        cut_everywhere(&distinct.append().on_full(on_full), "deduplicated process", one);
        let behind = rows()
            .flat_map(|row: &Row| [*row, (row.0 + 1, row.1, row.2), *row])
            .drop_duplicates_within_watermark(|row: &Row| (row.0, row.2))
            .then()
            .group_by(|row: &Row| row.0)
            .process(machine());
        cut_everywhere(&behind.append().on_full(on_full), "process of deduplicated rows", one);
    }
}

#[test]
fn look_ahead_before_windows_of_rows() {
    for on_full in POLICIES {
        for (before, ahead) in [(0, 0), (4, 0), (0, 4), (6, 3)] {
            let around = || {
                rows()
                    .group_by(|row: &Row| row.0)
                    .window(LookAhead::of(Span::micros(before), Span::micros(ahead)))
                    .aggregate(count())
                    .then()
            };
            let counted = around()
                .group_by(|around| around.key)
                .window_rows(CountWindow::of(3).every(2))
                .aggregate(sum(|around: &headwater::LookAheadRow<u8, u64>| Some(around.value as f64)));
            cut_everywhere(&counted.append().on_full(on_full), "counted look-ahead", one);
            let updated = around()
                .group_by(|around| around.key)
                .window(Sliding::of(Span::micros(8), Span::micros(4)).expect("a slide"))
                .aggregate(count());
            cut_everywhere(&updated.update().on_full(on_full), "updated look-ahead", one);
        }
    }
}

#[test]
fn windows_of_windows_through_stages_that_multiply() {
    for on_full in POLICIES {
        let plan = rows()
            .group_by(|row: &Row| row.0)
            .window(Tumbling::of(Span::micros(4)))
            .aggregate(count())
            .then()
            .flat_map(|window: &WindowRow<u8, u64>| {
                [window.clone(), WindowRow { key: window.key + 3, ..window.clone() }]
            })
            .group_by(|window: &WindowRow<u8, u64>| window.key)
            .window(Sliding::of(Span::micros(12), Span::micros(4)).expect("a slide"))
            .aggregate(count());
        cut_everywhere(&plan.append().on_full(on_full), "windows of windows", one);
    }
}
