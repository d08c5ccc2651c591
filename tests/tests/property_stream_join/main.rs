//! The join of two streams against its model: every kind of join, whatever the order of rows, the sinks, the restarts and the room.

#[macro_use]
mod drawn;
mod chain;
mod expected;
mod full;
mod kinds;
mod run;
mod state;
mod unranged;

use headwater::{OnFull, QueryPlan};
use headwater_tests::model::row::{rows_of, same_results};
use headwater_tests::model::stream_join::{LEFT, Pair, RIGHT};
use headwater_tests::model::streams::{IN_TIME, streams};
use headwater_tests::properties::check;
use proptest::prelude::*;

use drawn::{Pushed, drawn, pair_of, plan};
use expected::{ROOMY, model, same_answers};
use run::{Call, How, calls, run};

#[test]
fn every_kind_answers_as_the_model() {
    check(1200, &(streams(2, 0..80), drawn(0_i64..14), any::<bool>(), any::<u64>()), |drawn| {
        let (epochs, drawn, refusing, seed) = drawn;
        let how = How { refusing, seed, ..How::default() };
        let (answers, progress) = run(&drawn, OnFull::Refuse, &epochs, ROOMY, how);
        same_answers(&answers, &model(&drawn, &epochs, &[]))?;
        prop_assert_eq!(progress.state_rows, 0, "a drain empties the state");
        let given: usize = answers.iter().map(|answer| answer.results.len()).sum();
        prop_assert_eq!(progress.rows.emitted, given as u64);
        Ok(())
    });
}

#[test]
fn a_restart_anywhere_changes_nothing() {
    check(500, &(streams(2, 0..60), drawn(0_i64..14), any::<bool>(), any::<u64>()), |drawn| {
        let (epochs, drawn, refusing, seed) = drawn;
        let how = How { refusing, commits: true, restarts: true, seed };
        let (answers, progress) = run(&drawn, OnFull::Refuse, &epochs, ROOMY, how);
        same_answers(&answers, &model(&drawn, &epochs, &[]))?;
        let (in_one_go, straight) = run(&drawn, OnFull::Refuse, &epochs, ROOMY, How::default());
        prop_assert_eq!(progress, straight);
        prop_assert_eq!(answers, in_one_go);
        Ok(())
    });
}

#[test]
fn a_stream_in_time_gives_the_batch() {
    check(400, &(streams(2, 0..60), drawn(Just(IN_TIME))), |(epochs, drawn)| {
        let (lefts, rights) = (rows_of(&epochs, LEFT), rows_of(&epochs, RIGHT));
        let expected = drawn.join.batch(&lefts, &rights);
        let (answers, _) = run(&drawn, OnFull::Refuse, &epochs, ROOMY, How::default());
        let given: Vec<Pair> = answers.into_iter().flat_map(|answer| answer.results).collect();
        prop_assert!(same_results(&expected, &given), "{:?}\n{:?}", expected, given);
        let calls = calls(&epochs);
        let rows: Vec<Pushed> = calls
            .iter()
            .filter_map(|call| match call {
                Call::Push(row) => Some(*row),
                Call::Trigger(_) => None,
            })
            .collect();
        let batch: Vec<Pair> = plan(&drawn, OnFull::Refuse).batch(&rows).into_iter().map(pair_of).collect();
        prop_assert!(same_results(&expected, &batch), "{:?}\n{:?}", expected, batch);
        Ok(())
    });
}
