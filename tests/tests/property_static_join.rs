//! Joins with a table against their model: every kind, null keys, rows that multiply, sinks that refuse, restarts, and windows behind.

use std::collections::BTreeMap;

use headwater::aggregate::{count, sum};
use headwater::operator::{SortedTable, StaticTable, Unsorted};
use headwater::window::Tumbling;
use headwater::{QueryPlan, Span, Stream, Timestamp, WindowRow};
use headwater_tests::call_lists::{patiently, with_commits};
use headwater_tests::calls::{Became, Call, check_restarts, run};
use headwater_tests::follow::follow;
use headwater_tests::model::row::{Row, rows_of, same_results};
use headwater_tests::model::static_join::StaticJoin;
use headwater_tests::model::stream_join::Kind;
use headwater_tests::model::streams::streams;
use headwater_tests::model::watermark::Inputs;
use headwater_tests::properties::check;
use proptest::prelude::*;

/// A row and its match, by number.
type Numbers = (u32, Option<u32>);

fn event_time(row: &Row) -> Option<Timestamp> {
    row.at.map(Timestamp::from_micros)
}

/// Tables of a few rows in order of key, some keys several times and some not at all.
fn tables() -> impl Strategy<Value = Vec<(u8, u32)>> {
    prop::collection::vec(0_u8..6, 0..8).prop_map(|mut keys| {
        keys.sort_unstable();
        keys.into_iter().zip(1000..).collect()
    })
}

fn model_of(kind: Kind, table: &[(u8, u32)]) -> StaticJoin {
    let row = |(key, number): &(u8, u32)| Row { number: *number, key: Some(*key), at: None, value: None };
    StaticJoin::new(kind, table.iter().map(row).collect())
}

fn numbers((row, found): (Row, Option<Row>)) -> Numbers {
    (row.number, found.map(|found| found.number))
}

const DELAY: u32 = 5;

/// The plan of a kind of join over a table; `$use` is done with it.
macro_rules! with_plan {
    ($kind:expr, $table:expr, |$plan:ident| $use:expr) => {{
        let table = SortedTable::new($table).expect("keys are in order");
        let joined = Stream::<Row>::new()
            .with_watermark(event_time, Span::micros(DELAY))
            .join_static(table, |row: &Row| row.key);
        match $kind {
            Kind::Inner => {
                let $plan = joined.inner().map(|(row, found)| (row.number, Some(*found))).append();
                $use
            }
            Kind::Left => {
                let $plan = joined.left_outer().map(|(row, found)| (row.number, *found)).append();
                $use
            }
            _ => {
                let $plan = joined.left_semi().map(|row| (row.number, None::<u32>)).append();
                $use
            }
        }
    }};
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(&[Kind::Inner, Kind::Left, Kind::LeftSemi])
}

#[test]
fn every_epoch_is_the_models() {
    check(400, &(kinds(), tables(), streams(1, 0..60), any::<u64>()), |(kind, table, epochs, seed)| {
        let calls = patiently(&with_commits(&epochs, seed, |_, row| row));
        let trace = with_plan!(kind, &table, |plan| run(&plan, || plan.allocate(1), &calls, &[]).0);
        let model = (Inputs::new(&[Some(DELAY.into())]), model_of(kind, &table));
        follow(model, &calls, &trace, |row| (0, *row), |found| Some(numbers(found)));
        let rows = rows_of(&epochs, 0);
        let batch = with_plan!(kind, &table, |plan| plan.batch(&rows));
        let expected: Vec<Numbers> = model_of(kind, &table).batch(&rows).into_iter().map(numbers).collect();
        prop_assert_eq!(batch, expected, "also in order");
        Ok(())
    });
}

#[test]
fn restarts_and_sinks_that_refuse_change_nothing() {
    check(100, &(kinds(), tables(), streams(1, 0..50), any::<u64>()), |(kind, table, epochs, seed)| {
        let calls = with_commits(&epochs, seed, |_, row| row);
        with_plan!(kind, &table, |plan| check_restarts::<_, 1>(&plan, &calls, seed));
        Ok(())
    });
}

#[test]
fn anti_is_what_semi_leaves() {
    check(200, &(tables(), streams(1, 0..60)), |(table, epochs)| {
        let sorted = SortedTable::new(&table).expect("keys are in order");
        let rows = rows_of(&epochs, 0);
        let semi = Stream::<Row>::new().join_static(sorted, |row| row.key).left_semi().append().batch(&rows);
        let anti = Stream::<Row>::new().join_static(sorted, |row| row.key).left_anti().append().batch(&rows);
        let mut both = [semi, anti.clone()].concat();
        both.sort_by_key(|row| row.number);
        prop_assert_eq!(both, rows);
        prop_assert!(
            anti.iter().all(|row| row.key.is_none_or(|key| table.iter().all(|entry| entry.0 != key)))
        );
        Ok(())
    });
}

/// The event time stays with the rows that a row becomes; windows count each of them.
#[test]
fn windows_count_what_was_multiplied() {
    check(200, &(tables(), streams(1, 0..60), any::<u64>()), |(table, epochs, seed)| {
        let sorted = SortedTable::new(&table).expect("keys are in order");
        let plan = Stream::<Row>::new()
            .with_watermark(event_time, Span::micros(DELAY))
            .join_static(sorted, |row| row.key)
            .inner()
            .group_by(|(row, _)| row.key)
            .window(Tumbling::of(Span::micros(4)))
            .aggregate((count(), sum(|(_, found): &(Row, u32)| i64::from(*found))))
            .append();
        let calls = with_commits(&epochs, seed, |_, row| row);
        let (trace, _) = run(&plan, || plan.allocate(100), &calls, &[]);
        let mut expected = BTreeMap::new();
        for (number, call) in calls.iter().enumerate() {
            let Call::Push(row, _) = call else { continue };
            if trace.became(number) != Became::Used {
                continue;
            }
            let at = row.at.expect("only rows with a time are used");
            let key = row.key.expect("null keys match nothing");
            for (_, number) in table.iter().filter(|entry| entry.0 == key) {
                let entry = expected.entry((key, at.div_euclid(4) * 4)).or_insert((0_u64, 0_i64));
                *entry = (entry.0 + 1, entry.1 + i64::from(*number));
            }
        }
        let window = |row: &WindowRow<Option<u8>, (u64, Option<i64>)>| {
            let key = row.key.expect("null keys match nothing");
            ((key, row.window.start.as_micros()), (row.value.0, row.value.1.expect("never empty")))
        };
        let given: Vec<_> = trace.given.iter().map(window).collect();
        let expected: Vec<_> = expected.into_iter().collect();
        prop_assert!(same_results(&expected, &given), "{:?}\n{:?}", expected, given);
        Ok(())
    });
}

#[test]
fn tables_out_of_order_are_refused() {
    check(300, &prop::collection::vec(0_u8..4, 0..6), |keys| {
        let rows: Vec<(u8, ())> = keys.iter().map(|key| (*key, ())).collect();
        let expected =
            keys.windows(2).position(|pair| pair[1] < pair[0]).map(|place| Unsorted { index: place + 1 });
        prop_assert_eq!(SortedTable::new(&rows).err(), expected);
        Ok(())
    });
}

#[test]
fn a_map_is_a_table_of_one_row_per_key() {
    let map = BTreeMap::from([(3_u8, 'c'), (1, 'a')]);
    assert!(StaticTable::matching(&map, &3).eq(&['c']));
    assert_eq!((&&map).matching(&2).count(), 0);
}
