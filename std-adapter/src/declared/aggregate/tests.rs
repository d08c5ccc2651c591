use headwater::aggregate::Aggregate;

use super::{AggregateStates, BoundAggregate, DynamicAggregates};
use crate::dynamic::{Row, Value};

/// Columns: 0 double, 1 int, 2 text.
fn rows() -> Vec<Row> {
    let row = |value: Option<f64>, id: Option<i32>, key: Option<&str>| {
        Row::new([Value::from(value), Value::from(id), Value::from(key)])
    };
    vec![
        row(None, Some(3), Some("b")),
        row(Some(4.0), None, Some("é")),
        row(Some(1.0), Some(i32::MAX), Some("z")),
        row(Some(1.0), Some(3), None),
        row(None, Some(2), Some("B")),
    ]
}

fn answer(bound: BoundAggregate, rows: &[Row]) -> Value {
    let spec = DynamicAggregates::new([bound]).unwrap();
    spec.finish(&state_of(&spec, rows, 1)).value(0).clone()
}

fn state_of(spec: &DynamicAggregates, rows: &[Row], first_arrival: u64) -> AggregateStates {
    let mut state = spec.init();
    for (row, arrival) in rows.iter().zip(first_arrival..) {
        spec.update(&mut state, row, arrival);
    }
    state
}

/// Every aggregate, and its answer for [`rows`] and for no rows.
fn answers() -> Vec<(BoundAggregate, Value, Value)> {
    use BoundAggregate::*;
    let null = || Value::Null;
    vec![
        (CountRows, Value::Long(5), Value::Long(0)),
        (Count { column: 0 }, Value::Long(3), Value::Long(0)),
        (SumOfIntegers { column: 1 }, Value::Long(i64::from(i32::MAX) + 8), null()),
        (SumOfDoubles { column: 0 }, Value::Double(6.0), null()),
        (Mean { column: 0 }, Value::Double(2.0), null()),
        (Mean { column: 1 }, Value::Double((f64::from(i32::MAX) + 8.0) / 4.0), null()),
        (Min { column: 1 }, Value::Int(2), null()),
        (Max { column: 1 }, Value::Int(i32::MAX), null()),
        (Min { column: 2 }, Value::from("B"), null()),
        (Max { column: 2 }, Value::from("é"), null()),
        (Stddev { column: 0 }, Value::Double(3.0_f64.sqrt()), null()),
        (StddevPop { column: 0 }, Value::Double(2.0_f64.sqrt()), null()),
        (Variance { column: 0 }, Value::Double(3.0), null()),
        (VariancePop { column: 0 }, Value::Double(2.0), null()),
        (First { column: 0 }, null(), null()),
        (FirstNonNull { column: 0 }, Value::Double(4.0), null()),
        (Last { column: 0 }, null(), null()),
        (LastNonNull { column: 2 }, Value::from("B"), null()),
        // Of the two rows where `by` is least the later one, whose text is null.
        (MinBy { column: 2, by: 0 }, null(), null()),
        (MaxBy { column: 2, by: 0 }, Value::from("é"), null()),
        (ApproxCountDistinct { column: 1 }, Value::Long(3), Value::Long(0)),
        (Quantile { column: 0, quantile: 1.0 }, Value::Double(4.0), null()),
    ]
}

#[test]
fn each_answers_as_spark_and_in_its_type() {
    for (bound, of_rows, of_none) in answers() {
        assert_eq!(answer(bound, &rows()), of_rows, "{bound:?}");
        assert_eq!(answer(bound, &[]), of_none, "{bound:?} of no rows");
    }
}

#[test]
fn spark_rules_for_one_value_nan_and_zero() {
    use BoundAggregate::*;
    let of = |bound, values: &[f64]| {
        let rows: Vec<_> = values.iter().map(|value| Row::new([Value::Double(*value)])).collect();
        answer(bound, &rows)
    };
    let column = 0;
    assert_eq!(of(Stddev { column }, &[5.0]), Value::Null);
    assert_eq!(of(StddevPop { column }, &[5.0]), Value::Double(0.0));
    assert_eq!(of(Max { column }, &[f64::NAN, f64::INFINITY]), Value::Double(f64::NAN));
    assert_eq!(of(Min { column }, &[f64::NAN, 4.0]), Value::Double(4.0));
    assert_eq!(of(SumOfDoubles { column }, &[f64::INFINITY, f64::NEG_INFINITY]), Value::Double(f64::NAN));
    let Value::Double(zero) = of(SumOfDoubles { column }, &[-0.0]) else { panic!("no sum") };
    assert!(zero.is_sign_positive());
    let Value::Double(zero) = of(Min { column }, &[-0.0, 0.0]) else { panic!("no minimum") };
    assert!(zero.is_sign_negative(), "the first of equal values stays");
}

