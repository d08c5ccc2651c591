//! Windows over the results of a join, against the models of both.

use headwater::aggregate::count;
use headwater::window::Tumbling;
use headwater::{OnFull, Span, WindowRow};
use headwater_tests::model::append_window::{AppendWindows, Filled, Grid, Placed};
use headwater_tests::model::chain::Chain;
use headwater_tests::model::row::{Row, same_results};
use headwater_tests::model::stage::Running;
use headwater_tests::model::stream_join::{Pair, StreamJoin};
use headwater_tests::model::streams::streams;
use headwater_tests::properties::check;
use proptest::prelude::*;

use crate::drawn::{Given, drawn};
use crate::run::{How, run_as};

/// Key, start of the window, rows in it.
type Counted = (Option<u8>, i64, u64);

fn counted(window: WindowRow<Option<u8>, u64>) -> Counted {
    (window.key, window.window.start.as_micros(), window.value)
}

fn counted_by_model(windows: &[Filled<Pair>]) -> Vec<Counted> {
    windows.iter().map(|window| (window.key, window.window.0, window.rows.len() as u64)).collect()
}

/// A result has the event time of its left row, or else of its right row.
fn placed(pair: Pair) -> Option<Placed<Pair>> {
    let row: Row = pair.0.or(pair.1)?;
    Some(Placed { key: row.key, at: row.at, row: pair })
}

#[test]
fn join_and_window_answer_as_the_models() {
    let strategy = (streams(2, 0..80), drawn(0_i64..10), 1_u32..20, any::<bool>(), any::<u64>());
    check(800, &strategy, |(epochs, drawn, size, restarts, seed)| {
        let key = |(left, right): &Given| left.or(*right).and_then(|row| row.key);
        let plan = ranged!(drawn)
            .kind(drawn.join_type())
            .then()
            .group_by(key)
            .window(Tumbling::of(Span::micros(size)))
            .aggregate(count())
            .append()
            .on_full(OnFull::Refuse);
        let how = How { refusing: restarts, commits: restarts, restarts, seed };
        let (answers, progress) = run_as(&plan, &epochs, 200, how, counted);
        prop_assert_eq!(progress.state_rows, 0);

        let windows = AppendWindows::new(Grid::tumbling(i64::from(size)));
        let chain = Chain::new(StreamJoin::new(drawn.join), placed, windows);
        let mut running = Running::new(drawn.inputs(), chain);
        let (last, answers) = answers.split_last().expect("a drain");
        for (epoch, answer) in epochs.iter().zip(answers) {
            let expected = running.epoch(epoch);
            let windows = counted_by_model(&expected.results);
            prop_assert!(same_results(&windows, &answer.results), "{:?}\n{:?}", windows, answer.results);
            prop_assert_eq!(answer.watermark, expected.watermark);
            prop_assert_eq!(&answer.late, &expected.late);
        }
        let windows = counted_by_model(&running.drain());
        prop_assert!(same_results(&windows, &last.results), "at the end: {:?}\n{:?}", windows, last.results);
        Ok(())
    });
}
