//! Windows around each row against their model: with late rows, full state, restarts anywhere, sinks that refuse, and behind windows.

use std::collections::BTreeMap;

use headwater::aggregate::{Count, Sum, count, first, last, max, min, sum};
use headwater::window::{LookAhead, Tumbling};
use headwater::{LookAheadRow, LookAheadState, OnFull, QueryPlan, Span, Stream, Timestamp, WindowRow};
use headwater_tests::call_lists::{patiently, pushes, with_commits};
use headwater_tests::calls::{Answer as CallAnswer, Became, Call, Trace, check_restarts, run};
use headwater_tests::follow::follow;
use headwater_tests::model::look_ahead::{self, Around, LookAheads};
use headwater_tests::model::row::{Row, rows_of, same_results};
use headwater_tests::model::streams::{IN_TIME, streams};
use headwater_tests::model::watermark::Inputs;
use headwater_tests::properties::check;
use proptest::prelude::*;

/// Rows, sum, least, greatest, first and last number.
type Values = (u64, Option<f64>, Option<f64>, Option<f64>, Option<u32>, Option<u32>);
type Answer = LookAheadRow<Option<u8>, Values>;

fn event_time(row: &Row) -> Option<Timestamp> {
    row.at.map(Timestamp::from_micros)
}

fn answer(around: &Around, window: look_ahead::LookAhead) -> Option<Answer> {
    let at = around.row.at?;
    let values: Vec<f64> = around.rows.iter().filter_map(|row| row.value).collect();
    let [first, last] = [around.rows.first(), around.rows.last()].map(|row| row.map(|row| row.number));
    let value = (
        around.rows.len() as u64,
        (!values.is_empty()).then(|| values.iter().sum()),
        values.iter().copied().reduce(f64::min),
        values.iter().copied().reduce(f64::max),
        first,
        last,
    );
    let [at, start, end] = [at, at - window.before, at + window.ahead + 1].map(Timestamp::from_micros);
    Some(LookAheadRow { at, window: headwater::window::Window { start, end }, key: around.row.key, value })
}

#[derive(Debug, Clone, Copy)]
struct Case {
    window: look_ahead::LookAhead,
    delay: u32,
    on_full: OnFull,
}

const EVERY_POLICY: &[OnFull] = &[OnFull::Refuse, OnFull::Drop, OnFull::EvictOldest];

fn cases() -> impl Strategy<Value = Case> {
    (0_i64..15, 0_i64..15, 0_u32..12, prop::sample::select(EVERY_POLICY)).prop_map(
        |(before, ahead, delay, on_full)| Case {
            window: look_ahead::LookAhead { before, ahead },
            delay,
            on_full,
        },
    )
}

fn span(micros: i64) -> Span {
    Span::from_micros(micros).expect("not negative")
}

fn around(window: look_ahead::LookAhead) -> LookAhead {
    LookAhead::of(span(window.before), span(window.ahead))
}

impl Case {
    fn plan(&self) -> impl QueryPlan<Row = Row, Output = Answer> + use<> {
        Stream::<Row>::new()
            .with_watermark(event_time, Span::micros(self.delay))
            .group_by(|row| row.key)
            .window(around(self.window))
            .aggregate((
                count(),
                sum(|row: &Row| row.value),
                min(|row: &Row| row.value),
                max(|row: &Row| row.value),
                first(|row: &Row| row.number),
                last(|row: &Row| row.number),
            ))
            .append()
            .on_full(self.on_full)
    }

    fn run(&self, calls: &[Call<Row>], capacity: usize) -> Trace<Answer> {
        let plan = self.plan();
        run(&plan, || plan.allocate(capacity), &patiently(calls), &[]).0
    }
}

