//! Groups by event time answer as their model does.

use core::cell::Cell;

use headwater::aggregate::{Collected, collect, count, sum};
use headwater::{EventTimeRow, OnFull, OutputMode, QueryPlan, Span, Stream, Timestamp};
use headwater_tests::model::by_time::{ByTime, Group};
use headwater_tests::model::row::{Epoch, Row};
use headwater_tests::model::streams::streams;
use headwater_tests::properties::check;
use headwater_tests::stepped::{NARROW, Outcome, holds, unmoved_by_trouble};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

fn at(row: &Row) -> Option<Timestamp> {
    row.at.map(Timestamp::from_micros)
}

/// How many rows, the sum of their values, and the numbers of the first ones.
type Answers = (u64, Option<f64>, Collected<u32, 8>);

type Given = EventTimeRow<Option<u8>, Answers>;

fn expected(group: &Group) -> Given {
    let sum = group.rows.iter().filter_map(|row| row.value).reduce(|sum, value| sum + value);
    let numbers = Collected {
        values: group.rows.iter().take(8).map(|row| row.number).collect(),
        left_out: group.rows.len().saturating_sub(8) as u64,
    };
    let value = (group.rows.len() as u64, sum, numbers);
    EventTimeRow { at: group.at.map(Timestamp::from_micros), key: group.key, value, early: false }
}

/// What is done with the plan of each mode.
trait Visitor {
    type Answer;

    fn visit<P: QueryPlan<Row = Row, Item = Row, Output = Given>>(self, plan: &P) -> Self::Answer;
}

fn plan_of<V: Visitor>(delay: i64, mode: OutputMode, on_full: OnFull, keyed: bool, visitor: V) -> V::Answer {
    let grouped = Stream::<Row>::new()
        .with_watermark(at, Span::from_micros(delay).expect("not negative"))
        .group_by(|row| row.key.filter(|_| keyed))
        .by_event_time();
    let results = grouped.aggregate((
        count(),
        sum(|row: &Row| row.value),
        collect::<8, _, _, _>(|row: &Row| row.number),
    ));
    visitor.visit(&results.output_mode(mode).expect("every mode is possible").on_full(on_full))
}

fn modes() -> impl Strategy<Value = OutputMode> {
    prop::sample::select(vec![OutputMode::Append, OutputMode::Update, OutputMode::Complete])
}

struct Holds<'c>(i64, OutputMode, bool, &'c [Epoch], u64);

impl Visitor for Holds<'_> {
    type Answer = Result<[Outcome<Given>; 2], TestCaseError>;

    fn visit<P: QueryPlan<Row = Row, Item = Row, Output = Given>>(self, plan: &P) -> Self::Answer {
        let Self(delay, mode, keyed, epochs, seed) = self;
        holds(plan, delay, epochs, seed, || ByTime::new(keyed, mode), expected)
    }
}

#[test]
fn answers_as_the_model_whatever_comes_between() {
    let counts = [const { Cell::new(0) }; 3];
    let policies = prop::sample::select(vec![OnFull::Refuse, OnFull::Drop]);
    let inputs = ((0_i64..25, modes(), policies, prop::bool::ANY), streams(1, 0..50), any::<u64>());
    check(300, &inputs, |((delay, mode, on_full, keyed), epochs, seed)| {
        let [roomy, narrow] = plan_of(delay, mode, on_full, keyed, Holds(delay, mode, keyed, &epochs, seed))?;
        let rows = roomy.progress.map(|progress| progress.rows).unwrap_or_default();
        let seen = [rows.emitted, rows.late, narrow.without_room().len() as u64];
        for (count, seen) in counts.iter().zip(seen) {
            count.set(count.get() + seen);
        }
        Ok(())
    });
    assert!(counts.iter().all(|count| count.get() > 300), "results, late, without room: {counts:?}");
}

struct Evicts<'c>(i64, &'c [Epoch], u64);

impl Visitor for Evicts<'_> {
    type Answer = Result<u64, TestCaseError>;

    /// Early or not, each row that was used is in one result, or in a group that is still open.
    fn visit<P: QueryPlan<Row = Row, Item = Row, Output = Given>>(self, plan: &P) -> Self::Answer {
        let Self(delay, epochs, seed) = self;
        let outcome = unmoved_by_trouble(plan, NARROW, epochs, seed)?;
        let results: Vec<&Given> = outcome.epochs.iter().flat_map(|epoch| &epoch.results).collect();
        let rows: Vec<&Row> = epochs.iter().flat_map(|epoch| epoch.rows.iter().map(|(_, row)| row)).collect();
        for result in &results {
            for number in &result.value.2.values {
                prop_assert!(rows.iter().any(|row| row.number == *number && at(row) == result.at));
                let holding = results.iter().filter(|other| other.value.2.values.contains(number));
                prop_assert_eq!(holding.count(), 1, "row {} is in two results", number);
            }
        }
        let (Some(progress), Some(last)) = (outcome.progress, outcome.epochs.last()) else { return Ok(0) };
        let given: u64 = results.iter().map(|result| result.value.0).sum();
        let open = progress.rows.used - given;
        let early = results.iter().filter(|result| result.early).count() as u64;
        prop_assert_eq!(early, progress.rows.emitted_early);
        prop_assert!(open >= last.state_rows as u64, "{} rows in {} groups", open, last.state_rows);
        if last
            .watermark
            .is_some_and(|watermark| rows.iter().all(|row| row.at.is_none_or(|at| at <= watermark)))
        {
            let timeless = rows.iter().filter(|row| row.at.is_none()).count() as u64;
            prop_assert!(open <= timeless && delay == 0, "{} rows never came out", open);
        }
        Ok(early)
    }
}

#[test]
fn what_closes_first_makes_room() {
    let early = Cell::new(0);
    check(300, &(0_i64..25, streams(1, 0..50), any::<u64>()), |(delay, epochs, seed)| {
        let evicts = Evicts(delay, &epochs, seed);
        early.set(early.get() + plan_of(delay, OutputMode::Append, OnFull::EvictOldest, true, evicts)?);
        Ok(())
    });
    assert!(early.get() > 300, "few groups left early: {early:?}");
}

/// A group without event time never closes, so it makes no room.
#[test]
fn what_never_closes_makes_no_room() {
    struct Fill;

    impl Visitor for Fill {
        type Answer = ();

        fn visit<P: QueryPlan<Row = Row, Item = Row, Output = Given>>(self, plan: &P) {
            let row = |number: u32| (0, Row { number, key: Some(number as u8), at: None, value: None });
            let epochs = [Epoch { rows: (0..8).map(row).collect(), now: 0 }];
            let outcome = unmoved_by_trouble(plan, NARROW, &epochs, 1).expect("no trouble");
            assert_eq!(outcome.epochs[0].results, []);
            assert_eq!(outcome.epochs[0].refused.len(), 8 - NARROW);
        }
    }

    plan_of(1, OutputMode::Append, OnFull::EvictOldest, true, Fill);
}
