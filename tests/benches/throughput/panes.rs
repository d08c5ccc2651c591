//! Sliding windows by how many panes each has.

use std::time::Instant;

use headwater::window::Sliding;
use headwater::{QueryPlan, Span, Stream, Timestamp};

use crate::engine::aggregates;
use crate::readings::Reading;

const KEYS: u32 = 100;
const SLIDES: u32 = 5_000;
const SLIDES_PER_TRIGGER: u32 = 10;

/// What a row costs when all windows are full: one row of each key in each slide of a second, and so one result for each row.
pub fn nanos_per_row(panes: u32) -> f64 {
    let window = Sliding::of(Span::secs(panes), Span::secs(1)).expect("the slide fits the size");
    let plan = Stream::<Reading>::new()
        .with_watermark(|reading| reading.at, Span::ZERO)
        .group_by(|reading| reading.key)
        .window(window)
        .aggregate(aggregates())
        .append();
    let mut state = plan.allocate((KEYS * (panes + SLIDES_PER_TRIGGER + 1)) as usize);
    let mut query = plan.bind(&mut state);
    let mut results = 0_u64;
    let mut run = |slides: core::ops::Range<u32>| {
        for slide in slides {
            let at = Timestamp::from_secs(i64::from(slide));
            for key in 0..KEYS {
                query.push(Reading { at, key, value: f64::from(key) }).expect("the state has room");
            }
            if slide % SLIDES_PER_TRIGGER == 0 {
                query.trigger(Timestamp::EPOCH, |_| results += 1).expect("the sink takes every result");
            }
        }
    };
    let full = 2 * panes;
    run(0..full);
    let start = Instant::now();
    run(full..full + SLIDES);
    let nanos = start.elapsed().as_secs_f64() * 1e9;
    assert!(results >= u64::from(SLIDES * KEYS), "a result for each row");
    nanos / f64::from(SLIDES * KEYS)
}
