//! The engine gives what the model gives: for every shape of query, in every epoch.

use headwater::{OnFull, Timestamp};
use headwater_tests::line::sorted;
use headwater_tests::model::{Model, Offered, Tally};
use headwater_tests::properties::check;
use headwater_tests::run::{ROOMY, run, run_patiently};
use headwater_tests::script::{Call, Given, Outcome, epochs, scripts, with_willing_sinks};
use headwater_tests::shape::shapes;
use proptest::prelude::*;

#[test]
fn every_epoch_gives_what_the_model_gives() {
    check(2400, &(shapes(&[OnFull::Refuse]), scripts(0..120)), |(shape, calls)| {
        let mut calls = with_willing_sinks(&calls);
        calls.push(Call::TRIGGER);
        let trace = run(&shape, &calls, ROOMY);

        let mut expected = Model::new(shape);
        let rows: Vec<Vec<Offered>> =
            epochs(&calls).into_iter().map(|rows| rows.into_iter().map(Offered::from).collect()).collect();
        let answers = expected.run(&rows[..rows.len() - 1]);

        let mut results = trace.results().into_iter();
        let ended = trace.outcomes.iter().filter_map(|(outcome, _)| match outcome {
            Outcome::Ended(end) => Some(end),
            _ => None,
        });
        prop_assert_eq!(ended.clone().count(), answers.len());
        for (number, (end, answer)) in (1..).zip(ended.zip(&answers)) {
            prop_assert_eq!(end.epoch, number);
            prop_assert_eq!(
                end.watermark.map(Timestamp::as_micros),
                answer.watermark,
                "watermark of epoch {}",
                number
            );
            let lines = sorted(results.by_ref().take(end.emitted as usize).collect());
            prop_assert_eq!(&lines, &answer.lines, "results of epoch {}", number);
        }
        let (_, progress) = trace.outcomes.last().expect("at least one trigger");
        let tally = Tally {
            used: progress.rows.used,
            filtered: progress.rows.filtered,
            without_window: progress.rows.without_window,
            late: progress.rows.late,
            late_windows: progress.rows.late_windows,
        };
        prop_assert_eq!(tally, expected.tally);
        prop_assert_eq!(progress.rows.refused + progress.rows.dropped + progress.rows.emitted_early, 0);
        Ok(())
    });
}

#[test]
fn the_side_output_is_offered_what_is_counted_late() {
    let policies = &[OnFull::Refuse, OnFull::EvictOldest];
    check(1000, &(shapes(policies), scripts(0..80), 2_usize..40), |(shape, calls, capacity)| {
        let trace = run(&shape, &calls, capacity);
        let Some((_, progress)) = trace.outcomes.last() else { return Ok(()) };
        let (mut rows, mut windows) = (0, 0);
        for given in &trace.given {
            if let Given::Late { row, late_windows, dropped } = given {
                rows += u64::from(*dropped);
                windows += late_windows;
                prop_assert!(*late_windows > 0);
                prop_assert_eq!(*dropped, *late_windows == Model::windows_holding(&shape, row));
            }
        }
        prop_assert_eq!((rows, windows), (progress.rows.late, progress.rows.late_windows));
        Ok(())
    });
}

#[test]
fn a_sink_that_refuses_results_loses_and_repeats_none() {
    check(1200, &(shapes(&[OnFull::Refuse]), scripts(0..80), any::<u64>()), |(shape, calls, seed)| {
        let calls = with_willing_sinks(&calls);
        let mut straight = run(&shape, &calls, ROOMY);
        let mut patient = run_patiently(&shape, &calls, seed);
        for trace in [&mut straight, &mut patient] {
            for (outcome, _) in &mut trace.outcomes {
                // Counts the results of the last call alone.
                if let Outcome::Ended(end) = outcome {
                    end.emitted = 0;
                }
            }
        }
        prop_assert_eq!(straight, patient);
        Ok(())
    });
}
