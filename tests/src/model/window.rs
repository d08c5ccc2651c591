//! Which windows hold a row, by trying every moment at which one could start.

use crate::shape::Windows;

/// The windows that hold a row at `at`; for sessions the row's own little session.
pub(super) fn of(windows: Windows, at: i64, row_gap: u32) -> Vec<(i64, i64)> {
    match windows {
        Windows::Tumbling { size, offset } => starting_every(size, size, offset, at),
        Windows::Sliding { size, slide, offset } => starting_every(size, slide, offset, at),
        Windows::Session { gap } => session(at, gap),
        Windows::SessionPerRow => session(at, row_gap),
        Windows::None => Vec::new(),
    }
}

/// 15: `[start, end)` with starts at whole slides from the offset, in both directions.
fn starting_every(size: u32, slide: u32, offset: u32, at: i64) -> Vec<(i64, i64)> {
    let (size, slide, offset) = (i64::from(size), i64::from(slide), i64::from(offset));
    let first = at - size + 1;
    let starts = (first..=at).filter(|start| (start - offset) % slide == 0);
    starts.map(|start| (start, start + size)).collect()
}

/// 19. A session without length holds nothing.
fn session(at: i64, gap: u32) -> Vec<(i64, i64)> {
    if gap == 0 { Vec::new() } else { vec![(at, at + i64::from(gap))] }
}
