//! Joins, processes, deduplication and look-ahead at the ends of time: nothing overflows, and joins still find what lies in range.

use headwater::aggregate::count;
use headwater::operator::Stages;
use headwater::window::{LookAhead, Tumbling};
use headwater::{
    Context, Either, OnFull, Process, PushError, QueryPlan, Span, Stream, TimeRange, Timestamp,
    WithWatermark, process_of,
};
use headwater_tests::properties::check;
use proptest::prelude::*;

const EDGE: i64 = 1 << 61;

fn times() -> impl Strategy<Value = i64> {
    let base = prop::sample::select(vec![i64::MIN, -EDGE, -(1 << 60), 0, 1 << 60, EDGE, i64::MAX]);
    (base, -3_i64..4).prop_map(|(base, by)| base.saturating_add(by))
}

fn spans() -> impl Strategy<Value = Span> {
    prop::sample::select(vec![0, 1, 3, 1 << 60, (1 << 60) + 1, 1 << 61, i64::MAX - 1, i64::MAX])
        .prop_map(|micros| Span::from_micros(micros).expect("not negative"))
}

fn rows(delay: Span) -> Stream<i64, impl Stages<i64, Out = i64>, WithWatermark> {
    Stream::<i64>::new().with_watermark(|at| Timestamp::from_micros(*at), delay)
}

/// Pushes rows with triggers between, at odd processing times, drains twice, and returns what came.
fn run<P: QueryPlan>(plan: &P, capacity: usize, pushed: Vec<P::Row>) -> Vec<P::Output> {
    let mut state = plan.allocate(capacity);
    let mut query = plan.bind(&mut state);
    let mut given = Vec::new();
    for (number, row) in pushed.into_iter().enumerate() {
        match query.push_to(row, |result| given.push(result)) {
            // An operator further on may be full for good.
            Ok(()) | Err(PushError::Full(_) | PushError::Partly(_) | PushError::Unfinished(_)) => {}
            Err(error @ PushError::Blocked(_)) => panic!("{error}"),
        }
        let _ = (query.next_deadline(), query.next_timer());
        if number % 2 == 1 {
            let now = [Timestamp::MIN, Timestamp::EPOCH, Timestamp::MAX][number % 3];
            let _ = query.trigger(now, |result| given.push(result));
        }
    }
    for _ in 0..2 {
        let _ = query.drain(Timestamp::MAX, |result| given.push(result));
    }
    assert!(query.progress().rows.balance());
    given
}

fn sides() -> impl Strategy<Value = Vec<Either<i64, i64>>> {
    let side = (any::<bool>(), times())
        .prop_map(|(left, at)| if left { Either::Left(at) } else { Either::Right(at) });
    prop::collection::vec(side, 0..14)
}

#[test]
fn joins_at_the_ends_of_time() {
    let bounds = prop_oneof![
        Just(i64::MIN),
        Just(-(1 << 61)),
        Just(-(1 << 60)),
        Just(-2_i64),
        Just(0),
        Just(2),
        Just(1 << 60),
        Just(i64::MAX)
    ];
    check(300, &(sides(), bounds.clone(), bounds, spans()), |(sides, lower, upper, delay)| {
        let range = TimeRange::micros(lower, upper);
        let join = |delay| rows(delay).join(rows(delay)).on(|_: &i64| 1_u8, |_: &i64| 1_u8).within(range);
        for capacity in [1, 30] {
            let _ =
                run(&join(delay).full_outer().append().on_full(OnFull::EvictOldest), capacity, sides.clone());
            let _ = run(
                &join(delay)
                    .left_outer()
                    .then()
                    .window(Tumbling::of(Span::WINDOW_MAX))
                    .aggregate(count())
                    .append(),
                capacity,
                sides.clone(),
            );
        }
        // With the longest delay no row is late.
        let mut pairs = run(&join(Span::MAX).inner().append(), 30, sides.clone());
        pairs.sort_unstable();
        let cut = |bound: i64| i128::from(bound.clamp(-(1 << 60), 1 << 60));
        let in_time = |at: &i64| at.unsigned_abs() <= EDGE.unsigned_abs();
        let mut expected = Vec::new();
        for left in &sides {
            for right in &sides {
                if let (Either::Left(left), Either::Right(right)) = (left, right)
                    && in_time(left)
                    && in_time(right)
                    && (cut(lower)..=cut(upper)).contains(&(i128::from(*right) - i128::from(*left)))
                {
                    expected.push((*left, *right));
                }
            }
        }
        expected.sort_unstable();
        prop_assert_eq!(pairs, expected);
        Ok(())
    });
}

