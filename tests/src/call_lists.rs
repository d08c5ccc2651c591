//! Lists of calls that run the epochs of a stream.

use proptest::prelude::*;

use crate::calls::Call;
use crate::model::row::{Epoch, Row};
use crate::properties::Random;

/// The calls that run `epochs`, with commits strewn in, and a drain at the end.
#[must_use]
pub fn with_commits<R>(epochs: &[Epoch], seed: u64, row: impl Fn(usize, Row) -> R) -> Vec<Call<R>> {
    let mut random = Random(seed);
    let mut calls = Vec::new();
    for epoch in epochs {
        for (input, offered) in &epoch.rows {
            calls.push(Call::Push(row(*input, *offered), None));
            if random.below(5) == 0 {
                calls.push(Call::Commit);
            }
        }
        calls.push(Call::Trigger(epoch.now, None));
        if random.below(2) == 0 {
            calls.push(Call::Commit);
        }
    }
    calls.push(Call::Drain);
    calls
}

/// The same calls with sinks that take few results at a time and are called until they have all.
#[must_use]
pub fn patiently<R: Clone>(calls: &[Call<R>]) -> Vec<Call<R>> {
    let patient = |call: &Call<R>| match call {
        Call::Push(row, _) => Call::PushPatiently(row.clone()),
        Call::Trigger(now, _) => Call::Patiently(*now),
        Call::Drain => Call::DrainPatiently,
        call => call.clone(),
    };
    calls.iter().map(patient).collect()
}

/// The numbers of the calls that push a row.
pub fn pushes<R>(calls: &[Call<R>]) -> impl Iterator<Item = usize> {
    let is_push = |call: &Call<R>| matches!(call, Call::Push(..) | Call::PushPatiently(_));
    calls.iter().enumerate().filter(move |(_, call)| is_push(call)).map(|(number, _)| number)
}

/// What happens between rows, besides triggers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    /// Nothing.
    Nothing,
    /// A commit.
    Commit,
    /// A trigger with a sink that soon refuses, a commit that must then wait, and a patient one.
    Interrupted(u8),
}

/// Something to put between the rows of a stream.
pub fn betweens() -> impl Strategy<Value = Vec<Between>> {
    let between = prop_oneof![
        6 => Just(Between::Nothing),
        3 => Just(Between::Commit),
        2 => (0_u8..4).prop_map(Between::Interrupted),
    ];
    prop::collection::vec(between, 1..20)
}

/// Calls that push the rows of epochs as `row` makes them, and end each patiently.
#[must_use]
pub fn calls<R>(epochs: &[Epoch], betweens: &[Between], row: impl Fn(usize, Row) -> R) -> Vec<Call<R>> {
    let mut betweens = betweens.iter().cycle();
    let mut calls = Vec::new();
    for epoch in epochs {
        for (input, pushed) in &epoch.rows {
            calls.push(Call::Push(row(*input, *pushed), None));
            if betweens.next() == Some(&Between::Commit) {
                calls.push(Call::Commit);
            }
        }
        match betweens.next() {
            Some(Between::Interrupted(room)) => {
                calls.extend([
                    Call::Trigger(epoch.now, Some(*room)),
                    Call::Commit,
                    Call::Patiently(epoch.now),
                ]);
            }
            Some(Between::Commit) => calls.extend([Call::Patiently(epoch.now), Call::Commit]),
            _ => calls.push(Call::Patiently(epoch.now)),
        }
    }
    calls
}
