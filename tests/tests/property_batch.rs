//! A stream whose rows are all in time ends with the batch answer, whatever their order and the epochs.

use headwater::{OnFull, OutputMode};
use headwater_tests::line::{Line, sorted};
use headwater_tests::model::Model;
use headwater_tests::properties::check;
use headwater_tests::reading::{Reading, readings};
use headwater_tests::run::{ROOMY, batch, run};
use headwater_tests::script::{Call, LONG_DELAY, Outcome, flush, rows_of, scripts, with_willing_sinks};
use headwater_tests::shape::{Shape, Windows, shapes};
use proptest::prelude::*;

/// The result table that a reader of updates holds in the end: a result replaces those of the same group, and of the sessions that
/// it took in.
fn table_after(updates: Vec<Line>) -> Vec<Line> {
    let mut table: Vec<Line> = Vec::new();
    for line in updates {
        table.retain(|old| !replaces(&line, old));
        table.push(line);
    }
    table
}

fn replaces(line: &Line, old: &Line) -> bool {
    let inside = match (line.window, old.window) {
        (Some((start, end)), Some((old_start, old_end))) => start <= old_start && old_end <= end,
        _ => true,
    };
    line.device == old.device && inside
}

#[test]
fn a_stream_in_time_ends_with_the_batch_answer() {
    check(2000, &(shapes(&[OnFull::Refuse]), scripts(0..120)), |(shape, calls)| {
        let shape = Shape { delay: LONG_DELAY, initial: None, ..shape };
        let mut calls = with_willing_sinks(&calls);
        let rows = rows_of(&calls);
        calls.push(Call::TRIGGER);
        if shape.mode == OutputMode::Append {
            calls.extend(flush());
        }
        let trace = run(&shape, &calls, ROOMY);
        let results = trace.results();
        let table = match shape.mode {
            OutputMode::Append => results,
            OutputMode::Update => table_after(results),
            OutputMode::Complete => {
                let last = trace.outcomes.last().map(|(outcome, _)| *outcome);
                let Some(Outcome::Ended(end)) = last else { panic!("the last call is a trigger") };
                results[results.len() - end.emitted as usize..].to_vec()
            }
        };
        let expected = sorted(batch(&shape, &rows));
        prop_assert_eq!(sorted(table), expected);
        Ok(())
    });
}

#[test]
fn the_batch_answer_is_the_models() {
    check(
        400,
        &(shapes(&[OnFull::Refuse, OnFull::Drop, OnFull::EvictOldest]), readings(0..120)),
        |(shape, rows)| {
            prop_assert_eq!(sorted(batch(&shape, &rows)), Model::batch(&shape, &rows));
            Ok(())
        },
    );
}

#[test]
fn order_changes_only_what_came_first_and_last() {
    let shuffled = readings(0..80).prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle()));
    check(800, &(shapes(&[OnFull::Refuse]), shuffled), |(shape, (rows, shuffled))| {
        let without_order = |rows: &[Reading]| {
            let mut lines = batch(&shape, rows);
            for line in &mut lines {
                (line.values.first, line.values.last) = (None, None);
            }
            sorted(lines)
        };
        prop_assert_eq!(without_order(&rows), without_order(&shuffled));
        Ok(())
    });
}

#[test]
fn append_gives_the_batch_in_order_of_window_ends() {
    check(800, &(shapes(&[OnFull::Refuse]), readings(0..80)), |(shape, rows)| {
        let shape = match shape.windows {
            Windows::None => return Ok(()),
            _ => Shape { mode: OutputMode::Append, ..shape },
        };
        let ends: Vec<_> =
            batch(&shape, &rows).iter().filter_map(|line| line.window.map(|(_, end)| end)).collect();
        prop_assert!(ends.is_sorted(), "{:?}", ends);
        Ok(())
    });
}
