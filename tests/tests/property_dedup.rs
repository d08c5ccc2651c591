//! Deduplication answers as its model does, in every way to forget a key.

use core::cell::Cell;

use headwater::{OnFull, QueryPlan, Span, Stream, Timestamp};
use headwater_tests::model::dedup::{Dedup, Expiry};
use headwater_tests::model::row::{Epoch, Row};
use headwater_tests::model::stage::Running;
use headwater_tests::model::streams::streams;
use headwater_tests::model::watermark::Inputs;
use headwater_tests::properties::check;
use headwater_tests::stepped::{NARROW, Outcome, holds, same_as_model, unmoved_by_trouble};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

fn at(row: &Row) -> Option<Timestamp> {
    row.at.map(Timestamp::from_micros)
}

/// Rows are alike in key and the whole part of their value.
fn alike(row: &Row) -> (Option<u8>, Option<i8>) {
    (row.key, row.value.map(|value| value as i8 / 4))
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    ForEver,
    ByTime,
    Within,
}

impl Kind {
    fn model(
        self,
        delay: i64,
    ) -> Dedup<(Option<u8>, Option<i8>, Option<i64>), impl Fn(&Row) -> (Option<u8>, Option<i8>, Option<i64>)>
    {
        let expiry = match self {
            Self::ForEver => Expiry::Never,
            Self::ByTime => Expiry::AtEventTime,
            Self::Within => Expiry::Within(delay),
        };
        let key = move |row: &Row| {
            let (key, value) = alike(row);
            (key, value, row.at.filter(|_| self == Self::ByTime))
        };
        Dedup::new(key, expiry)
    }
}

/// What is done with the plan of each kind.
trait Visitor {
    type Answer;

    fn visit<P: QueryPlan<Row = Row, Item = Row, Output = Row>>(self, plan: &P) -> Self::Answer;
}

fn plan_of<V: Visitor>(kind: Kind, delay: i64, on_full: OnFull, update: bool, visitor: V) -> V::Answer {
    let rows = Stream::<Row>::new().with_watermark(at, Span::from_micros(delay).expect("not negative"));
    macro_rules! visit {
        ($results:expr) => {{
            let plan = if update { $results.update() } else { $results.append() };
            visitor.visit(&plan.on_full(on_full))
        }};
    }
    match kind {
        Kind::ForEver => visit!(rows.drop_duplicates_by(alike)),
        Kind::ByTime => visit!(rows.drop_duplicates_by_time(alike)),
        Kind::Within => visit!(rows.drop_duplicates_within_watermark(alike)),
    }
}

fn kinds() -> impl Strategy<Value = (Kind, i64, bool)> {
    (prop::sample::select(vec![Kind::ForEver, Kind::ByTime, Kind::Within]), 0_i64..25, prop::bool::ANY)
}

struct Holds<'c> {
    kind: Kind,
    delay: i64,
    epochs: &'c [Epoch],
    seed: u64,
}

impl Visitor for Holds<'_> {
    type Answer = Result<[Outcome<Row>; 2], TestCaseError>;

    fn visit<P: QueryPlan<Row = Row, Item = Row, Output = Row>>(self, plan: &P) -> Self::Answer {
        let Self { kind, delay, epochs, seed } = self;
        holds(plan, delay, epochs, seed, || kind.model(delay), |row: &Row| *row)
    }
}

#[test]
fn answers_as_the_model_whatever_comes_between() {
    let counts = [const { Cell::new(0) }; 3];
    let policies = prop::sample::select(vec![OnFull::Refuse, OnFull::Drop]);
    let inputs = (kinds(), policies, streams(1, 0..50), any::<u64>());
    check(300, &inputs, |((kind, delay, update), on_full, epochs, seed)| {
        let [roomy, narrow] =
            plan_of(kind, delay, on_full, update, Holds { kind, delay, epochs: &epochs, seed })?;
        let mut model = Running::new(Inputs::new(&[Some(delay)]), kind.model(delay));
        for (epoch, ended) in epochs.iter().zip(&roomy.epochs) {
            let _ = model.epoch(epoch);
            prop_assert_eq!(ended.state_rows, model.stage.held(), "keys held");
        }
        let rows = roomy.progress.map(|progress| progress.rows).unwrap_or_default();
        prop_assert_eq!(rows.used, rows.emitted);
        let without_room = narrow.without_room().len() as u64;
        for (count, seen) in counts.iter().zip([rows.duplicate, rows.late, without_room]) {
            count.set(count.get() + seen);
        }
        Ok(())
    });
    assert!(counts.iter().all(|count| count.get() > 300), "duplicate, late, without room: {counts:?}");
}

