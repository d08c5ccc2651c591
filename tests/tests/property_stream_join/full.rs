//! Full state: rows without room change nothing else, and eviction loses no more than it must.

use headwater::{Either, OnFull, PushError, Query, QueryPlan, Timestamp};
use headwater_tests::model::row::{Row, rows_of};
use headwater_tests::model::stream_join::{Join, Kind, LEFT, NullKeys, Pair, RIGHT, Timeless};
use headwater_tests::model::streams::streams;
use headwater_tests::model::watermark::Policy;
use headwater_tests::properties::check;
use proptest::prelude::*;

use crate::drawn::{Drawn, Pushed, Sent, always, drawn, pair_of, plan, sent};
use crate::expected::{model, same_answers};
use crate::run::{Answer, How, Recorder, run};

#[test]
fn rows_without_room_do_nothing_but_move_the_watermark() {
    let policies = prop::sample::select(vec![OnFull::Refuse, OnFull::Drop]);
    let strategy = (streams(2, 0..80), drawn(0_i64..14), policies, 1_usize..8, any::<bool>(), any::<u64>());
    check(800, &strategy, |(epochs, drawn, on_full, capacity, restarts, seed)| {
        let how = How { refusing: restarts, commits: restarts, restarts, seed };
        let (answers, progress) = run(&drawn, on_full, &epochs, capacity, how);
        let of = |rows: fn(&Answer<Pair>) -> &Vec<Row>| {
            answers.iter().flat_map(move |answer| rows(answer).clone())
        };
        let (dropped, refused): (Vec<Row>, Vec<Row>) =
            (of(|answer| &answer.dropped).collect(), of(|answer| &answer.refused).collect());
        prop_assert_eq!(progress.rows.dropped, dropped.len() as u64);
        prop_assert_eq!(progress.rows.refused, refused.len() as u64);
        let of_the_other_policy = if on_full == OnFull::Drop { &refused } else { &dropped };
        prop_assert_eq!(of_the_other_policy, &vec![]);
        same_answers(&answers, &model(&drawn, &epochs, &[dropped, refused].concat()))
    });
}

/// A row that leaves early takes its later matches with it, and nothing else goes wrong.
#[test]
fn eviction_loses_only_matches_of_what_left() {
    let strategy = (streams(2, 0..80), drawn(0_i64..14), 1_usize..8, any::<bool>(), any::<u64>());
    check(800, &strategy, |(epochs, drawn, capacity, restarts, seed)| {
        let how = How { refusing: restarts, commits: restarts, restarts, seed };
        let (answers, progress) = run(&drawn, OnFull::EvictOldest, &epochs, capacity, how);
        let late: Vec<Row> = answers.iter().flat_map(|answer| answer.late.clone()).collect();
        let refused: Vec<Row> = answers.iter().flat_map(|answer| answer.refused.clone()).collect();
        let early: Vec<Pair> = answers.iter().flat_map(|answer| answer.early.clone()).collect();
        let mut given: Vec<Pair> = answers.iter().flat_map(|answer| answer.results.clone()).collect();
        given.extend(&early);
        prop_assert_eq!(progress.rows.emitted_early, early.len() as u64);
        let taken = |side| {
            let rows = rows_of(&epochs, side).into_iter();
            rows.filter(|row| !late.contains(row) && !refused.contains(row)).collect::<Vec<Row>>()
        };
        let (lefts, rights) = (taken(LEFT), taken(RIGHT));
        let possible = drawn.join.batch(&lefts, &rights);
        for (number, pair) in given.iter().enumerate() {
            prop_assert!(!given[number + 1..].contains(pair), "{:?} came twice", pair);
            if pair.0.is_some() && pair.1.is_some() {
                prop_assert!(possible.contains(pair), "{:?} do not match", pair);
            }
        }
        // A row of a side that is kept comes out, alone or in pairs.
        let outcomes = |row: &Row, of: fn(&Pair) -> (Option<Row>, Option<Row>)| {
            let (alone, paired): (Vec<_>, Vec<_>) = given
                .iter()
                .map(of)
                .filter(|(own, _)| *own == Some(*row))
                .partition(|(_, other)| other.is_none());
            (alone.len(), paired.len())
        };
        let sides: [(usize, &Vec<Row>, fn(&Pair) -> (Option<Row>, Option<Row>)); 2] =
            [(LEFT, &lefts, |pair| *pair), (RIGHT, &rights, |(left, right)| (*right, *left))];
        for (side, rows, of) in sides {
            for row in rows.iter().filter(|_| drawn.join.kind.keeps(side)) {
                let (alone, paired) = outcomes(row, of);
                prop_assert!((alone == 1) != (paired > 0), "{:?}: {} alone, {} in pairs", row, alone, paired);
            }
        }
        Ok(())
    });
}

#[test]
fn a_row_whose_pair_waits_is_not_evicted() {
    type Place = fn(Sent) -> Pushed;
    let sides: [(Kind, (i64, i64), Place, Place); 2] = [
        (Kind::Left, (0, 5), Either::Left, Either::Right),
        (Kind::Right, (-5, 0), Either::Right, Either::Left),
    ];
    for (kind, range, kept, other) in sides {
        let (null_keys, timeless) = (NullKeys::MatchNothing, Timeless::AtOnce);
        let join = Join { kind, range: Some(range), condition: always, null_keys, timeless };
        let drawn = Drawn { join, delays: [100; 2], policy: Policy::Min };
        let plan = plan(&drawn, OnFull::EvictOldest);
        let mut state = plan.allocate(1);
        let mut query = plan.bind(&mut state);
        let mut answer = Answer::default();
        let mut push = |query: &mut Query<'_, _, u32>, row| {
            let pushed = query.push_with(row, &mut Recorder { answer: &mut answer, given: pair_of });
            (pushed, answer.early.len())
        };
        assert_eq!(push(&mut query, kept(sent(1, 10))), (Ok(()), 0));
        assert_eq!(push(&mut query, kept(sent(2, 11))), (Ok(()), 1), "the first leaves with nulls");
        assert_eq!(push(&mut query, other(sent(3, 12))), (Ok(()), 1));
        let third = kept(sent(4, 13));
        assert_eq!(push(&mut query, third), (Err(PushError::Full(third)), 1), "the pair of the second waits");
        let mut pairs = 0;
        query.trigger(Timestamp::EPOCH, |_| pairs += 1).unwrap();
        assert_eq!(pairs, 1);
        assert_eq!(push(&mut query, third), (Ok(()), 1), "the second had a match and leaves in silence");
    }
}
