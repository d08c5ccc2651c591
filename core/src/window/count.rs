use core::num::NonZeroU32;

/// Windows of so many rows, in order of arrival: window `i` of a key holds its rows from `i * step` on, counted from 0.
///
/// A step beyond the number of rows leaves rows out. Event time means nothing here and no row is late (as in Flink's count windows).
///
/// ```
/// use headwater::window::CountWindow;
///
/// let window = CountWindow::of(100).every(20);
/// assert_eq!(window.ending_with(99), Some(0));
/// assert_eq!(window.ending_with(119), Some(20));
/// assert_eq!(window.ending_with(120), None);
/// assert_eq!(window.panes_max(), 5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountWindow {
    rows: NonZeroU32,
    step: NonZeroU32,
}

impl CountWindow {
    /// Windows of `rows` rows side by side; 0 counts as 1.
    #[must_use]
    pub const fn of(rows: u32) -> Self {
        let rows = at_least_one(rows);
        Self { rows, step: rows }
    }

    /// The same windows, one after each `step` rows; 0 counts as 1.
    #[must_use]
    pub const fn every(self, step: u32) -> Self {
        Self { step: at_least_one(step), ..self }
    }

    /// How many rows a window holds.
    #[must_use]
    pub const fn rows(&self) -> NonZeroU32 {
        self.rows
    }

    /// How many rows lie between the beginnings of two windows.
    #[must_use]
    pub const fn step(&self) -> NonZeroU32 {
        self.step
    }

    /// Whether a row can be in several windows.
    #[must_use]
    pub const fn overlaps(&self) -> bool {
        self.step.get() < self.rows.get()
    }

    /// How many rows share a partial aggregate: the most that are in the same windows always. Where windows do not overlap, a window
    /// and the rows left out after it.
    #[must_use]
    pub const fn pane_rows(&self) -> NonZeroU32 {
        if !self.overlaps() {
            return self.step;
        }
        // Euclid's algorithm: fewer than 50 steps.
        let (mut one, mut other) = (self.rows.get(), self.step.get());
        while let Some(rest) = one.checked_rem(other) {
            (one, other) = (other, rest);
        }
        at_least_one(one)
    }

    /// The most panes that one key holds at a time.
    #[must_use]
    pub const fn panes_max(&self) -> u32 {
        let pane_rows = self.pane_rows().get();
        if !self.overlaps() {
            1
        } else if pane_rows == 1 {
            // The row that makes a window full takes the place of the first.
            self.rows.get().saturating_sub(1)
        } else {
            match self.rows.get().checked_div(pane_rows) {
                Some(panes) => panes,
                None => 1,
            }
        }
    }

    /// The first row of the window that ends with row `number`, if one does.
    #[must_use]
    pub fn ending_with(&self, number: u64) -> Option<u64> {
        let first = number.saturating_add(1).checked_sub(u64::from(self.rows.get()))?;
        (first.checked_rem(u64::from(self.step.get())) == Some(0)).then_some(first)
    }
}

const fn at_least_one(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}
