//! What the model answers.

use headwater_tests::model::row::{Epoch, Row, same_results};
use headwater_tests::model::stage::{Moved, Stage, Taken};
use headwater_tests::model::stream_join::{Pair, StreamJoin};
use proptest::prelude::*;

use crate::drawn::Drawn;
use crate::run::Answer;

/// More rows than any stream here has.
pub const ROOMY: usize = 100;

/// What the model answers, epoch by epoch and at the end, if the rows `absent` found no room: they move the watermark and do nothing else.
pub fn model(drawn: &Drawn, epochs: &[Epoch], absent: &[Row]) -> Vec<Answer<Pair>> {
    let mut inputs = drawn.inputs();
    let mut stage = StreamJoin::new(drawn.join);
    let mut answers = Vec::new();
    for epoch in epochs {
        let from = inputs.watermark();
        let mut answer = Answer::default();
        for (input, row) in &epoch.rows {
            inputs.see(*input, stage.moves_watermark(*input, row));
            if absent.contains(row) {
                continue;
            }
            match stage.take(*input, *row, from) {
                Taken::Late => answer.late.push(*row),
                Taken::Given(given) => answer.results.extend(given),
            }
        }
        let to = inputs.end_epoch(epoch.now);
        answer.results.extend(stage.close(Moved { from, to }, epoch.now));
        answer.watermark = to;
        answers.push(answer);
    }
    let end = Moved { from: inputs.watermark(), to: Some(i64::MAX / 4) };
    answers.push(Answer { results: stage.close(end, 0), ..Answer::default() });
    answers
}

/// That each epoch's results, late rows and watermark are the model's. Rows without room are the engine's own affair.
pub fn same_answers(given: &[Answer<Pair>], expected: &[Answer<Pair>]) -> Result<(), TestCaseError> {
    prop_assert_eq!(given.len(), expected.len());
    let last = expected.len().saturating_sub(1);
    for (number, (given, expected)) in given.iter().zip(expected).enumerate() {
        prop_assert!(
            same_results(&expected.results, &given.results),
            "epoch {}: expected {:?}\ngiven {:?}",
            number,
            expected.results,
            given.results
        );
        prop_assert_eq!(&given.late, &expected.late, "late in epoch {}", number);
        // A drain goes only as far as it must.
        if number < last {
            prop_assert_eq!(given.watermark, expected.watermark, "watermark after epoch {}", number);
        }
    }
    Ok(())
}