#[test]
fn distinct_counts_hash_each_type_as_spark() {
    use headwater::aggregate::{ApproxCountDistinct, approx_count_distinct};
    let spec = DynamicAggregates::new([BoundAggregate::ApproxCountDistinct { column: 0 }]).unwrap();
    let int = approx_count_distinct(|row: &i32| *row);
    let long = approx_count_distinct(|row: &i64| *row);
    let mut expected: (ApproxCountDistinct, ApproxCountDistinct) = (int.init(), long.init());
    let mut ints = spec.init();
    let mut longs = spec.init();
    for number in 0..100 {
        int.update(&mut expected.0, &number, 1);
        long.update(&mut expected.1, &i64::from(number), 1);
        spec.update(&mut ints, &Row::new([Value::Int(number)]), 1);
        spec.update(&mut longs, &Row::new([Value::Long(i64::from(number))]), 1);
    }
    assert_eq!(ints, [super::AggregateState::ApproxCountDistinct(expected.0.into())].into_iter().collect());
    assert_eq!(longs, [super::AggregateState::ApproxCountDistinct(expected.1.into())].into_iter().collect());
    assert_ne!(ints, longs);
}

#[test]
fn merging_parts_is_as_one_state() {
    let bound: Vec<_> = answers().into_iter().map(|(bound, ..)| bound).collect();
    let spec = DynamicAggregates::new(bound).unwrap();
    let rows = rows();
    let whole = spec.finish(&state_of(&spec, &rows, 1));
    for split in 0..=rows.len() {
        let (early, late) = rows.split_at(split);
        let mut state = state_of(&spec, early, 1);
        spec.merge(&mut state, &state_of(&spec, late, 1 + split as u64));
        let merged = spec.finish(&state);
        for ((merged, whole), bound) in merged.values().iter().zip(whole.values()).zip(spec.bound()) {
            match (merged.as_f64(), whole.as_f64()) {
                (Some(merged), Some(whole)) => {
                    assert!((merged - whole).abs() <= 1e-9 * whole.abs(), "{bound:?} split at {split}");
                }
                _ => assert_eq!(merged, whole, "{bound:?} split at {split}"),
            }
        }
    }
}

#[test]
fn state_survives_the_checkpoint() {
    let bound: Vec<_> = answers().into_iter().map(|(bound, ..)| bound).collect();
    let spec = DynamicAggregates::new(bound).unwrap();
    let state = state_of(&spec, &rows(), 1);
    let mut buffer = [0; 4096];
    let bytes = postcard::to_slice(&state, &mut buffer).unwrap();
    assert_eq!(postcard::from_bytes::<AggregateStates>(bytes).unwrap(), state);
}

#[test]
#[cfg(target_pointer_width = "64")]
fn sizes_are_as_documented() {
    assert_eq!(size_of::<super::AggregateState>(), 64);
    assert_eq!(size_of::<headwater::aggregate::ApproxCountDistinct>(), 512);
    assert_eq!(size_of::<super::state::QuantileSketch>(), 4_144);
}

#[test]
fn state_of_other_aggregates_answers_null() {
    let count = DynamicAggregates::new([BoundAggregate::CountRows]).unwrap();
    let sum = DynamicAggregates::new([BoundAggregate::SumOfDoubles { column: 0 }]).unwrap();
    let mut state = count.init();
    sum.update(&mut state, &Row::new([Value::Double(1.0)]), 1);
    sum.merge(&mut state, &sum.init());
    assert_eq!(sum.finish(&state), Row::new([Value::Null]));
    assert_eq!(count.finish(&state), Row::new([Value::Long(0)]));
}
