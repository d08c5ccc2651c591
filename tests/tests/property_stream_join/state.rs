//! The memory of a join.

use headwater::{BufferedJoinState, JoinState, OnFull, QueryPlan};
use headwater_tests::model::streams::streams;
use headwater_tests::properties::check;
use proptest::prelude::*;

use crate::drawn::{JoinStateOf, drawn, pair_of, plan};
use crate::run::{Flash, How, calls, new_run};

/// The bytes that the documentation of the states names.
#[test]
fn bytes_per_row() {
    type Row = [u64; 2];
    let per_row = |one: usize, more: usize| (more - one) / 200;
    let ranged = per_row(
        size_of::<JoinState<u16, Row, Row, 100, 100>>(),
        size_of::<JoinState<u16, Row, Row, 200, 200>>(),
    );
    let buffered = per_row(
        size_of::<BufferedJoinState<u16, Row, Row, 100, 100>>(),
        size_of::<BufferedJoinState<u16, Row, Row, 200, 200>>(),
    );
    assert_eq!((ranged, buffered), (56, 72));
}

const INLINE_CAPACITY: usize = 7;

#[test]
fn inline_and_allocated_state_give_the_same_results_and_bytes() {
    let policies = prop::sample::select(vec![OnFull::Refuse, OnFull::Drop, OnFull::EvictOldest]);
    check(
        300,
        &(streams(2, 0..60), drawn(0_i64..14), policies, any::<u64>()),
        |(epochs, drawn, on_full, seed)| {
            let how = How { commits: true, seed, ..How::default() };
            let plan = plan(&drawn, on_full);
            let calls = calls(&epochs);
            let (mut inline_run, mut allocated_run) = (new_run(&calls, how), new_run(&calls, how));
            let (mut inline_flash, mut allocated_flash) = (Flash::new(), Flash::new());
            let mut inline = JoinStateOf::<INLINE_CAPACITY>::default();
            let mut allocated = plan.allocate(INLINE_CAPACITY);
            prop_assert!(inline_run.go_on(plan.bind(&mut inline), &mut inline_flash, pair_of));
            prop_assert!(allocated_run.go_on(plan.bind(&mut allocated), &mut allocated_flash, pair_of));
            prop_assert_eq!(inline_run.answers, allocated_run.answers);
            prop_assert!(inline_flash.image() == allocated_flash.image(), "the logs differ");
            Ok(())
        },
    );
}
