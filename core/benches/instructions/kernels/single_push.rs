//! Each row of a stream by itself: how far the worst is from the median.

use headwater::QueryPlan;
use headwater::WindowRecord;
use headwater::state::{Keyed, State};

use super::query::{Aggregates, allocated, inline, push, push_all, trigger, tumbling};
use super::rows::readings;
use crate::kernel::{Kernel, measured};

const ROWS_PER_TRIGGER: usize = 1_024;
/// Until windows close.
const WARM_UP: usize = 12 * ROWS_PER_TRIGGER;
/// Longer than a window, so that all kinds of rows are among them.
const ROWS: usize = 10 * ROWS_PER_TRIGGER;

pub fn kernels() -> [Kernel; 2] {
    [of_state("allocated", allocated), of_state("inline", inline)]
}

fn of_state<S>(storage: &str, state: fn() -> Box<S>) -> Kernel
where
    S: State<Shape = Keyed<u32, WindowRecord<Aggregates>>> + 'static,
{
    Kernel::of_each_call(format!("single-push/{storage}"), "row", move || {
        let (plan, mut state) = (tumbling(), state());
        let mut query = plan.bind(&mut *state);
        let rows = readings(WARM_UP + ROWS);
        let (before, rows) = rows.split_at(WARM_UP);
        for epoch in before.chunks(ROWS_PER_TRIGGER) {
            push_all(&mut query, epoch.iter().copied());
            trigger(&mut query);
        }
        for epoch in rows.chunks(ROWS_PER_TRIGGER) {
            for row in epoch {
                measured(&mut || push(&mut query, *row));
            }
            trigger(&mut query);
        }
        rows.len() as u64
    })
}
