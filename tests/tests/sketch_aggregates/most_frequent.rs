//! `most_frequent`: exact up to `N` different values, within the stated bounds beyond, however states are merged.

use std::collections::BTreeMap;

use headwater::aggregate::{Aggregate, Frequent, MostFrequentOf, most_frequent};
use headwater_tests::properties::{Random, check};
use proptest::prelude::*;

use super::{
    Numbered, assert_neutral, assert_same_bytes, bytes, in_any_order, numbered, seeded, share, updated,
};

fn exact(rows: &Numbered<u32>) -> BTreeMap<u32, u64> {
    let mut counts = BTreeMap::new();
    for (_, value) in rows {
        *counts.entry(*value).or_default() += 1;
    }
    counts
}

/// What is promised of a list with `capacity` counters over `rows`. Answers the greatest error.
fn assert_bounds(list: &[Frequent<u32>], rows: &Numbered<u32>, capacity: usize) -> u64 {
    let counts = exact(rows);
    let allowed = (rows.len() / capacity) as u64;
    for Frequent { value, count, error } in list {
        let exact = counts.get(value).copied().unwrap_or(0);
        assert!(
            exact <= *count && count - error <= exact,
            "{value} came {exact} times, told {count} less {error}"
        );
        assert!(*error <= allowed, "error {error} of {value}, allowed {allowed}");
    }
    assert!(list.is_sorted_by(|a, b| (b.count, a.value) < (a.count, b.value)), "{list:?}");
    for (value, exact) in &counts {
        let listed = list.iter().any(|frequent| frequent.value == *value);
        assert!(
            listed || *exact <= allowed,
            "{value} came {exact} times and is not listed, allowed {allowed}"
        );
    }
    assert!(list.len() == capacity.min(counts.len()));
    list.iter().map(|frequent| frequent.error).max().unwrap_or(0)
}

#[test]
fn up_to_n_values_are_exact_and_the_same_bytes_in_any_order() {
    let mut random = seeded();
    let spec: MostFrequentOf<_, 8> = most_frequent(|row: &u32| *row);
    for rows in [0, 1, 7, 500] {
        let rows = numbered((0..rows).map(|_| random.below(8) as u32).collect::<Vec<_>>());
        assert_same_bytes(&spec, &rows, &mut random);
        let list = spec.finish(&updated(&spec, &rows));
        assert!(list.iter().all(|frequent| frequent.error == 0));
        assert_bounds(&list, &rows, 8);
    }
}

/// Values by Zipf's law, roughly: a few come often, most hardly ever.
fn zipf(random: &mut Random) -> u32 {
    (1.0 / (1.0 - 0.999 * share(random))) as u32
}

#[test]
fn the_error_is_as_stated() {
    let mut random = seeded();
    let spec: MostFrequentOf<_, 20> = most_frequent(|row: &u32| *row);
    let rows = numbered((0..20_000).map(|_| zipf(&mut random)).collect::<Vec<_>>());
    let state = updated(&spec, &rows);
    println!("in one pass: error {} of at most 1000", assert_bounds(&spec.finish(&state), &rows, 20));
    assert_neutral(&spec, &state);
    for _ in 0..20 {
        let list = spec.finish(&in_any_order(&spec, &rows, &mut random));
        let error = assert_bounds(&list, &rows, 20);
        println!("merged: error {error} of at most 1000");
        let first: Vec<u32> = list.iter().take(5).map(|frequent| frequent.value).collect();
        assert_eq!(first, [1, 2, 3, 4, 5], "the most frequent of all");
    }
}

#[test]
fn the_bounds_hold_for_any_rows_and_merges() {
    let rows = proptest::collection::vec(prop_oneof![2 => 0..6_u32, 1 => 0..60_u32], 0..200);
    check(1500, &(rows, any::<u64>()), |(rows, draws)| {
        let rows = numbered(rows);
        let mut random = Random(draws);
        let five: MostFrequentOf<_, 5> = most_frequent(|row: &u32| *row);
        assert_bounds(&five.finish(&updated(&five, &rows)), &rows, 5);
        assert_bounds(&five.finish(&in_any_order(&five, &rows, &mut random)), &rows, 5);
        let one: MostFrequentOf<_, 1> = most_frequent(|row: &u32| *row);
        assert_bounds(&one.finish(&in_any_order(&one, &rows, &mut random)), &rows, 1);
        Ok(())
    });
}

#[test]
fn two_states_merge_the_same_in_either_order() {
    let rows = || proptest::collection::vec(0..12_u32, 0..60);
    check(1000, &(rows(), rows()), |(left, right)| {
        let spec: MostFrequentOf<_, 4> = most_frequent(|row: &u32| *row);
        let (left, right) = (updated(&spec, &numbered(left)), updated(&spec, &numbered(right)));
        let (mut one, mut other) = (left.clone(), right.clone());
        spec.merge(&mut one, &right);
        spec.merge(&mut other, &left);
        prop_assert_eq!(bytes(&one), bytes(&other));
        Ok(())
    });
}

/// Where the documentation says that order matters, it does.
#[test]
fn beyond_n_values_the_order_of_rows_and_of_three_merges_shows() {
    let spec: MostFrequentOf<_, 1> = most_frequent(|row: &u32| *row);
    let list = |rows: &[u32]| spec.finish(&updated(&spec, &numbered(rows.iter().copied())));
    assert_ne!(list(&[1, 2]), list(&[2, 1]));
    let spec: MostFrequentOf<_, 2> = most_frequent(|row: &u32| *row);
    let state = |rows: &[u32]| updated(&spec, &numbered(rows.iter().copied()));
    let merged = |states: [&[u32]; 3]| {
        let mut sum = state(states[0]);
        spec.merge(&mut sum, &state(states[1]));
        spec.merge(&mut sum, &state(states[2]));
        spec.finish(&sum)
    };
    assert_ne!(merged([&[1], &[2], &[3]]), merged([&[2], &[3], &[1]]));
}

#[test]
fn floats_are_equal_as_they_are_ordered() {
    let spec: MostFrequentOf<_, 4> = most_frequent(|row: &Option<f64>| *row);
    let rows = numbered([Some(f64::NAN), None, Some(-0.0), Some(f64::NAN), Some(0.0), Some(f64::NAN)]);
    let list = spec.finish(&updated(&spec, &rows));
    let counts: Vec<u64> = list.iter().map(|frequent| frequent.count).collect();
    assert_eq!(counts, [3, 2]);
    assert!(list[0].value.is_nan());
}
