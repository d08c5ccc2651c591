//! Inner joins without a range of time or without a watermark.

use headwater::{OnFull, Stream};
use headwater_tests::model::row::{Epoch, Row, rows_of, same_results};
use headwater_tests::model::stage::{Stage, Taken};
use headwater_tests::model::stream_join::{Join, Kind, LEFT, NullKeys, Pair, RIGHT, StreamJoin};
use headwater_tests::model::streams::streams;
use headwater_tests::properties::check;
use proptest::prelude::*;

use crate::drawn::{Drawn, Sent, drawn, pair_of};
use crate::expected::{ROOMY, model, same_answers};
use crate::run::{Answer, How, run_as};

/// Without a range rows match whatever their times, also rows without one.
#[test]
fn inner_joins_without_a_range_answer_as_the_model() {
    let strategy = (streams(2, 0..60), drawn(0_i64..14), any::<bool>(), any::<bool>(), any::<u64>());
    check(400, &strategy, |(epochs, drawn, watermarks, restarts, seed)| {
        let join = Join { kind: Kind::Inner, range: None, null_keys: NullKeys::MatchNothing, ..drawn.join };
        let drawn = Drawn { join, ..drawn };
        let how = How { refusing: restarts, commits: restarts, restarts, seed };
        let both = |(left, right): (Sent, Sent)| pair_of((Some(left), Some(right)));
        let mut expected = model(&drawn, &epochs, &[]);
        let (given, progress) = if watermarks {
            let joined = joined!(drawn, sides!(drawn));
            run_as(&joined.buffered(OnFull::Refuse).inner().append(), &epochs, ROOMY, how, both)
        } else {
            let join = Join { condition: drawn.join.condition, ..join };
            let mut stage = StreamJoin::new(join);
            for (epoch, answer) in epochs.iter().zip(&mut expected) {
                let given = epoch.rows.iter().map(|(input, row)| stage.take(*input, *row, None));
                let rows = given.map(|taken| match taken {
                    Taken::Given(rows) => rows,
                    Taken::Late => panic!("nothing is late without a watermark"),
                });
                *answer = Answer { results: rows.flatten().collect(), ..Answer::default() };
            }
            let joined = joined!(drawn, (Stream::<Sent>::new(), Stream::<Sent>::new()));
            run_as(&joined.buffered(OnFull::Refuse).inner().append(), &epochs, ROOMY, how, both)
        };
        same_answers(&given, &expected)?;
        prop_assert_eq!(progress.state_rows as u64, progress.rows.used, "rows stay for ever");
        Ok(())
    });
}

#[test]
fn an_inner_join_with_a_range_needs_no_watermark() {
    check(200, &(streams(2, 0..60), drawn(0_i64..14)), |(epochs, drawn)| {
        let drawn = Drawn {
            join: Join { kind: Kind::Inner, null_keys: NullKeys::MatchNothing, ..drawn.join },
            ..drawn
        };
        let timed = || Stream::<Sent>::new().with_event_time(Sent::event_time);
        let joined = joined!(drawn, (timed(), timed())).within(drawn.range()).buffered(OnFull::Refuse);
        let both = |(left, right): (Sent, Sent)| pair_of((Some(left), Some(right)));
        let (answers, _) = run_as(&joined.inner().append(), &epochs, ROOMY, How::default(), both);
        let given: Vec<Pair> = answers.into_iter().flat_map(|answer| answer.results).collect();
        let expected = drawn.join.batch(&rows_of(&epochs, LEFT), &rows_of(&epochs, RIGHT));
        prop_assert!(same_results(&expected, &given));
        Ok(())
    });
}

/// The rows of each side that the buffer holds are the ones that came last.
#[test]
fn a_buffer_without_range_forgets_the_oldest_row() {
    check(
        200,
        &(prop::collection::vec(0_u8..3, 1..40), 1_usize..6, any::<u64>()),
        |(keys, capacity, seed)| {
            let plan = Stream::<Sent>::new()
                .join(Stream::<Sent>::new())
                .on(|left| left.key, |right| right.key)
                .buffered(OnFull::EvictOldest)
                .inner()
                .append();
            let row =
                |number: usize| Row { number: number as u32, key: Some(keys[number]), at: None, value: None };
            // All left rows first, with triggers, then a right row of each key.
            let mut epochs: Vec<Epoch> =
                (0..keys.len()).map(|number| Epoch { rows: vec![(LEFT, row(number))], now: 0 }).collect();
            let right = |key: u8| {
                (RIGHT, Row { number: 100 + u32::from(key), key: Some(key), at: None, value: None })
            };
            epochs.extend((0..3).map(|key| Epoch { rows: vec![right(key)], now: 0 }));
            let how = How { refusing: true, commits: true, restarts: true, seed };
            let both = |(left, right): (Sent, Sent)| pair_of((Some(left), Some(right)));
            let (answers, _) = run_as(&plan, &epochs, capacity, how, both);
            let mut lefts: Vec<u32> = answers
                .iter()
                .flat_map(|answer| &answer.results)
                .filter_map(|pair| Some(pair.0?.number))
                .collect();
            lefts.sort_unstable();
            let last: Vec<u32> =
                (keys.len().saturating_sub(capacity)..keys.len()).map(|n| n as u32).collect();
            prop_assert_eq!(lefts, last);
            Ok(())
        },
    );
}
