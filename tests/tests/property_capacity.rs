//! Full state: what is counted, dropped, handed back or given out early, and that nothing accepted is lost.

use headwater::{OnFull, OutputMode, Progress, Timestamp};
use headwater_tests::line::{Line, Values, sorted};
use headwater_tests::model::{Model, Offered, Room};
use headwater_tests::properties::check;
use headwater_tests::reading::{Reading, Removed};
use headwater_tests::run::{batch, run};
use headwater_tests::script::{
    Call, Given, LONG_DELAY, Outcome, Trace, flush, rows_of, scripts, with_willing_sinks,
};
use headwater_tests::shape::{Shape, Windows, shapes};
use proptest::prelude::*;

const EVERY_POLICY: &[OnFull] = &[OnFull::Refuse, OnFull::Drop, OnFull::EvictOldest];

#[test]
fn every_row_and_every_result_is_counted() {
    check(2400, &(shapes(EVERY_POLICY), scripts(0..100), 1_usize..12), |(shape, calls, capacity)| {
        // That the counts add up is asserted after each call.
        let trace = run(&shape, &calls, capacity);
        let Some((_, progress)) = trace.outcomes.last() else { return Ok(()) };
        let rows = progress.rows;
        let given = |kind: fn(&Given) -> bool| trace.given.iter().filter(|given| kind(given)).count() as u64;
        prop_assert_eq!(rows.rows_in, rows_of(&calls).len() as u64);
        prop_assert_eq!(rows.refused, (trace.count(Outcome::Full) + trace.count(Outcome::Unfinished)) as u64);
        prop_assert_eq!(rows.dropped, given(|given| matches!(given, Given::Dropped(_))));
        prop_assert_eq!(rows.emitted, given(|given| given.line().is_some()));
        prop_assert_eq!(rows.emitted_early, given(|given| matches!(given, Given::Early(_))));
        prop_assert!(
            trace.outcomes.iter().all(|(_, progress)| progress.state_rows <= progress.state_capacity)
        );
        Ok(())
    });
}

/// What happened to each row of a script, and the epochs they were in.
fn offered(calls: &[Call], trace: &Trace) -> Vec<Vec<Offered>> {
    let mut epochs = vec![Vec::new()];
    let mut dropped = 0;
    for (call, (outcome, progress)) in calls.iter().zip(&trace.outcomes) {
        match call {
            Call::Push(reading) => {
                let room = match outcome {
                    Outcome::Unfinished => Room::NotOffered,
                    Outcome::Full => Room::None,
                    _ if progress.rows.dropped > dropped => Room::None,
                    _ => Room::Found,
                };
                dropped = progress.rows.dropped;
                epochs.last_mut().expect("there is one").push(Offered { reading: *reading, room });
            }
            Call::Trigger { .. } => epochs.push(Vec::new()),
            Call::Commit => {}
        }
    }
    epochs
}

/// Whether the query has an oldest record to give out; if not, `EvictOldest` refuses.
fn can_evict(shape: &Shape) -> bool {
    shape.mode == OutputMode::Append && shape.windows != Windows::None
}

#[test]
fn rows_without_room_change_nothing_else() {
    check(2000, &(shapes(EVERY_POLICY), scripts(0..100), 1_usize..12), |(shape, calls, capacity)| {
        if shape.on_full == OnFull::EvictOldest && can_evict(&shape) {
            return Ok(());
        }
        let mut calls = with_willing_sinks(&calls);
        calls.push(Call::TRIGGER);
        let trace = run(&shape, &calls, capacity);
        let offered = offered(&calls, &trace);
        let answers = Model::new(shape).run(&offered[..offered.len() - 1]);
        let mut results = trace.results().into_iter();
        let ended = trace.outcomes.iter().filter_map(|(outcome, _)| match outcome {
            Outcome::Ended(end) => Some(end),
            _ => None,
        });
        for (end, answer) in ended.zip(answers) {
            prop_assert_eq!(end.watermark.map(Timestamp::as_micros), answer.watermark);
            let lines = sorted(results.by_ref().take(end.emitted as usize).collect());
            prop_assert_eq!(lines, answer.lines, "results of epoch {}", end.epoch);
        }
        Ok(())
    });
}

