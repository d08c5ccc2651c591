//! Streams drawn at random: several inputs, disorder, ties, null keys and null event times. Times are small numbers of microseconds, so
//! that rows lie at exact boundaries often.

use proptest::prelude::*;

use super::row::{Epoch, Row};
use super::watermark::Inputs;

/// A delay longer than any stream here: no row is late.
pub const IN_TIME: i64 = 100_000;

/// Inputs of which no row is late.
#[must_use]
pub fn in_time(inputs: usize) -> Inputs {
    Inputs::new(&vec![Some(IN_TIME); inputs])
}

/// What is drawn for each row: the clock goes on by `advance`, and the row lags behind it.
#[derive(Debug, Clone, Copy)]
struct Draw {
    input: usize,
    advance: i64,
    lag: i64,
    key: Option<u8>,
    has_time: bool,
    value: Option<f64>,
    /// How many epochs end after the row: 0, 1, or more for empty ones.
    epochs_end: usize,
    /// How far processing time goes on at each end.
    wait: i64,
}

fn draw(inputs: usize) -> impl Strategy<Value = Draw> {
    let advance = prop_oneof![6 => 0_i64..3, 2 => 0_i64..9, 1 => 0_i64..40];
    let lag = prop_oneof![5 => 0_i64..4, 3 => 0_i64..15, 1 => 0_i64..60];
    let key = prop_oneof![12 => (0_u8..4).prop_map(Some), 1 => Just(None)];
    let has_time = prop::bool::weighted(0.95);
    // Multiples of a quarter, so that sums are exact in any order.
    let value =
        prop_oneof![1 => Just(None), 6 => (-40_i32..40).prop_map(|quarters| Some(f64::from(quarters) / 4.0))];
    let epochs_end = prop_oneof![8 => Just(0_usize), 3 => Just(1_usize), 1 => Just(3_usize)];
    (0..inputs, advance, lag, key, has_time, value, epochs_end, 0_i64..20).prop_map(
        |(input, advance, lag, key, has_time, value, epochs_end, wait)| Draw {
            input,
            advance,
            lag,
            key,
            has_time,
            value,
            epochs_end,
            wait,
        },
    )
}

/// Streams over a number of inputs that begin before 1970, with so many rows in all. Processing time begins at 1000.
pub fn streams(
    inputs: usize,
    rows: impl Into<prop::collection::SizeRange>,
) -> impl Strategy<Value = Vec<Epoch>> {
    (-60_i64..10, prop::collection::vec(draw(inputs), rows)).prop_map(|(start, draws)| {
        let (mut clock, mut now) = (start, 1000);
        let mut epochs = Vec::new();
        let mut rows = Vec::new();
        for (number, draw) in (0..).zip(draws) {
            clock += draw.advance;
            let at = draw.has_time.then_some(clock - draw.lag);
            rows.push((draw.input, Row { number, key: draw.key, at, value: draw.value }));
            for _ in 0..draw.epochs_end {
                now += draw.wait;
                epochs.push(Epoch { rows: core::mem::take(&mut rows), now });
            }
        }
        epochs.push(Epoch { rows, now: now + 1 });
        epochs
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties::Random;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, RngSeed, TestRunner};
    use std::collections::BTreeSet;

    /// What the properties rest on does turn up.
    #[test]
    fn every_kind_of_row_is_drawn() {
        let mut seen = BTreeSet::new();
        let config = Config { rng_seed: RngSeed::Fixed(Random(1).draw()), ..Config::default() };
        let mut runner = TestRunner::new(config);
        for _ in 0..20 {
            let epochs = streams(2, 60).new_tree(&mut runner).unwrap().current();
            let rows: Vec<(usize, Row)> = epochs.iter().flat_map(|epoch| epoch.rows.clone()).collect();
            assert_eq!(rows.len(), 60);
            assert!(epochs.is_sorted_by_key(|epoch| epoch.now));
            for (place, (input, row)) in rows.iter().enumerate() {
                assert_eq!(row.number as usize, place);
                seen.insert(format!("input {input}"));
                seen.extend(row.key.is_none().then(|| "null key".into()));
                seen.extend(row.at.is_none().then(|| "null time".into()));
                seen.extend(row.value.is_none().then(|| "null value".into()));
                for (_, before) in &rows[..place] {
                    seen.extend((before.at > row.at).then(|| "disorder".into()));
                    let tie = before.at == row.at && before.key == row.key;
                    seen.extend(tie.then(|| "tie".into()));
                }
            }
            seen.extend(epochs.iter().any(|epoch| epoch.rows.is_empty()).then(|| "empty epoch".into()));
        }
        assert_eq!(seen.len(), 8, "{seen:?}");
    }
}
