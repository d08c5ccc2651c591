//! `quantile` and `quantiles`: within the stated error of the exact answer, the same bytes in any order.

use headwater::aggregate::{Aggregate, QuantileOutOfRange, QuantilesOf, quantile, quantiles};
use headwater_tests::properties::Random;

use super::{assert_same_bytes, numbered, seeded, share, updated};

fn percents() -> [f64; 101] {
    core::array::from_fn(|percent| percent as f64 / 100.0)
}

/// The exact answers: NaN last, as the order of floats puts it.
fn exact(values: &[f64], quantiles: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> =
        values.iter().map(|value| if value.is_nan() { f64::NAN } else { value + 0.0 }).collect();
    sorted.sort_by(f64::total_cmp);
    let last = (sorted.len() - 1) as f64;
    quantiles.iter().map(|quantile| sorted[(quantile * last) as usize]).collect()
}

/// Values of one kind each, the last with everything a float can be.
fn samples(random: &mut Random) -> Vec<(&'static str, Vec<f64>)> {
    let mut sample = |name, draw: &mut dyn FnMut(&mut Random) -> f64| {
        (name, (0..5000).map(|_| draw(random)).collect::<Vec<f64>>())
    };
    vec![
        sample("uniform", &mut |random| 1.0 + 99.0 * share(random)),
        sample("exponential", &mut |random| -20.0 * (1.0 - share(random)).ln() + 0.5),
        sample("heavy tail", &mut |random| 1.0 / (1.0 - 0.9999 * share(random))),
        sample("whole milliseconds", &mut |random| random.below(300) as f64),
        sample("one value", &mut |_| 21.5),
        sample("both signs", &mut |random| 80.0 * share(random) - 40.0),
        sample("all below zero", &mut |random| -1.0 - 500.0 * share(random)),
        sample("anything", &mut |random| match random.below(12) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => f64::NEG_INFINITY,
            3 => 0.0,
            4 => -0.0,
            _ => 10.0 * share(random) - 5.0,
        }),
    ]
}

fn assert_within<const POSITIVE: usize, const NEGATIVE: usize, const PER_OCTAVE: usize>(random: &mut Random) {
    let spec: QuantilesOf<_, 101, POSITIVE, NEGATIVE, PER_OCTAVE> =
        quantiles(|row: &f64| *row, percents()).expect("from 0 to 1");
    let error = 0.35 / PER_OCTAVE as f64;
    for (name, values) in samples(random) {
        let answers = spec.finish(&updated(&spec, &numbered(values.iter().copied()))).expect("5000 values");
        // The least size with a bucket of its own, on either side.
        let greatest =
            |sign: f64| values.iter().map(|v| v * sign).filter(|v| v.is_finite()).fold(0.0, f64::max);
        let bound = |buckets: usize, sign| {
            greatest(sign) / (buckets.saturating_sub(2) as f64 / PER_OCTAVE as f64).exp2()
        };
        let bounds = (bound(POSITIVE, 1.0), bound(NEGATIVE, -1.0));
        let (mut worst, mut beyond) = (0.0_f64, 0);
        for ((ours, exact), quantile) in answers.into_iter().zip(exact(&values, &percents())).zip(percents())
        {
            let in_range = if exact > 0.0 { exact >= bounds.0 } else { -exact >= bounds.1 };
            if ours.to_bits() == exact.to_bits() || (ours.is_nan() && exact.is_nan()) {
                continue;
            }
            if exact != 0.0 && exact.is_finite() && in_range {
                worst = worst.max((ours / exact - 1.0).abs());
            } else {
                assert!(exact != 0.0 && exact.is_finite(), "{name}: {ours} for {exact} at {quantile}");
                let bound = if exact > 0.0 { bounds.0 } else { bounds.1 };
                assert!(ours.abs() <= bound * (1.0 + error) && ours.abs() >= exact.abs() * (1.0 - error));
                beyond += 1;
            }
        }
        println!(
            "{POSITIVE} and {NEGATIVE} buckets, {PER_OCTAVE} per octave, {name}: {:.3} % off at worst, {beyond} below the buckets",
            100.0 * worst
        );
        assert!(worst <= error * (1.0 + 1e-9), "{name}: {worst}, stated {error}");
    }
}

#[test]
fn the_error_is_as_stated() {
    let mut random = seeded();
    assert_within::<512, 512, 35>(&mut random);
    assert_within::<256, 1, 35>(&mut random);
    assert_within::<128, 64, 7>(&mut random);
    assert_within::<2048, 2048, 350>(&mut random);
    // Too few for the range: the stated bound and what happens below it.
    assert_within::<20, 20, 18>(&mut random);
    assert_within::<1, 1, 1>(&mut random);
}

#[test]
fn the_ends_are_exact() {
    let answers = |values: &[f64]| {
        let spec: QuantilesOf<_, 3, 8, 1, 35> =
            quantiles(|row: &f64| *row, [0.0, 0.5, 1.0]).expect("from 0 to 1");
        spec.finish(&updated(&spec, &numbered(values.iter().copied())))
    };
    assert_eq!(answers(&[]), None);
    assert_eq!(answers(&[0.1]), Some([0.1; 3]));
    assert_eq!(answers(&[-0.0]).map(|zeros| zeros.map(f64::to_bits)), Some([0; 3]));
    assert_eq!(answers(&[f64::MAX, f64::MIN]), Some([f64::MIN, f64::MIN, f64::MAX]));
    assert_eq!(
        answers(&[f64::NEG_INFINITY, f64::INFINITY, 5e-324]),
        Some([f64::NEG_INFINITY, 0.0, f64::INFINITY])
    );
    let [least, median, greatest] = answers(&[f64::NAN, 3.0, f64::NAN]).expect("three values");
    assert!(least == 3.0 && median.is_nan() && greatest.is_nan());
}

#[test]
fn the_same_bytes_in_any_order() {
    let mut random = seeded();
    let narrow: QuantilesOf<_, 1, 16, 4, 7> = quantiles(|row: &f64| *row, [0.5]).expect("from 0 to 1");
    let wide: QuantilesOf<_, 1, 256, 256, 35> = quantiles(|row: &f64| *row, [0.5]).expect("from 0 to 1");
    for (name, values) in samples(&mut random) {
        println!("{name}");
        for rows in [0, 1, 2, 40, 5000] {
            let rows = numbered(values[..rows].iter().copied());
            assert_same_bytes(&narrow, &rows, &mut random);
            assert_same_bytes(&wide, &rows, &mut random);
        }
    }
    // All sizes that there are, so that buckets collapse in each possible way.
    let sizes = |random: &mut Random| f64::from_bits(random.draw());
    let rows = numbered((0..500).map(|_| sizes(&mut random)).collect::<Vec<_>>());
    assert_same_bytes(&narrow, &rows, &mut random);
    assert_same_bytes(&wide, &rows, &mut random);
}

#[test]
fn a_quantile_is_from_0_to_1() {
    let of = |share: f64| quantile::<8, 1, 35, f64, _, _>(|row: &f64| *row, share).err();
    assert_eq!(of(0.0), None);
    assert_eq!(of(1.0), None);
    for wrong in [99.0, -0.01, f64::INFINITY] {
        assert_eq!(of(wrong), Some(QuantileOutOfRange { quantile: wrong }));
    }
    assert!(of(f64::NAN).is_some());
    assert_eq!(
        QuantileOutOfRange { quantile: 99.0 }.to_string(),
        "99 is no quantile: give a number from 0 to 1, such as 0.99"
    );
}
