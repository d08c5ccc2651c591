//! As-of joins against their model: with late rows, null keys, full state, restarts anywhere and sinks that refuse.

use std::collections::BTreeMap;

use headwater::aggregate::count;
use headwater::watermark::MultipleWatermarks;
use headwater::window::Tumbling;
use headwater::{AsOfState, Either, OnFull, QueryPlan, Span, Stream, Timestamp};
use headwater_tests::call_lists::{patiently, pushes, with_commits};
use headwater_tests::calls::{Answer, Became, Call, Trace, check_restarts, run};
use headwater_tests::follow::follow;
use headwater_tests::model::as_of_join::{AsOf, AsOfJoin, Match};
use headwater_tests::model::row::{Epoch, Row, rows_of, same_results};
use headwater_tests::model::stream_join::{LEFT, RIGHT};
use headwater_tests::model::streams::{IN_TIME, streams};
use headwater_tests::model::watermark::{Inputs, Policy};
use headwater_tests::properties::check;
use proptest::prelude::*;

/// A row that state can keep: its number, key and event time.
type Kept = (u32, Option<u8>, Option<i64>);
/// A row and its match, by number.
type Numbers = (u32, Option<u32>);

fn kept(row: &Row) -> Kept {
    (row.number, row.key, row.at)
}

fn event_time(row: &Kept) -> Option<Timestamp> {
    row.2.map(Timestamp::from_micros)
}

fn pushed(input: usize, row: Row) -> Either<Row, Row> {
    if input == LEFT { Either::Left(row) } else { Either::Right(row) }
}

fn of(row: &Either<Row, Row>) -> (usize, Row) {
    match row {
        Either::Left(row) => (LEFT, *row),
        Either::Right(row) => (RIGHT, *row),
    }
}

fn numbers((left, right): Match) -> Numbers {
    (left.number, right.map(|right| right.number))
}

#[derive(Debug, Clone, Copy)]
struct Case {
    join: AsOf,
    delays: [u32; 2],
    policy: MultipleWatermarks,
    on_full: OnFull,
}

fn cases(on_full: &'static [OnFull]) -> impl Strategy<Value = Case> {
    let policies = prop::sample::select(&[MultipleWatermarks::Min, MultipleWatermarks::Max]);
    let delays = prop::array::uniform2(0_u32..12);
    (0_i64..20, prop::bool::ANY, delays, policies, prop::sample::select(on_full)).prop_map(
        |(tolerance, keeps_left, delays, policy, on_full)| Case {
            join: AsOf { tolerance, keeps_left },
            delays,
            policy,
            on_full,
        },
    )
}

/// Something to do with the plan of a case.
trait Visit {
    type Answer;
    fn plan<P>(self, plan: &P) -> Self::Answer
    where
        P: QueryPlan<Row = Either<Row, Row>, Output = Numbers>;
}

impl Case {
    fn visit<V: Visit>(&self, visitor: V) -> V::Answer {
        let [left, right] = self
            .delays
            .map(|delay| Stream::<Row>::new().map(kept).with_watermark(event_time, Span::micros(delay)));
        let tolerance = Span::from_micros(self.join.tolerance).expect("not negative");
        let joined = left.as_of_join(right, |row| row.1, |row| row.1, tolerance).watermarks(self.policy);
        if self.join.keeps_left {
            let joined = joined.left_outer().then();
            let joined =
                joined.map(|(left, right): &(Kept, Option<Kept>)| (left.0, right.map(|right| right.0)));
            visitor.plan(&joined.append().on_full(self.on_full))
        } else {
            let joined = joined.inner().then().map(|(left, right): &(Kept, Kept)| (left.0, Some(right.0)));
            visitor.plan(&joined.append().on_full(self.on_full))
        }
    }

    fn model(&self) -> (Inputs, AsOfJoin) {
        let policy = match self.policy {
            MultipleWatermarks::Min => Policy::Min,
            MultipleWatermarks::Max => Policy::Max,
        };
        let inputs = Inputs::new(&self.delays.map(|delay| Some(delay.into()))).with_policy(policy);
        (inputs, AsOfJoin::new(self.join))
    }