#[test]
fn a_row_handed_back_only_moves_the_watermark() {
    check(1600, &(shapes(&[OnFull::Refuse]), scripts(0..100), 1_usize..8), |(shape, calls, capacity)| {
        let trace = run(&shape, &calls, capacity);
        // The same without the rows handed back: a filter removes them after the watermark, or they never come.
        let instead = |(call, (outcome, _)): (&Call, &(Outcome, Progress))| match (call, outcome) {
            (Call::Push(row), Outcome::Full) => {
                Some(Call::Push(Reading { removed: Removed::AfterWatermark, ..*row }))
            }
            (_, Outcome::Unfinished) => None,
            _ => Some(*call),
        };
        let taken: Vec<Call> = calls.iter().zip(&trace.outcomes).filter_map(instead).collect();
        let without = run(&shape, &taken, capacity);
        prop_assert_eq!(&trace.given, &without.given);
        let offered = trace.outcomes.iter().filter(|(outcome, _)| *outcome != Outcome::Unfinished);
        for ((outcome, mut progress), (expected, mut without)) in offered.copied().zip(without.outcomes) {
            let outcome = if outcome == Outcome::Full { Outcome::Taken } else { outcome };
            for rows in [&mut progress.rows, &mut without.rows] {
                (rows.rows_in, rows.refused, rows.filtered) = (0, 0, 0);
            }
            prop_assert_eq!((outcome, progress), (expected, without));
        }
        Ok(())
    });
}

/// Joins the parts of each window, or of sessions that touch.
fn joined(windows: Windows, mut parts: Vec<Line>) -> Vec<Line> {
    let mut whole: Vec<Line> = Vec::new();
    while let Some(mut line) = parts.pop() {
        while let Some(other) = parts.iter().position(|other| belong_together(windows, &line, other)) {
            line = join(&line, &parts.remove(other));
        }
        whole.push(line);
    }
    sorted(whole)
}

fn belong_together(windows: Windows, one: &Line, other: &Line) -> bool {
    let ((start, end), (other_start, other_end)) =
        (one.window.expect("queries with windows"), other.window.expect("queries with windows"));
    let together = match windows {
        Windows::Session { .. } | Windows::SessionPerRow => start <= other_end && other_start <= end,
        _ => start == other_start,
    };
    one.device == other.device && together
}

fn either(one: Option<f64>, other: Option<f64>, both: fn(f64, f64) -> f64) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(both(one, other)),
        (one, other) => one.or(other),
    }
}

/// Without what depends on the order of arrival.
fn join(one: &Line, other: &Line) -> Line {
    let ((start, end), (other_start, other_end)) =
        (one.window.expect("queries with windows"), other.window.expect("queries with windows"));
    let (left, right) = (&one.values, &other.values);
    let non_null = left.non_null + right.non_null;
    let sum = either(left.sum, right.sum, |left, right| left + right);
    let values = Values {
        rows: left.rows + right.rows,
        non_null,
        sum,
        mean: sum.map(|sum| sum / non_null as f64),
        min: either(left.min, right.min, f64::min),
        max: either(left.max, right.max, f64::max),
        first: None,
        last: None,
    };
    Line {
        window: Some((start.min(other_start), end.max(other_end))),
        device: one.device,
        values,
        early: false,
    }
}

fn without_order(mut lines: Vec<Line>) -> Vec<Line> {
    for line in &mut lines {
        line.early = false;
        (line.values.first, line.values.last) = (None, None);
    }
    sorted(lines)
}

