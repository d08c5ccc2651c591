//! Each aggregate: a row taken in, a state merged, an answer.

use core::hint::black_box;

use headwater::Span;
use headwater::aggregate::{
    Aggregate, ApproxCountDistinct, Collect, MostFrequent, Quantiles, approx_count_distinct, collect, count,
    count_of, exponential_mean, first, first_non_null, histogram, last, last_non_null, max, max_by, mean,
    min, min_by, most_frequent, quantile, quantiles, stddev, stddev_pop, sum, variance, variance_pop,
};

use super::query::aggregates;
use super::rows::{Reading, readings};
use crate::kernel::{Kernel, measured};

const ROWS: usize = 1_000;
/// States that are merged, and that answer.
const STATES: usize = 32;

pub fn kernels() -> Vec<Kernel> {
    let mut kernels = numbers();
    kernels.extend(rows());
    kernels.extend(sketches());
    kernels.extend(of("count+sum+min+max", aggregates));
    kernels
}

fn numbers() -> Vec<Kernel> {
    let mut kernels = Vec::new();
    kernels.extend(of("count", count));
    kernels.extend(of("count_of", || count_of(|row: &Reading| row.value)));
    kernels.extend(of("sum-f64", || sum(|row: &Reading| row.value)));
    kernels.extend(of("sum-u32", || sum(|row: &Reading| row.key)));
    kernels.extend(of("mean", || mean(|row: &Reading| row.value)));
    kernels.extend(of("min", || min(|row: &Reading| row.value)));
    kernels.extend(of("max", || max(|row: &Reading| row.value)));
    kernels.extend(of("variance", || variance(|row: &Reading| row.value)));
    kernels.extend(of("variance_pop", || variance_pop(|row: &Reading| row.value)));
    kernels.extend(of("stddev", || stddev(|row: &Reading| row.value)));
    kernels.extend(of("stddev_pop", || stddev_pop(|row: &Reading| row.value)));
    kernels.extend(of("exponential_mean", || {
        exponential_mean(|row: &Reading| row.value, |row: &Reading| row.at, Span::secs(60))
            .expect("not a half-life of no time")
    }));
    kernels
}

fn rows() -> Vec<Kernel> {
    let mut kernels = Vec::new();
    kernels.extend(of("min_by", || min_by(|row: &Reading| row.key, |row: &Reading| row.value)));
    kernels.extend(of("max_by", || max_by(|row: &Reading| row.key, |row: &Reading| row.value)));
    kernels.extend(of("first", || first(|row: &Reading| row.value)));
    kernels.extend(of("last", || last(|row: &Reading| row.value)));
    kernels.extend(of("first_non_null", || first_non_null(|row: &Reading| row.value)));
    kernels.extend(of("last_non_null", || last_non_null(|row: &Reading| row.value)));
    kernels.extend(of("collect-8", || stating::<Collect<f64, 8>, _>(collect(|row: &Reading| row.value))));
    kernels
}

fn sketches() -> Vec<Kernel> {
    let mut kernels = Vec::new();
    kernels.extend(of("most_frequent-8", || {
        stating::<MostFrequent<u32, 8>, _>(most_frequent(|row: &Reading| row.key))
    }));
    kernels.extend(of("histogram-16", || {
        let edges: [f64; 16] = core::array::from_fn(|edge| edge as f64 * 125.0 - 1_000.0);
        histogram(|row: &Reading| row.value, edges).expect("the edges ascend")
    }));
    kernels.extend(of("quantile-256", || {
        let median = quantile(|row: &Reading| row.value.abs(), 0.5);
        stating::<Quantiles<256>, _>(median.expect("from 0 to 1"))
    }));
    kernels.extend(of("quantiles-256", || {
        let three = quantiles(|row: &Reading| row.value.abs(), [0.5, 0.9, 0.99]);
        stating::<Quantiles<256>, _>(three.expect("from 0 to 1"))
    }));
    kernels.extend(of("approx_count_distinct-512", || {
        stating::<ApproxCountDistinct, _>(approx_count_distinct(|row: &Reading| row.key))
    }));
    kernels
}

/// Says what state an aggregate has whose state's type holds its size.
fn stating<S, A: Aggregate<Reading, State = S>>(aggregate: A) -> A {
    aggregate
}

fn of<A: Aggregate<Reading> + 'static>(name: &str, aggregate: fn() -> A) -> [Kernel; 3] {
    let kernel = |step: &str, unit, run: fn(&A) -> u64| {
        Kernel::new(format!("aggregate/{name}/{step}"), unit, move || run(&aggregate()))
    };
    [kernel("update", "row", update), kernel("merge", "merge", merge), kernel("finish", "answer", finish)]
}

/// The state is where the compiler cannot see it, as in a table.
fn update<A: Aggregate<Reading>>(aggregate: &A) -> u64 {
    let rows = readings(ROWS);
    let mut state = aggregate.init();
    measured(&mut || {
        for (row, arrival) in rows.iter().zip(1..) {
            aggregate.update(black_box(&mut state), row, arrival);
        }
    });
    ROWS as u64
}

/// States of some 30 rows.
fn states<A: Aggregate<Reading>>(aggregate: &A) -> Vec<A::State> {
    let numbered: Vec<(Reading, u64)> = readings(ROWS).into_iter().zip(1..).collect();
    let state_of = |rows: &[(Reading, u64)]| {
        let mut state = aggregate.init();
        rows.iter().for_each(|(row, arrival)| aggregate.update(&mut state, row, *arrival));
        state
    };
    numbered.chunks(ROWS.div_ceil(STATES)).map(state_of).collect()
}

/// All into one, as the panes of a window are.
fn merge<A: Aggregate<Reading>>(aggregate: &A) -> u64 {
    let states = states(aggregate);
    let mut all = aggregate.init();
    measured(&mut || {
        for state in &states {
            aggregate.merge(black_box(&mut all), black_box(state));
        }
    });
    states.len() as u64
}

fn finish<A: Aggregate<Reading>>(aggregate: &A) -> u64 {
    let states = states(aggregate);
    measured(&mut || {
        for state in &states {
            drop(black_box(aggregate.finish(black_box(state))));
        }
    });
    states.len() as u64
}
