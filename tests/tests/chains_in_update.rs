//! Chains in update mode: what the first operator gives when the watermark moves is in the results of that trigger.

use headwater::aggregate::count;
use headwater::checkpoint::Log;
use headwater::operator::Stages;
use headwater::window::{LookAhead, Tumbling};
use headwater::{Either, QueryPlan, Span, Stream, Timestamp, WindowRow, WithWatermark};
use headwater_tests::run::Flash;

/// Rows are their event times.
fn rows() -> Stream<i64, impl Stages<i64, Out = i64>, WithWatermark> {
    Stream::<i64>::new().with_watermark(|at| Timestamp::from_micros(*at), Span::ZERO)
}

/// Windows behind an as-of join: its rows come when the watermark reaches them, which may close their windows too.
#[test]
fn a_row_that_the_watermark_brings_is_in_the_update_of_that_trigger() {
    let plan = rows()
        .as_of_join(rows(), |_| 1_u8, |_| 1_u8, Span::micros(100))
        .left_outer()
        .then()
        .window(Tumbling::of(Span::micros(10)))
        .aggregate(count())
        .update();
    let mut state = plan.allocate(8);
    let mut query = plan.bind(&mut state);
    let mut log = Log::<_, 512>::open(Flash::new()).expect("an erased flash is an empty log");
    let mut given = Vec::new();
    for epoch in [&[3][..], &[7], &[24, 50]] {
        for at in epoch {
            query.push(Either::Left(*at)).expect("there is room");
            query.push(Either::Right(*at)).expect("there is room");
        }
        assert!(query.next_deadline().is_some(), "something will come");
        let mut refuse = true;
        while query
            .trigger(Timestamp::EPOCH, |window: WindowRow<(), u64>| {
                refuse = !refuse;
                if refuse {
                    given.push((window.window.start.as_micros(), window.value));
                }
                if refuse { Ok(()) } else { Err("busy") }
            })
            .is_err()
        {}
        query.commit(&mut log, &0_u8).expect("nothing is owed after a trigger");
    }
    assert_eq!(given, [(0, 1), (0, 2), (20, 1), (50, 1)]);
    assert_eq!(query.next_deadline(), None);
}

/// A drain gives what the first operator has left.
#[test]
fn a_drain_gives_what_the_first_operator_held() {
    let plan = rows()
        .group_by(|_| 1_u8)
        .window(LookAhead::of(Span::micros(5), Span::micros(5)))
        .aggregate(count())
        .then()
        .group_by(|_| 1_u8)
        .aggregate(count())
        .update();
    let mut state = plan.allocate(8);
    let mut query = plan.bind(&mut state);
    query.push(3).expect("there is room");
    let end = query.trigger(Timestamp::EPOCH, |_| ()).expect("the sink takes all");
    assert_eq!(end.emitted, 0, "the window is open");
    assert_eq!(query.next_deadline(), Some(Timestamp::from_micros(8)));
    let mut given = Vec::new();
    query.drain(Timestamp::EPOCH, |group| given.push(group.value)).expect("the sink takes all");
    assert_eq!(given, [1]);
}