#[test]
fn every_epoch_is_the_models() {
    let inputs = (cases(), streams(1, 0..100), 1_usize..20, any::<u64>());
    check(400, &inputs, |(case, epochs, capacity, seed)| {
        let calls = with_commits(&epochs, seed, |_, row| row);
        for capacity in [capacity, 100] {
            let trace = case.run(&calls, capacity);
            let model = (Inputs::new(&[Some(case.delay.into())]), LookAheads::new(case.window));
            follow(model, &calls, &trace, |row| (0, *row), |found| answer(&found, case.window));
            let (_, end, _) = trace.steps.last().expect("there is a drain");
            prop_assert_eq!(end.state_rows, 0, "a drain empties the state");
            prop_assert!(capacity < 100 || (end.rows.refused, end.rows.dropped) == (0, 0), "there was room");
        }
        Ok(())
    });
}

#[test]
fn restarts_and_sinks_that_refuse_change_nothing() {
    check(100, &(cases(), streams(1, 0..60), any::<u64>()), |(case, epochs, seed)| {
        check_restarts::<_, 9>(&case.plan(), &with_commits(&epochs, seed, |_, row| row), seed);
        Ok(())
    });
}

#[test]
fn a_stream_in_time_gives_the_batch() {
    check(200, &(cases(), streams(1, 0..80), any::<u64>()), |(case, epochs, seed)| {
        let case = Case { delay: IN_TIME as u32, ..case };
        let rows = rows_of(&epochs, 0);
        let expected: Vec<Answer> =
            case.window.batch(&rows).iter().filter_map(|found| answer(found, case.window)).collect();
        let trace = case.run(&with_commits(&epochs, seed, |_, row| row), 80);
        prop_assert!(same_results(&expected, &trace.given), "{:?}\n{:?}", expected, trace.given);
        prop_assert!(same_results(&expected, &case.plan().batch(&rows)));
        Ok(())
    });
}

/// Behind another operator rows may come whose time is that of the watermark: windows that end there must wait for them.
#[test]
fn behind_windows_it_gives_the_batch_of_what_they_gave() {
    let inputs = (cases(), streams(1, 0..100), 1_u32..6, any::<u64>());
    check(400, &inputs, |(case, epochs, size, seed)| {
        let windows = || {
            Stream::<Row>::new()
                .with_watermark(event_time, Span::micros(case.delay))
                .group_by(|row| (row.key, row.number % 2))
                .window(Tumbling::of(Span::micros(size)))
                .aggregate(count())
        };
        type Counted = WindowRow<(Option<u8>, u32), u64>;
        let plan = windows()
            .then()
            .group_by(|row: &Counted| row.key.0)
            .window(around(case.window))
            .aggregate((count(), sum(|row: &Counted| row.value as i64)))
            .append();
        let calls = patiently(&with_commits(&epochs, seed, |_, row| row));
        let windows_alone = windows().append();
        let given = run(&windows_alone, || windows_alone.allocate(200), &calls, &[]).0.given;
        let rows: Vec<Row> = (0..)
            .zip(&given)
            .map(|(number, row)| Row {
                number,
                key: row.key.0,
                at: Some(row.window.end.as_micros() - 1),
                value: Some(row.value as f64),
            })
            .collect();
        let short = |at: i64, key, rows: u64, sum: f64| (at, key, rows, sum as i64);
        let expected: Vec<_> = case
            .window
            .batch(&rows)
            .iter()
            .map(|found| {
                let sum = found.rows.iter().filter_map(|row| row.value).sum();
                short(found.row.at.expect("windows have a time"), found.row.key, found.rows.len() as u64, sum)
            })
            .collect();
        let given: Vec<_> = run(&plan, || plan.allocate(200), &calls, &[])
            .0
            .given
            .iter()
            .map(|row| {
                short(row.at.as_micros(), row.key, row.value.0, row.value.1.expect("never empty") as f64)
            })
            .collect();
        prop_assert!(same_results(&expected, &given), "{:?}\n{:?}", expected, given);
        Ok(())
    });
}

