//! A row whose result was taken in part is finished whatever trigger comes in between.

use headwater::aggregate::count;
use headwater::window::Tumbling;
use headwater::{PushError, QueryPlan, Span, Stream, Timestamp, WindowRow};

/// The trigger that is to make room makes the row late: its second half must not be lost, nor the first half of the next row.
#[test]
fn a_row_in_part_is_finished_although_it_is_late_by_then() {
    let plan = Stream::<i64>::new()
        .with_watermark(|at| Timestamp::from_micros(*at), Span::ZERO)
        .drop_duplicates_by_time(|_| 0_u8)
        .then()
        .flat_map(|at: &i64| [(*at, 1_u8), (*at, 2_u8)])
        .group_by(|half: &(i64, u8)| half.1)
        .window(Tumbling::of(Span::micros(10)))
        .aggregate(count())
        .append();
    let mut state = plan.allocate(3);
    let mut query = plan.bind(&mut state);
    let mut given = Vec::new();
    let mut sink =
        |window: WindowRow<u8, u64>| given.push((window.window.start.as_micros(), window.key, window.value));

    query.push(1).expect("there is room for both halves");
    assert!(matches!(query.push(19), Err(PushError::Partly(19))));
    query.trigger(Timestamp::EPOCH, &mut sink).expect("the sink takes all");
    assert_eq!(query.progress().watermark, Some(Timestamp::from_micros(19)));
    query.push(19).expect("there is room again");
    query.push(25).expect_err("there is room for one window more");
    query.trigger(Timestamp::EPOCH, &mut sink).expect("the sink takes all");
    query.push(25).expect("there is room again");
    query.drain(Timestamp::EPOCH, &mut sink).expect("the sink takes all");
    given.sort_unstable();
    assert_eq!(given, [(0, 1, 1), (0, 2, 1), (10, 1, 1), (10, 2, 1), (20, 1, 1), (20, 2, 1)]);
}
