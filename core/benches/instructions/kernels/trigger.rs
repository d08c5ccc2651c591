//! The end of an epoch.

use headwater::QueryPlan;

use super::query::{allocated, push_all, trigger, tumbling};
use super::rows::{KEYS, Reading, row_of_each};
use crate::kernel::{Kernel, measured};

/// Triggers, and rows with one each, that find nothing due.
const EPOCHS: u32 = 1_000;

pub fn kernels() -> [Kernel; 5] {
    [
        Kernel::new("trigger/nothing-due", "trigger", nothing_due),
        due(1),
        due(100),
        due(1_000),
        Kernel::new("epoch/each-row", "row", epoch_each_row),
    ]
}

fn nothing_due() -> u64 {
    let (plan, mut state) = (tumbling(), allocated());
    let mut query = plan.bind(&mut *state);
    push_all(&mut query, row_of_each(0..KEYS, 0, 5_000));
    measured(&mut || (0..EPOCHS).for_each(|_| assert_eq!(trigger(&mut query).emitted, 0)));
    u64::from(EPOCHS)
}

/// Beside 1,000 open windows that are not due.
fn due(windows: u32) -> Kernel {
    Kernel::new(format!("trigger/due-{windows}"), "window", move || {
        let (plan, mut state) = (tumbling(), allocated());
        let mut query = plan.bind(&mut *state);
        push_all(&mut query, row_of_each(0..windows, 0, 5_000));
        push_all(&mut query, row_of_each(0..KEYS, 1, 5_000));
        measured(&mut || assert_eq!(trigger(&mut query).emitted, u64::from(windows)));
        u64::from(windows)
    })
}

fn epoch_each_row() -> u64 {
    let (plan, mut state) = (tumbling(), allocated());
    let mut query = plan.bind(&mut *state);
    push_all(&mut query, row_of_each(0..KEYS, 0, 5_000));
    trigger(&mut query);
    let rows: Vec<Reading> = row_of_each(0..EPOCHS, 0, 5_000).collect();
    measured(&mut || {
        for row in &rows {
            push_all(&mut query, [*row]);
            assert_eq!(trigger(&mut query).emitted, 0);
        }
    });
    u64::from(EPOCHS)
}