/// Results trail the watermark by what windows reach ahead: windows behind miss none.
#[test]
fn windows_behind_it_miss_nothing() {
    check(200, &(cases(), streams(1, 0..80), any::<u64>()), |(case, epochs, seed)| {
        let plan = Stream::<Row>::new()
            .with_watermark(event_time, Span::micros(case.delay))
            .group_by(|row| row.key)
            .window(around(case.window))
            .aggregate(count())
            .then()
            .window(Tumbling::of(Span::micros(3)))
            .aggregate(sum(|row: &LookAheadRow<Option<u8>, u64>| row.value as i64))
            .append();
        let calls = with_commits(&epochs, seed, |_, row| row);
        let summed = run(&plan, || plan.allocate(100), &patiently(&calls), &[]).0.given;
        let mut expected = BTreeMap::new();
        for row in case.run(&calls, 100).given {
            *expected.entry(row.at.as_micros().div_euclid(3) * 3).or_insert(0) += row.value.0 as i64;
        }
        let expected: Vec<_> = expected.into_iter().map(|(start, sum)| (start, Some(sum))).collect();
        let summed: Vec<_> = summed.iter().map(|row| (row.window.start.as_micros(), row.value)).collect();
        prop_assert!(same_results(&expected, &summed), "{:?}\n{:?}", expected, summed);
        Ok(())
    });
}

#[test]
fn at_the_ends_of_time() {
    let plan = Stream::<Timestamp>::new()
        .with_watermark(|at| *at, Span::ZERO)
        .window(LookAhead::of(Span::MAX, Span::MAX))
        .aggregate(count())
        .append();
    let mut state = LookAheadState::<(), Count, 4>::EMPTY;
    let mut query = plan.bind(&mut state);
    let last = Timestamp::EVENT_TIME_MAX;
    for at in [Timestamp::from_micros(-last.as_micros()), Timestamp::EPOCH, Timestamp::from_secs(1), last] {
        query.push(at).expect("there is room");
    }
    let mut given = Vec::new();
    query.drain(Timestamp::EPOCH, |row| given.push(row.value)).expect("the sink takes all");
    assert_eq!((given, query.progress().state_rows), (vec![1, 2, 2, 1], 0));
}

/// A stream in order with a row each microsecond: as many records as its windows reach, and no more.
#[test]
fn rows_leave_when_no_result_to_come_needs_them() {
    for (before, ahead) in [(0, 0), (5, 0), (0, 5), (3, 7), (7, 3)] {
        let plan = Stream::<Timestamp>::new()
            .with_watermark(|at| *at, Span::ZERO)
            .window(LookAhead::of(Span::micros(before), Span::micros(ahead)))
            .aggregate((count(), sum(|at: &Timestamp| at.as_micros())))
            .append();
        let mut state = LookAheadState::<(), (Count, Sum<i64>), 16>::EMPTY;
        let mut query = plan.bind(&mut state);
        for at in 0..100 {
            query.push(Timestamp::from_micros(at)).expect("there is room");
            query.trigger(Timestamp::EPOCH, |_| ()).expect("the sink takes all");
            let held = query.progress().state_rows as i64;
            // The next result is that of the row `ahead` before the next one; the one before it leaves with the next trigger.
            let needed = (i64::from(before) + i64::from(ahead) + 1).min(at + 1);
            assert!(held <= needed, "{held} of {needed} at {at}, {before} back and {ahead} ahead");
        }
    }
}

/// A script must hold what this file is about.
#[test]
fn rows_are_late_dropped_and_refused() {
    let found = core::cell::RefCell::new([0; 5]);
    check(60, &(cases(), streams(1, 40..80), any::<u64>()), |(case, epochs, seed)| {
        let calls = with_commits(&epochs, seed, |_, row| row);
        let trace = case.run(&calls, 8);
        let kinds = [Became::Late, Became::Dropped, Became::Back, Became::WithoutWindow];
        let mut found = found.borrow_mut();
        for (count, kind) in found.iter_mut().zip(kinds) {
            *count += pushes(&calls).filter(|push| trace.became(*push) == kind).count();
        }
        found[4] += trace.count(|answer| *answer == CallAnswer::Committed);
        Ok(())
    });
    assert!(found.borrow().iter().all(|count| *count > 10), "{found:?}");
}
