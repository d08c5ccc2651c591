//! Windows that rows open and close answer as their model does.

use core::cell::Cell;

use headwater::aggregate::{Collected, collect, count, sum};
use headwater::window::StateWindow;
use headwater::{OnFull, Span, StateWindowRow, Stream, Timestamp};
use headwater_tests::model::row::Row;
use headwater_tests::model::state_window::{self, Closed, StateWindows};
use headwater_tests::model::streams::streams;
use headwater_tests::properties::check;
use headwater_tests::stepped::holds;
use proptest::prelude::*;

fn at(row: &Row) -> Option<Timestamp> {
    row.at.map(Timestamp::from_micros)
}

type Given = StateWindowRow<Option<u8>, (u64, Option<f64>, Collected<u32, 64>)>;

fn expected(window: &Closed) -> Given {
    let (opened_at, closed_at) = window.span();
    let sum = window.rows.iter().filter_map(|row| row.value).reduce(|sum, value| sum + value);
    let values = window.rows.iter().map(|row| row.number).collect();
    StateWindowRow {
        opened_at: opened_at.map(Timestamp::from_micros),
        closed_at: closed_at.map(Timestamp::from_micros),
        key: window.key,
        value: (window.rows.len() as u64, sum, Collected { values, left_out: 0 }),
    }
}

#[test]
fn answers_as_the_model_whatever_comes_between() {
    let counts = [const { Cell::new(0) }; 3];
    let policies = prop::sample::select(vec![OnFull::Refuse, OnFull::Drop, OnFull::EvictOldest]);
    // The second kind has windows of a single row, which it opens and closes.
    let predicates: [(fn(&Row) -> bool, fn(&Row) -> bool); 2] = [
        (|row| row.value > Some(2.0), |row| row.value < Some(-4.0)),
        (|row| row.value > Some(0.0), |row| row.value > Some(4.0)),
    ];
    let predicates = prop::sample::select(predicates.to_vec());
    let inputs = ((predicates, policies, prop::bool::ANY), streams(1, 0..60), 0_i64..25, any::<u64>());
    check(300, &inputs, |(((opens, closes), on_full, update), epochs, delay, seed)| {
        let results = Stream::<Row>::new()
            .with_watermark(at, Span::from_micros(delay).expect("not negative"))
            .group_by(|row| row.key)
            .window_rows(StateWindow::new(opens, closes))
            .aggregate((count(), sum(|row: &Row| row.value), collect::<64, _, _, _>(|row: &Row| row.number)));
        let plan = if update { results.update() } else { results.append() }.on_full(on_full);
        let model = || StateWindows::new(state_window::StateWindow { opens, closes });
        let [roomy, narrow] = holds(&plan, delay, &epochs, seed, model, expected)?;
        let rows = roomy.progress.map(|progress| progress.rows).unwrap_or_default();
        let seen = [rows.emitted, rows.without_window, narrow.without_room().len() as u64];
        for (count, seen) in counts.iter().zip(seen) {
            count.set(count.get() + seen);
        }
        Ok(())
    });
    assert!(counts.iter().all(|count| count.get() > 100), "results, outside, without room: {counts:?}");
}
