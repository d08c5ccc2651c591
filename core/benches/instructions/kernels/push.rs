//! Rows of tumbling windows, by what they find in the state.

use headwater::QueryPlan;
use headwater::state::{Keyed, State};

use super::query::{Aggregates, allocated, inline, push_all, trigger, tumbling};
use super::rows::{KEYS, Reading, row_of_each};
use crate::kernel::{Kernel, measured};

/// Rows that all find the same.
struct Case {
    name: &'static str,
    /// In order; the watermark moves after the last.
    before: fn() -> Vec<Reading>,
    /// Number of the window that the measured rows, one of each key, fall into.
    window: i64,
    /// Open windows after them.
    records: u32,
    late: u32,
}

const CASES: [Case; 5] = [
    Case {
        name: "hit",
        before: || row_of_each(0..KEYS, 0, 100).collect(),
        window: 0,
        records: KEYS,
        late: 0,
    },
    Case { name: "new-key", before: Vec::new, window: 0, records: KEYS, late: 0 },
    Case {
        name: "new-window",
        before: || row_of_each(0..KEYS, 0, 100).collect(),
        window: 1,
        records: 2 * KEYS,
        late: 0,
    },
    Case {
        name: "late",
        before: || row_of_each(0..KEYS, 5, 5_000).collect(),
        window: 0,
        records: KEYS,
        late: KEYS,
    },
    Case {
        name: "window-before",
        before: || row_of_each(0..KEYS, 0, 9_000).chain(row_of_each(0..KEYS, 1, 500)).collect(),
        window: 0,
        records: 2 * KEYS,
        late: 0,
    },
];

pub fn kernels() -> Vec<Kernel> {
    let allocated = CASES.iter().map(|case| of_state("allocated", case, allocated));
    allocated.chain(CASES.iter().map(|case| of_state("inline", case, inline))).collect()
}

fn of_state<S>(storage: &str, case: &'static Case, state: fn() -> Box<S>) -> Kernel
where
    S: State<Shape = Keyed<u32, headwater::WindowRecord<Aggregates>>> + 'static,
{
    Kernel::new(format!("push/{storage}/{}", case.name), "row", move || {
        let (plan, mut state) = (tumbling(), state());
        let mut query = plan.bind(&mut *state);
        push_all(&mut query, (case.before)());
        trigger(&mut query);
        let rows: Vec<Reading> = row_of_each(0..KEYS, case.window, 9_500).collect();
        measured(&mut || push_all(&mut query, rows.iter().copied()));
        let progress = query.progress();
        assert_eq!((progress.state_rows, progress.rows.late), (case.records as usize, u64::from(case.late)));
        u64::from(KEYS)
    })
}
