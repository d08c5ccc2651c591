//! Sketches and other aggregates of fixed size: errors against exact answers, and the same bytes in any order of rows and
//! merges where that is promised.

mod approx_count_distinct;
mod collect;
mod exponential_mean;
mod histogram;
mod in_a_query;
mod most_frequent;
mod quantiles;

use headwater::aggregate::{Aggregate, Arrival, Stored};
use headwater_tests::properties::{Random, seed};

/// Rows with their place in the order of arrival.
type Numbered<R> = Vec<(Arrival, R)>;

fn numbered<R>(rows: impl IntoIterator<Item = R>) -> Numbered<R> {
    (1..).zip(rows).collect()
}

/// Random numbers by the seed of this run, which is printed.
fn seeded() -> Random {
    let seed = seed();
    println!("run again with HEADWATER_SEED={seed}");
    Random(seed)
}

/// The state as the checkpoint would hold it.
fn bytes(state: &impl Stored) -> Vec<u8> {
    let mut buffer = vec![0; 1 << 18];
    postcard::to_slice(state, &mut buffer).expect("a state of at most 256 KiB").to_vec()
}

fn updated<R, A: Aggregate<R>>(spec: &A, rows: &[(Arrival, R)]) -> A::State {
    let mut state = spec.init();
    for (arrival, row) in rows {
        spec.update(&mut state, row, *arrival);
    }
    state
}

/// The rows split at random into parts, the rows of each in an order of their own, and the parts merged in pairs drawn at random.
fn in_any_order<R: Clone, A: Aggregate<R>>(spec: &A, rows: &[(Arrival, R)], random: &mut Random) -> A::State {
    let mut parts = vec![Numbered::new(); 1 + random.below(8) as usize];
    for row in rows {
        let part = random.below(parts.len() as u64) as usize;
        parts[part].push(row.clone());
    }
    let mut states: Vec<A::State> = Vec::new();
    for part in &mut parts {
        shuffle(part, random);
        states.push(updated(spec, part));
    }
    while states.len() > 1 {
        let taken = states.swap_remove(random.below(states.len() as u64) as usize);
        let into = random.below(states.len() as u64) as usize;
        spec.merge(&mut states[into], &taken);
    }
    states.pop().expect("at least one part")
}

fn shuffle<T>(list: &mut [T], random: &mut Random) {
    for last in (1..list.len()).rev() {
        list.swap(last, random.below(last as u64 + 1) as usize);
    }
}

/// A number from 0 up to 1.
fn share(random: &mut Random) -> f64 {
    (random.draw() >> 11) as f64 / (1_u64 << 53) as f64
}

/// The promise of the same bytes: in one pass, and twenty times split and merged in another way; also through the checkpoint, and
/// merged with a fresh state on either side.
fn assert_same_bytes<R: Clone, A: Aggregate<R>>(spec: &A, rows: &[(Arrival, R)], random: &mut Random) {
    let state = updated(spec, rows);
    let whole = bytes(&state);
    for round in 0..20 {
        assert_eq!(bytes(&in_any_order(spec, rows, random)), whole, "round {round}");
    }
    assert_neutral(spec, &state);
}

/// A state is the same after the checkpoint, and after a merge with a fresh state.
fn assert_neutral<R, A: Aggregate<R>>(spec: &A, state: &A::State) {
    let whole = bytes(state);
    let restored: A::State = postcard::from_bytes(&whole).expect("a state just written");
    assert_eq!(bytes(&restored), whole, "restored");
    let mut into_fresh = spec.init();
    spec.merge(&mut into_fresh, state);
    assert_eq!(bytes(&into_fresh), whole, "merged into a fresh state");
    let mut with_fresh = state.clone();
    spec.merge(&mut with_fresh, &spec.init());
    assert_eq!(bytes(&with_fresh), whole, "merged with a fresh state");
}