struct Evicts<'c> {
    kind: Kind,
    delay: i64,
    epochs: &'c [Epoch],
    seed: u64,
}

impl Visitor for Evicts<'_> {
    type Answer = Result<u64, TestCaseError>;

    /// Every row that is first of its key comes through, if it was not refused; what comes besides is a duplicate of a key that had to go.
    fn visit<P: QueryPlan<Row = Row, Item = Row, Output = Row>>(self, plan: &P) -> Self::Answer {
        let Self { kind, delay, epochs, seed } = self;
        let outcome = unmoved_by_trouble(plan, NARROW, epochs, seed)?;
        if kind == Kind::ForEver {
            same_as_model(&outcome, epochs, delay, kind.model(delay), |row: &Row| *row)?;
            return Ok(0);
        }
        let refused = outcome.without_room();
        let mut model = Running::new(Inputs::new(&[Some(delay)]), kind.model(delay));
        let mut again: Vec<Row> = Vec::new();
        for (epoch, ended) in epochs.iter().zip(&outcome.epochs) {
            let answer = model.epoch(epoch);
            prop_assert_eq!(&answer.late, &ended.late);
            prop_assert!(ended.dropped.is_empty());
            again.extend(ended.results.iter().filter(|row| !answer.results.contains(row)));
            for first in &answer.results {
                let there = ended.results.contains(first) || refused.contains(&first.number);
                // A key that came again is forgotten later than the model forgets it.
                let later = kind == Kind::Within && again.iter().any(|row| alike(row) == alike(first));
                prop_assert!(there || later, "{:?} is missing", first);
            }
        }
        // Only keys without event time cannot be forgotten, so only they keep rows out.
        let timeless = epochs.iter().flat_map(|epoch| &epoch.rows).filter(|(_, row)| row.at.is_none());
        prop_assert!(refused.is_empty() || timeless.count() >= NARROW);
        Ok(again.len() as u64)
    }
}

#[test]
fn what_expires_first_makes_room() {
    let extra = Cell::new(0);
    check(300, &(kinds(), streams(1, 0..50), any::<u64>()), |((kind, delay, update), epochs, seed)| {
        let evicts = Evicts { kind, delay, epochs: &epochs, seed };
        extra.set(extra.get() + plan_of(kind, delay, OnFull::EvictOldest, update, evicts)?);
        Ok(())
    });
    assert!(extra.get() > 10, "no duplicate of a forgotten key came through");
}

/// Keys without event time are never forgotten, so they make no room.
#[test]
fn what_never_expires_makes_no_room() {
    struct Fill;

    impl Visitor for Fill {
        type Answer = ();

        fn visit<P: QueryPlan<Row = Row, Item = Row, Output = Row>>(self, plan: &P) {
            let timeless = |number: u32| {
                let row = Row { number, key: Some(number as u8), at: None, value: None };
                (0, row)
            };
            let epochs = [Epoch { rows: (0..8).map(timeless).collect(), now: 0 }];
            let outcome = unmoved_by_trouble(plan, NARROW, &epochs, 1).expect("no trouble");
            assert_eq!(outcome.epochs[0].results.len(), NARROW);
            assert_eq!(outcome.epochs[0].refused.len(), 8 - NARROW);
        }
    }

    for kind in [Kind::ForEver, Kind::ByTime, Kind::Within] {
        plan_of(kind, 1, OnFull::EvictOldest, false, Fill);
    }
}