    fn run(&self, calls: &[Call<Either<Row, Row>>], capacity: usize) -> Trace<Numbers> {
        struct Run<'c>(&'c [Call<Either<Row, Row>>], usize);
        impl Visit for Run<'_> {
            type Answer = Trace<Numbers>;
            fn plan<P>(self, plan: &P) -> Trace<Numbers>
            where
                P: QueryPlan<Row = Either<Row, Row>, Output = Numbers>,
            {
                run(plan, || plan.allocate(self.1), &patiently(self.0), &[]).0
            }
        }
        self.visit(Run(calls, capacity))
    }
}

const EVERY_POLICY: &[OnFull] = &[OnFull::Refuse, OnFull::Drop, OnFull::EvictOldest];

#[test]
fn every_epoch_is_the_models() {
    let inputs = (cases(EVERY_POLICY), streams(2, 0..100), 1_usize..12, any::<u64>());
    check(600, &inputs, |(case, epochs, capacity, seed)| {
        let calls = with_commits(&epochs, seed, pushed);
        for capacity in [capacity, 100] {
            let trace = case.run(&calls, capacity);
            follow(case.model(), &calls, &trace, of, |found| Some(numbers(found)));
            let (_, end, _) = trace.steps.last().expect("there is a drain");
            prop_assert_eq!(end.state_rows, 0, "a drain empties the state");
            prop_assert!(capacity < 100 || (end.rows.refused, end.rows.dropped) == (0, 0), "there was room");
        }
        Ok(())
    });
}

#[test]
fn restarts_and_sinks_that_refuse_change_nothing() {
    struct Restarts<'c>(&'c [Call<Either<Row, Row>>], u64);
    impl Visit for Restarts<'_> {
        type Answer = ();
        fn plan<P: QueryPlan<Row = Either<Row, Row>, Output = Numbers>>(self, plan: &P) {
            check_restarts::<P, 8>(plan, self.0, self.1);
        }
    }
    check(150, &(cases(EVERY_POLICY), streams(2, 0..60), any::<u64>()), |(case, epochs, seed)| {
        case.visit(Restarts(&with_commits(&epochs, seed, pushed), seed));
        Ok(())
    });
}

/// All rows of some epochs, in order of arrival.
fn offered(epochs: &[Epoch]) -> Vec<Either<Row, Row>> {
    epochs.iter().flat_map(|epoch| &epoch.rows).map(|(input, row)| pushed(*input, *row)).collect()
}

#[test]
fn a_stream_in_time_gives_the_batch() {
    struct Batch(Vec<Either<Row, Row>>);
    impl Visit for Batch {
        type Answer = Vec<Numbers>;
        fn plan<P: QueryPlan<Row = Either<Row, Row>, Output = Numbers>>(self, plan: &P) -> Vec<Numbers> {
            plan.batch(&self.0)
        }
    }
    check(300, &(cases(EVERY_POLICY), streams(2, 0..80), any::<u64>()), |(case, epochs, seed)| {
        let case = Case { delays: [IN_TIME as u32; 2], ..case };
        let expected = case.join.batch(&rows_of(&epochs, LEFT), &rows_of(&epochs, RIGHT));
        let expected: Vec<Numbers> = expected.into_iter().map(numbers).collect();
        let trace = case.run(&with_commits(&epochs, seed, pushed), 80);
        prop_assert!(same_results(&expected, &trace.given), "{:?}\n{:?}", expected, trace.given);
        prop_assert!(same_results(&expected, &case.visit(Batch(offered(&epochs)))));
        Ok(())
    });
}

