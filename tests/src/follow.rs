//! A model that follows an engine: it is told which rows had no room, and must answer the same in everything else.

use core::fmt::Debug;

use headwater::Timestamp;

use crate::calls::{Became, Call, Trace};
use crate::model::row::{Row, missing_and_extra};
use crate::model::stage::{Moved, Stage, Taken};
use crate::model::watermark::Inputs;

/// Checks a trace against a model that is told which rows had no room: what became of each row, the results of each epoch, and the
/// watermark after it. `of` tells the input and the row of a pushed row, `expected` a result.
///
/// # Panics
/// If they differ.
pub fn follow<R, S, O>(
    (mut inputs, mut stage): (Inputs, S),
    calls: &[Call<R>],
    trace: &Trace<O>,
    of: impl Fn(&R) -> (usize, Row),
    expected: impl Fn(S::Out) -> Option<O>,
) where
    S: Stage<In = Row>,
    O: PartialEq + Clone + Debug,
{
    let (mut results, mut given_before) = (Vec::new(), 0);
    for (number, (call, (_, progress, _))) in calls.iter().zip(&trace.steps).enumerate() {
        let from = inputs.watermark();
        let to = match call {
            Call::Push(row, _) | Call::PushPatiently(row) => {
                let became = trace.became(number);
                let (input, row) = of(row);
                inputs.see(input, stage.moves_watermark(input, &row));
                if matches!(became, Became::Back | Became::Dropped) {
                    continue;
                }
                let late = match stage.take(input, row, from) {
                    Taken::Late => true,
                    Taken::Given(given) => {
                        results.extend(given.into_iter().filter_map(&expected));
                        false
                    }
                };
                assert_eq!(became == Became::Late, late, "call {number}: {row:?} became {became:?}");
                continue;
            }
            Call::Commit => continue,
            Call::Trigger(now, _) | Call::Patiently(now) => {
                results.extend(stage.end_of_rows().into_iter().filter_map(&expected));
                let to = inputs.end_epoch(*now);
                assert_eq!(progress.watermark.map(Timestamp::as_micros), to, "watermark after call {number}");
                to
            }
            Call::Drain | Call::DrainPatiently => Some(i64::MAX / 4),
        };
        results.extend(stage.close(Moved { from, to }, 0).into_iter().filter_map(&expected));
        let given = progress.rows.emitted as usize;
        let of_epoch = &trace.given[given_before..given];
        let (missing, extra) = missing_and_extra(&results, of_epoch, O::eq);
        assert!(
            missing.is_empty() && extra.is_empty(),
            "results of call {number}: missing {missing:?}, extra {extra:?}"
        );
        (results, given_before) = (Vec::new(), given);
    }
}
