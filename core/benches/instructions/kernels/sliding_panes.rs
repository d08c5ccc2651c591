//! Sliding windows by how many panes each has. The results of a row are as many in all of them.

use headwater::window::Sliding;
use headwater::{QueryPlan, Span, Stream};

use super::query::{aggregates, push_all, trigger};
use super::rows::{Reading, row_of_each};
use crate::kernel::{Kernel, measured};

const KEYS: u32 = 100;
const SLIDE_MS: u32 = 1_000;
/// That are measured.
const SLIDES: i64 = 8;

pub fn kernels() -> [Kernel; 3] {
    [2, 60, 3_600]
        .map(|panes| Kernel::new(format!("sliding/panes-{panes}"), "row", move || full_windows(panes)))
}

/// A row of each key in each slide, and one result for each: the window that has just ended, with all its panes.
fn full_windows(panes: u32) -> u64 {
    let window = Sliding::of(Span::millis(SLIDE_MS * panes), Span::millis(SLIDE_MS)).expect("the slide fits");
    // The watermark begins just before the end of the first full window, so that those before it cost nothing.
    let plan = Stream::<Reading>::new()
        .with_watermark_from(|row| row.at, Span::ZERO, super::rows::at(i64::from(SLIDE_MS * (panes - 1))))
        .group_by(|row| row.key)
        .window(window)
        .aggregate(aggregates())
        .append();
    let mut state = plan.allocate((KEYS * (panes + 2)) as usize);
    let mut query = plan.bind(&mut state);
    let panes = i64::from(panes);
    (0..panes).for_each(|slide| push_all(&mut query, slide_of_rows(slide)));
    assert_eq!(trigger(&mut query).emitted, 0);
    // The first full windows merge all of their panes, later ones what is new.
    push_all(&mut query, slide_of_rows(panes));
    assert_eq!(trigger(&mut query).emitted, u64::from(KEYS));
    let first = panes + 1;
    let slides: Vec<Vec<Reading>> =
        (first..first + SLIDES).map(|slide| slide_of_rows(slide).collect()).collect();
    let mut results = 0;
    measured(&mut || {
        for rows in &slides {
            push_all(&mut query, rows.iter().copied());
            results += trigger(&mut query).emitted;
        }
    });
    assert_eq!(results, SLIDES as u64 * u64::from(KEYS), "one for each row");
    results
}

fn slide_of_rows(slide: i64) -> impl Iterator<Item = Reading> {
    row_of_each(0..KEYS, 0, slide * i64::from(SLIDE_MS))
}