/// However long the tolerance: of the rows that the watermark has passed, a key keeps one.
#[test]
fn a_key_keeps_one_right_row_of_the_past() {
    let stream = || Stream::<Kept>::new().with_watermark(event_time, Span::ZERO);
    let plan = stream().as_of_join(stream(), |row| row.1, |row| row.1, Span::hours(1000)).inner().append();
    let mut state = AsOfState::<u8, Kept, Kept, 4, 8>::default();
    let mut query = plan.bind(&mut state);
    for at in 0..1000 {
        for key in 0..3 {
            query.push(Either::Right((0, Some(key), Some(at)))).expect("there is room");
        }
        query.push(Either::Left((1, Some(0), Some(at)))).expect("there is room");
        let end =
            query.trigger(Timestamp::EPOCH, |row| assert_eq!(row.0.2, row.1.2)).expect("the sink takes all");
        assert_eq!((end.emitted, query.progress().state_rows), (1, 3));
    }
}

/// Results have the time of their left row and do not trail the watermark: windows behind miss none.
#[test]
fn windows_behind_it_miss_nothing() {
    check(200, &(cases(EVERY_POLICY), streams(2, 0..80), any::<u64>()), |(case, epochs, seed)| {
        let [left, right] = case
            .delays
            .map(|delay| Stream::<Row>::new().map(kept).with_watermark(event_time, Span::micros(delay)));
        let tolerance = Span::from_micros(case.join.tolerance).expect("not negative");
        let plan = left
            .as_of_join(right, |row| row.1, |row| row.1, tolerance)
            .watermarks(case.policy)
            .left_outer()
            .then()
            .window(Tumbling::of(Span::micros(3)))
            .aggregate(count())
            .append();
        let calls = with_commits(&epochs, seed, pushed);
        let counted = run(&plan, || plan.allocate(100), &patiently(&calls), &[]).0.given;
        let case = Case { join: AsOf { keeps_left: true, ..case.join }, ..case };
        let mut expected = BTreeMap::new();
        let rows: BTreeMap<u32, Row> =
            rows_of(&epochs, LEFT).into_iter().map(|row| (row.number, row)).collect();
        for (left, _) in case.run(&calls, 100).given {
            let at = rows[&left].at.expect("only rows with a time are joined");
            *expected.entry(at.div_euclid(3) * 3).or_insert(0) += 1;
        }
        let counted: Vec<_> = counted.iter().map(|row| (row.window.start.as_micros(), row.value)).collect();
        prop_assert!(same_results(&Vec::from_iter(expected), &counted), "{:?}", counted);
        Ok(())
    });
}

#[test]
fn at_the_ends_of_time() {
    let stream = || Stream::<Kept>::new().with_watermark(event_time, Span::ZERO);
    let plan = stream().as_of_join(stream(), |row| row.1, |row| row.1, Span::MAX).left_outer().append();
    let mut state = AsOfState::<u8, Kept, Kept, 4, 4>::default();
    let mut query = plan.bind(&mut state);
    let last = Timestamp::EVENT_TIME_MAX.as_micros();
    for (number, at) in [(0, -last), (1, last)] {
        query.push(Either::Right((number, Some(1), Some(at)))).expect("there is room");
        query.push(Either::Left((number, Some(1), Some(at)))).expect("there is room");
    }
    let mut given = Vec::new();
    query
        .drain(Timestamp::EPOCH, |row| given.push((row.0.0, row.1.map(|right| right.0))))
        .expect("it takes all");
    assert_eq!((given, query.progress().state_rows), (vec![(0, Some(0)), (1, Some(1))], 0));
}

/// A script must hold what this file is about.
#[test]
fn rows_are_late_dropped_refused_and_matched() {
    let found = core::cell::RefCell::new([0; 6]);
    check(60, &(cases(EVERY_POLICY), streams(2, 40..80), any::<u64>()), |(case, epochs, seed)| {
        let calls = with_commits(&epochs, seed, pushed);
        let trace = case.run(&calls, 6);
        let kinds = [Became::Late, Became::Dropped, Became::Back, Became::WithoutWindow];
        let mut found = found.borrow_mut();
        for (count, kind) in found.iter_mut().zip(kinds) {
            *count += pushes(&calls).filter(|push| trace.became(*push) == kind).count();
        }
        found[4] += trace.count(|answer| *answer == Answer::Committed);
        found[5] += trace.given.iter().filter(|(_, right)| right.is_some()).count();
        Ok(())
    });
    assert!(found.borrow().iter().all(|count| *count > 10), "{found:?}");
}
