//! Tumbling and sliding windows in append mode over rows of any type, as one operator of a chain. What is made of the rows of a window
//! is up to the caller: a result holds them all.

use super::stage::{Moved, Stage, Taken};

/// Where windows lie, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Their length.
    pub size: i64,
    /// From start to start, at most the length.
    pub slide: i64,
    /// Where one starts.
    pub offset: i64,
}

impl Grid {
    /// Windows side by side from 1970 on.
    #[must_use]
    pub fn tumbling(size: i64) -> Self {
        Self { size, slide: size, offset: 0 }
    }

    /// 15: the windows `[start, end)` that hold a moment.
    #[must_use]
    pub fn holding(&self, at: i64) -> Vec<(i64, i64)> {
        let last = (at - self.offset).div_euclid(self.slide) * self.slide + self.offset;
        let starts = (0..).map(|back| last - back * self.slide).take_while(|start| at < start + self.size);
        starts.map(|start| (start, start + self.size)).collect()
    }
}

/// A row on its way into windows.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed<T> {
    /// The key, of which null is one.
    pub key: Option<u8>,
    /// Event time, or null.
    pub at: Option<i64>,
    /// The row.
    pub row: T,
}

/// A window with its rows in order of arrival.
#[derive(Debug, Clone, PartialEq)]
pub struct Filled<T> {
    /// The key, of which null is one.
    pub key: Option<u8>,
    /// `[start, end)`.
    pub window: (i64, i64),
    /// At least one.
    pub rows: Vec<T>,
}

impl<T> Filled<T> {
    /// 45: the event time of the result.
    #[must_use]
    pub fn at(&self) -> i64 {
        self.window.1 - 1
    }
}

/// The windows over all rows.
#[must_use]
pub fn batch<T: Clone>(grid: Grid, rows: &[Placed<T>]) -> Vec<Filled<T>> {
    let mut windows = AppendWindows::new(grid);
    for row in rows {
        let _ = windows.take(0, row.clone(), None);
    }
    windows.open
}

/// The model of running windows.
#[derive(Debug, Clone)]
pub struct AppendWindows<T> {
    grid: Grid,
    open: Vec<Filled<T>>,
}

impl<T> AppendWindows<T> {
    /// No window holds a row yet.
    #[must_use]
    pub fn new(grid: Grid) -> Self {
        Self { grid, open: Vec::new() }
    }

    /// How many windows hold rows.
    #[must_use]
    pub fn held(&self) -> usize {
        self.open.len()
    }
}

impl<T: Clone> Stage for AppendWindows<T> {
    type In = Placed<T>;
    type Out = Filled<T>;

    fn moves_watermark(&self, _: usize, row: &Placed<T>) -> Option<i64> {
        row.at
    }

    /// 8, 9: late for each window whose end the watermark has reached. 20: without event time in no window.
    fn take(&mut self, _: usize, row: Placed<T>, watermark: Option<i64>) -> Taken<Filled<T>> {
        let Some(at) = row.at else { return Taken::Given(Vec::new()) };
        let mut windows = self.grid.holding(at);
        windows.retain(|(_, end)| watermark.is_none_or(|watermark| watermark < *end));
        if windows.is_empty() {
            return Taken::Late;
        }
        for window in windows {
            let open = self.open.iter_mut().find(|open| open.key == row.key && open.window == window);
            match open {
                Some(open) => open.rows.push(row.row.clone()),
                None => self.open.push(Filled { key: row.key, window, rows: vec![row.row.clone()] }),
            }
        }
        Taken::Given(Vec::new())
    }

    /// 16: given once, when the watermark reaches the end.
    fn close(&mut self, watermark: Moved, _: i64) -> Vec<Filled<T>> {
        let open = core::mem::take(&mut self.open);
        let (closed, open) = open.into_iter().partition(|window| watermark.reached(window.window.1));
        self.open = open;
        closed
    }

    /// 45: a window that ends one microsecond after the watermark has a result at the watermark, which must not be late. Spark's
    /// watermarks and windows are whole milliseconds, where this cannot be seen.
    fn late_after(&self, watermark: Option<i64>) -> Option<i64> {
        watermark.map(|watermark| watermark - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_windows_that_hold_a_moment() {
        let grid = Grid { size: 10, slide: 4, offset: 1 };
        assert_eq!(grid.holding(9), [(9, 19), (5, 15), (1, 11)]);
        assert_eq!(grid.holding(-1), [(-3, 7), (-7, 3)]);
        assert_eq!(Grid::tumbling(10).holding(-1), [(-10, 0)]);
        assert_eq!(Grid::tumbling(10).holding(0), [(0, 10)]);
    }
}
