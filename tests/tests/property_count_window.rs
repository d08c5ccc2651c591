//! Count windows answer as their model does.

use core::cell::Cell;

use headwater::aggregate::{Collected, collect, count, sum};
use headwater::window::CountWindow;
use headwater::{CountWindowRow, OnFull, QueryPlan, Span, Stream, Timestamp};
use headwater_tests::model::count_window::{self, CountWindows, Counted};
use headwater_tests::model::row::Row;
use headwater_tests::model::streams::streams;
use headwater_tests::properties::check;
use headwater_tests::stepped::holds;
use proptest::prelude::*;

fn at(row: &Row) -> Option<Timestamp> {
    row.at.map(Timestamp::from_micros)
}

type Given = CountWindowRow<Option<u8>, (u64, Option<f64>, Collected<u32, 8>)>;

fn expected(window: &Counted, step: usize) -> Given {
    let sum = window.rows.iter().filter_map(|row| row.value).reduce(|sum, value| sum + value);
    let values = window.rows.iter().map(|row| row.number).collect();
    let first_row = (window.index * step) as u64;
    CountWindowRow {
        first_row,
        last_row: first_row + window.rows.len() as u64 - 1,
        first_at: window.rows.first().and_then(at),
        last_at: window.rows.last().and_then(at),
        key: window.key,
        value: (window.rows.len() as u64, sum, Collected { values, left_out: 0 }),
    }
}

#[test]
fn answers_as_the_model_whatever_comes_between() {
    let counts = [const { Cell::new(0) }; 3];
    let policies = prop::sample::select(vec![OnFull::Refuse, OnFull::Drop, OnFull::EvictOldest]);
    let inputs =
        ((1_usize..8, 1_usize..8, policies, prop::bool::ANY), streams(1, 0..60), 0_i64..25, any::<u64>());
    check(300, &inputs, |((rows, step, on_full, update), epochs, delay, seed)| {
        let window = CountWindow::of(rows as u32).every(step as u32);
        let results = Stream::<Row>::new()
            .with_watermark(at, Span::from_micros(delay).expect("not negative"))
            .group_by(|row| row.key)
            .window_rows(window)
            .aggregate((count(), sum(|row: &Row| row.value), collect::<8, _, _, _>(|row: &Row| row.number)));
        let plan = if update { results.update() } else { results.append() }.on_full(on_full);
        let model = || CountWindows::new(count_window::CountWindow { rows, step });
        let [roomy, narrow] =
            holds(&plan, delay, &epochs, seed, model, |window: &Counted| expected(window, step))?;
        // A key never needs more panes than the window says: four keys and null.
        let panes = window.panes_max() as usize * 5;
        prop_assert!(roomy.epochs.iter().all(|epoch| epoch.state_rows <= panes));
        let last = roomy.progress.map(|progress| progress.rows).unwrap_or_default();
        let seen = [last.emitted, last.without_window, narrow.without_room().len() as u64];
        for (count, seen) in counts.iter().zip(seen) {
            count.set(count.get() + seen);
        }
        Ok(())
    });
    assert!(counts.iter().all(|count| count.get() > 300), "results, left out, without room: {counts:?}");
}

/// Each window of a key that has only just as many panes as the window says.
#[test]
fn one_key_needs_no_more_than_its_panes() {
    for (rows, step) in [(1, 1), (4, 4), (4, 1), (4, 2), (6, 4), (5, 3), (2, 5), (12, 8)] {
        let window = CountWindow::of(rows).every(step);
        let plan = Stream::<u32>::new().window_rows(window).aggregate(sum(|row: &u32| *row)).append();
        let mut state = plan.allocate(window.panes_max() as usize);
        let mut query = plan.bind(&mut state);
        let mut windows = Vec::new();
        for row in 0..40 {
            query.push_to(row, |window| windows.push((window.first_row, window.value))).expect("room");
        }
        let sum_of = |first: u32| (u64::from(first), Some(i64::from((first..first + rows).sum::<u32>())));
        let expected: Vec<_> = (0..=40 - rows).step_by(step as usize).map(sum_of).collect();
        assert_eq!(windows, expected, "{rows} rows every {step}");
    }
}
