//! `exponential_mean`: the formula over all rows, in any order but for rounding.

use headwater::aggregate::{Aggregate, NoHalfLife, exponential_mean};
use headwater::{Span, Timestamp};
use headwater_tests::properties::{Random, check};
use proptest::prelude::*;

use super::{Numbered, assert_neutral, in_any_order, numbered, seeded, share, updated};

type Row = (Option<f64>, Option<Timestamp>);

fn value(row: &Row) -> Option<f64> {
    row.0
}

fn time(row: &Row) -> Option<Timestamp> {
    row.1
}

/// The definition, over rows whose values are finite.
fn exact(rows: &Numbered<Row>, half_life: Span) -> Option<f64> {
    let rows = || rows.iter().filter_map(|(_, (value, at))| Some(((*value)?, (*at)?)));
    let latest = rows().map(|(_, at)| at).max()?;
    let weight =
        |at: Timestamp| (-(latest.since(at).as_micros() as f64) / half_life.as_micros() as f64).exp2();
    let sum: f64 = rows().map(|(value, at)| value * weight(at)).sum();
    Some(sum / rows().map(|(_, at)| weight(at)).sum::<f64>())
}

fn close(ours: Option<f64>, exact: Option<f64>, scale: f64) -> bool {
    match (ours, exact) {
        (Some(ours), Some(exact)) => (ours - exact).abs() <= 1e-12 * scale,
        _ => ours == exact,
    }
}

#[test]
fn the_formula_in_any_order_of_rows_and_merges() {
    let at = prop_oneof![9 => (0..20_000_000_i64).prop_map(Some), 1 => Just(None)];
    let value = proptest::option::weighted(0.9, -100.0..100.0_f64);
    let rows = proptest::collection::vec((value, at.prop_map(|at| at.map(Timestamp::from_micros))), 0..60);
    check(2000, &(rows, 1..5_000_000_u32, any::<u64>()), |(rows, half_life, draws)| {
        let (rows, half_life) = (numbered(rows), Span::micros(half_life));
        let spec = exponential_mean(self::value, time, half_life).expect("not zero");
        let expected = exact(&rows, half_life);
        let in_one_pass = spec.finish(&updated(&spec, &rows));
        prop_assert!(close(in_one_pass, expected, 100.0), "{:?}, the formula {:?}", in_one_pass, expected);
        let merged = spec.finish(&in_any_order(&spec, &rows, &mut Random(draws)));
        prop_assert!(close(merged, expected, 100.0), "{:?}, the formula {:?}", merged, expected);
        assert_neutral(&spec, &updated(&spec, &rows));
        Ok(())
    });
}

#[test]
fn a_year_of_readings_keeps_its_digits() {
    let mut random = seeded();
    let hour = Span::hours(1);
    let spec = exponential_mean(value, time, hour).expect("not zero");
    let rows = numbered(
        (0..365 * 24 * 6_u32)
            .map(|step| {
                (Some(20.0 + 5.0 * share(&mut random)), Some(Timestamp::EPOCH + Span::mins(step * 10)))
            })
            .collect::<Vec<_>>(),
    );
    let (ours, expected) = (spec.finish(&updated(&spec, &rows)), exact(&rows, hour));
    println!("{ours:?}, the formula {expected:?}");
    assert!(close(ours, expected, 1.0));
}

#[test]
fn special_values() {
    let spec = exponential_mean(value, time, Span::micros(1)).expect("not zero");
    let of = |rows: &[(f64, i64)]| {
        let rows = rows.iter().map(|(value, at)| (Some(*value), Some(Timestamp::from_micros(*at))));
        spec.finish(&updated(&spec, &numbered(rows.collect::<Vec<_>>())))
    };
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[(-0.0, 0)]).map(f64::to_bits), Some(0));
    // Far beyond what a float can weigh, in either order.
    assert_eq!(of(&[(1.0, 0), (3.0, 1 << 40)]), Some(3.0));
    assert_eq!(of(&[(3.0, 1 << 40), (1.0, 0)]), Some(3.0));
    assert_eq!(of(&[(f64::INFINITY, 0), (3.0, 1 << 40), (4.0, 1 << 50)]), Some(f64::INFINITY));
    assert_eq!(of(&[(3.0, 1 << 40), (f64::INFINITY, 0)]), Some(f64::INFINITY));
    for nan in [[(f64::NAN, 0), (3.0, 1 << 40)], [(f64::INFINITY, 0), (f64::NEG_INFINITY, 9)]] {
        assert!(of(&nan).is_some_and(f64::is_nan));
    }
    // No event time: none that a row can have.
    assert_eq!(of(&[(1.0, i64::MAX), (2.0, i64::MIN)]), None);
}

#[test]
fn a_half_life_is_not_zero() {
    assert_eq!(exponential_mean(value, time, Span::ZERO).err(), Some(NoHalfLife));
    assert!(NoHalfLife.to_string().contains("half-life"));
}
