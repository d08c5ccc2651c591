//! Kinds of joins as types and at run time.

use headwater::{Either, OnFull, OutputMode, QueryPlan, Timestamp};
use headwater_tests::model::stream_join::{Join, Kind, NullKeys, Timeless};
use headwater_tests::model::streams::streams;
use headwater_tests::model::watermark::Policy;
use headwater_tests::properties::check;
use proptest::prelude::*;

use crate::drawn::{Drawn, Sent, always, drawn, pair_of, plan, sent};
use crate::expected::ROOMY;
use crate::run::{How, run, run_as};

/// Each kind as a type gives what it gives when chosen at run time, in the same order.
#[test]
fn kinds_as_types_answer_as_kinds_at_run_time() {
    check(300, &(streams(2, 0..60), drawn(0_i64..14)), |(epochs, drawn)| {
        let expected = run(&drawn, OnFull::Refuse, &epochs, ROOMY, How::default());
        macro_rules! typed {
            ($plan:expr, $pair:expr) => {
                run_as(&$plan, &epochs, ROOMY, How::default(), $pair)
            };
        }
        let both = |(left, right): (Sent, Sent)| pair_of((Some(left), Some(right)));
        let alone = |left: Sent| pair_of((Some(left), None));
        let given = match drawn.join.kind {
            Kind::Inner => {
                let given = typed!(ranged!(drawn).inner().append(), both);
                // Rows that come once come so in update mode too.
                prop_assert_eq!(&given, &typed!(ranged!(drawn).inner().update(), both));
                prop_assert_eq!(
                    &given,
                    &typed!(ranged!(drawn).buffered(OnFull::Drop).inner().append(), both)
                );
                given
            }
            Kind::Left => {
                typed!(ranged!(drawn).left_outer().append(), |(left, right)| pair_of((Some(left), right)))
            }
            Kind::Right => {
                typed!(ranged!(drawn).right_outer().append(), |(left, right)| pair_of((left, Some(right))))
            }
            Kind::Full => typed!(ranged!(drawn).full_outer().append(), pair_of),
            Kind::LeftSemi => {
                let given = typed!(ranged!(drawn).left_semi().append(), alone);
                prop_assert_eq!(&given, &typed!(ranged!(drawn).left_semi().update(), alone));
                given
            }
        };
        prop_assert_eq!(given, expected);
        Ok(())
    });
}

#[test]
fn kinds_at_run_time_have_append_output_only() {
    let drawn_any = drawn(0_i64..14);
    check(20, &drawn_any, |drawn| {
        for (mode, runs) in
            [(OutputMode::Append, true), (OutputMode::Update, false), (OutputMode::Complete, false)]
        {
            prop_assert_eq!(ranged!(drawn).kind(drawn.join_type()).output_mode(mode).is_ok(), runs);
        }
        Ok(())
    });
}

#[test]
fn the_next_deadline_is_that_of_the_next_null_row() {
    let (null_keys, timeless) = (NullKeys::MatchNothing, Timeless::AtOnce);
    for (kind, deadline) in [(Kind::Left, Some(10 + 5 + 1 + 3)), (Kind::Right, None), (Kind::Inner, None)] {
        let join = Join { kind, range: Some((0, 5)), condition: always, null_keys, timeless };
        let drawn = Drawn { join, delays: [3; 2], policy: Policy::Min };
        let plan = plan(&drawn, OnFull::Refuse);
        let mut state = plan.allocate(4);
        let mut query = plan.bind(&mut state);
        query.push(Either::Left(sent(1, 10))).unwrap();
        assert_eq!(query.next_deadline(), Some(Timestamp::MIN), "a trigger would match it");
        query.trigger(Timestamp::EPOCH, |_| ()).unwrap();
        assert_eq!(query.next_deadline().map(Timestamp::as_micros), deadline);
    }
}