#[test]
fn eviction_splits_windows_and_loses_nothing() {
    check(
        2000,
        &(shapes(&[OnFull::EvictOldest]), scripts(0..100), 1_usize..10),
        |(shape, calls, capacity)| {
            let shape = Shape { mode: OutputMode::Append, delay: LONG_DELAY, initial: None, ..shape };
            if matches!(shape.windows, Windows::Sliding { .. } | Windows::None) {
                return Ok(());
            }
            let mut calls = with_willing_sinks(&calls);
            let rows = rows_of(&calls);
            calls.extend(flush());
            let trace = run(&shape, &calls, capacity);
            prop_assert_eq!(trace.count(Outcome::Full), 0);
            let whole = joined(shape.windows, trace.results());
            prop_assert_eq!(without_order(whole), without_order(batch(&shape, &rows)));
            Ok(())
        },
    );
}

#[test]
fn eviction_from_sliding_windows_counts_what_a_row_missed() {
    check(
        500,
        &(shapes(&[OnFull::EvictOldest]), scripts(0..100), 1_usize..10),
        |(shape, calls, capacity)| {
            if !matches!(shape.windows, Windows::Sliding { .. }) {
                return Ok(());
            }
            let shape = Shape { mode: OutputMode::Append, ..shape };
            let mut calls = with_willing_sinks(&calls);
            calls.extend(flush());
            let trace = run(&shape, &calls, capacity);
            prop_assert_eq!(trace.count(Outcome::Full), 0);
            let (_, progress) = trace.outcomes.last().expect("a trigger");
            prop_assert_eq!(progress.state_rows, 0);
            // Each row is in each of its windows, once, unless it is counted as late for it.
            let pairs: u64 = rows_of(&calls).iter().map(|row| Model::windows_holding(&shape, row)).sum();
            let counted: u64 = trace.results().iter().map(|line| line.values.rows).sum();
            prop_assert_eq!(counted + progress.rows.late_windows, pairs);
            // And no window has more rows than in the batch.
            let batch = batch(&shape, &rows_of(&calls));
            let lines = trace.results();
            for whole in &batch {
                let same =
                    lines.iter().filter(|line| (line.window, line.device) == (whole.window, whole.device));
                prop_assert!(same.map(|line| line.values.rows).sum::<u64>() <= whole.values.rows);
            }
            Ok(())
        },
    );
}

#[test]
fn windows_that_are_never_late_are_only_split_where_they_left_early() {
    check(
        1200,
        &(shapes(&[OnFull::EvictOldest]), scripts(0..60), 2_usize..10),
        |(shape, calls, capacity)| {
            if !matches!(shape.windows, Windows::Sliding { .. } | Windows::Tumbling { .. }) {
                return Ok(());
            }
            let shape = Shape { mode: OutputMode::Append, ..shape };
            let trace = run(&shape, &with_willing_sinks(&calls), capacity);
            let lines = trace.results();
            for (number, line) in lines.iter().enumerate() {
                let again = lines[number + 1..]
                    .iter()
                    .find(|other| (other.window, other.device) == (line.window, line.device));
                prop_assert!(line.early || again.is_none(), "{:?} came again as {:?}", line, again);
            }
            Ok(())
        },
    );
}

#[test]
fn without_a_place_for_early_windows_the_row_comes_back() {
    use headwater::aggregate::{Count, count};
    use headwater::window::Tumbling;
    use headwater::{PushError, QueryPlan, Span, Stream, WindowState};
    let plan = Stream::<Reading>::new()
        .with_watermark(Reading::event_time, Span::ZERO)
        .group_by(|row| row.device)
        .window(Tumbling::of(Span::micros(10)))
        .aggregate((count(),))
        .append()
        .on_full(OnFull::EvictOldest);
    let mut state = WindowState::<u8, (Count,), 1>::EMPTY;
    let mut query = plan.bind(&mut state);
    let row = |at| Reading { device: 1, at: Some(at), value: None, gap: 1, removed: Removed::No };
    query.push(row(1)).expect("there is room for one window");
    assert_eq!(query.push(row(11)), Err(PushError::Full(row(11))));
    query.push(row(2)).expect("the window is still there");
    assert_eq!(query.progress().rows.refused, 1);
    assert_eq!(
        query.progress().event_time_max,
        Some(Timestamp::from_micros(11)),
        "so that a trigger makes room"
    );
}