#[test]
fn as_of_joins_at_the_ends_of_time() {
    check(300, &(sides(), spans(), spans()), |(sides, tolerance, delay)| {
        let join = |delay| {
            rows(delay).as_of_join(rows(delay), |_: &i64| 1_u8, |_: &i64| 1_u8, tolerance).left_outer()
        };
        for capacity in [1, 30] {
            let _ = run(&join(delay).append(), capacity, sides.clone());
        }
        let mut given = run(&join(Span::MAX).append(), 30, sides.clone());
        given.sort_unstable();
        let in_time = |at: &i64| at.unsigned_abs() <= EDGE.unsigned_abs();
        let rights =
            || sides.iter().filter_map(|side| if let Either::Right(at) = side { Some(*at) } else { None });
        let tolerance = i128::from(tolerance.as_micros().min(1 << 60));
        let mut expected: Vec<(i64, Option<i64>)> = sides
            .iter()
            .filter_map(|side| if let Either::Left(at) = side { Some(*at) } else { None })
            .filter(in_time)
            .map(|left| {
                let near = |right: &i64| *right <= left && i128::from(left) - i128::from(*right) <= tolerance;
                (left, rights().filter(in_time).filter(near).max())
            })
            .collect();
        expected.sort_unstable();
        prop_assert_eq!(given, expected);
        Ok(())
    });
}

#[test]
fn processes_deduplication_and_look_ahead_at_the_ends_of_time() {
    let pushed = prop::collection::vec(times(), 0..14);
    check(300, &(pushed, times(), spans(), spans()), |(pushed, timer, span, delay)| {
        let logic = || {
            process_of(
                0_u8,
                move |context: &mut Context<'_>, rows: &mut u8, at: &i64| {
                    *rows = rows.wrapping_add(1);
                    // Where there is no room for one more, the others tell.
                    let _ = context.set_timer(Timestamp::from_micros(at.saturating_add(timer)));
                },
                |context: &mut Context<'_>, key: &i64, rows: &mut u8, at| {
                    let _ = context.set_timer(at + Span::micros(1));
                    Some((*key, *rows))
                },
            )
        };
        for capacity in [1, 30] {
            for on_full in [OnFull::Refuse, OnFull::Drop, OnFull::EvictOldest] {
                let ahead =
                    rows(delay).group_by(|at| at % 2).window(LookAhead::of(span, span)).aggregate(count());
                let groups = ahead.then().window(Tumbling::of(span)).aggregate(count());
                let _ = run(&groups.append().on_full(on_full), capacity, pushed.clone());
                let by_event_time = || Process::in_event_time::<2>(logic());
                for process in [
                    by_event_time(),
                    by_event_time().time_to_live(span),
                    by_event_time().time_to_live(span).fires_behind_watermark(),
                ] {
                    let given = rows(delay).group_by(|at| at % 3).process(process).then();
                    let windows = given.window(Tumbling::of(span)).aggregate(count());
                    let _ = run(&windows.append().on_full(on_full), capacity, pushed.clone());
                }
                let by_clock = Process::in_processing_time::<2>(logic()).time_to_live(span);
                let by_clock = rows(delay).group_by(|at| at % 3).process(by_clock);
                let _ = run(&by_clock.append().on_full(on_full), capacity, pushed.clone());
                let within = rows(delay).drop_duplicates_within_watermark(|at| at % 2);
                let _ = run(&within.append().on_full(on_full), capacity, pushed.clone());
                let by_time = rows(delay).drop_duplicates_by_time(|at| at % 2);
                let _ = run(&by_time.append().on_full(on_full), capacity, pushed.clone());
            }
        }
        Ok(())
    });
}
