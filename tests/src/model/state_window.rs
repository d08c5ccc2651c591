//! Windows that open and close with rows. Spark has none; the rule is that of the event windows of TDengine.

use super::row::Row;
use super::stage::{Moved, Stage, Taken};

/// Which rows open and close a window.
#[derive(Debug, Clone, Copy)]
pub struct StateWindow {
    /// Opens one where none is open, and belongs to it.
    pub opens: fn(&Row) -> bool,
    /// Closes the open one, and belongs to it; the row that opens one may close it.
    pub closes: fn(&Row) -> bool,
}

/// One closed window.
#[derive(Debug, Clone, PartialEq)]
pub struct Closed {
    /// The key, of which null is one.
    pub key: Option<u8>,
    /// In order of arrival, at least one.
    pub rows: Vec<Row>,
}

impl Closed {
    /// Event times of the first and the last row in order of arrival.
    #[must_use]
    pub fn span(&self) -> (Option<i64>, Option<i64>) {
        (self.rows.first().and_then(|row| row.at), self.rows.last().and_then(|row| row.at))
    }
}

impl StateWindow {
    /// The closed windows over all rows: from each row that opens, the first row from there that closes.
    #[must_use]
    pub fn batch(&self, rows: &[Row]) -> Vec<Closed> {
        let mut keys: Vec<Option<u8>> = rows.iter().map(|row| row.key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().flat_map(|key| self.of_key(key, rows)).collect()
    }

    fn of_key(&self, key: Option<u8>, rows: &[Row]) -> Vec<Closed> {
        let rows: Vec<Row> = rows.iter().filter(|row| row.key == key).copied().collect();
        let mut windows = Vec::new();
        let mut rest = &rows[..];
        while let Some(open) = rest.iter().position(|row| (self.opens)(row)) {
            rest = &rest[open..];
            let Some(close) = rest.iter().position(|row| (self.closes)(row)) else { break };
            let (window, after) = rest.split_at(close + 1);
            windows.push(Closed { key, rows: window.to_vec() });
            rest = after;
        }
        windows
    }
}

/// The model of running state windows. Rows count in order of arrival, none is late.
#[derive(Debug, Clone)]
pub struct StateWindows {
    window: StateWindow,
    open: Vec<Closed>,
}

impl StateWindows {
    /// No window is open.
    #[must_use]
    pub fn new(window: StateWindow) -> Self {
        Self { window, open: Vec::new() }
    }
}

impl Stage for StateWindows {
    type In = Row;
    type Out = Closed;

    fn moves_watermark(&self, _: usize, row: &Row) -> Option<i64> {
        row.at
    }

    fn take(&mut self, _: usize, row: Row, _: Option<i64>) -> Taken<Closed> {
        let open = self.open.iter().position(|window| window.key == row.key);
        let mut window = match open {
            Some(open) => self.open.remove(open),
            None if (self.window.opens)(&row) => Closed { key: row.key, rows: Vec::new() },
            None => return Taken::Given(Vec::new()),
        };
        window.rows.push(row);
        if (self.window.closes)(&row) {
            return Taken::Given(vec![window]);
        }
        self.open.push(window);
        Taken::Given(Vec::new())
    }

    fn close(&mut self, _: Moved, _: i64) -> Vec<Closed> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::{rows_of, same_results};
    use super::super::stage::Running;
    use super::super::streams::streams;
    use super::super::watermark::Inputs;
    use super::*;
    use crate::properties::check;
    use proptest::prelude::*;

    const ABOVE: StateWindow =
        StateWindow { opens: |row| row.value > Some(2.0), closes: |row| row.value < Some(-2.0) };

    #[test]
    fn from_the_row_that_opens_to_the_row_that_closes() {
        let values = [-3.0, 1.0, 3.0, 0.0, 4.0, -3.0, 1.0, 5.0, -9.0, 6.0];
        let row = |(number, value): (u32, f64)| Row {
            number,
            key: Some(1),
            at: Some(i64::from(number) * 10),
            value: Some(value),
        };
        let rows: Vec<Row> = (0..).zip(values).map(row).collect();
        let spans: Vec<_> = ABOVE.batch(&rows).iter().map(Closed::span).collect();
        assert_eq!(spans, [(Some(20), Some(50)), (Some(70), Some(80))]);
    }

    #[test]
    fn a_stream_gives_the_batch_whatever_its_watermark() {
        let single = StateWindow { opens: |row| row.value > Some(0.0), closes: |row| row.value > Some(4.0) };
        let windows = prop::sample::select(vec![false, true]);
        check(300, &(streams(1, 0..60), windows), |(epochs, overlapping)| {
            let window = if overlapping { single } else { ABOVE };
            let expected = window.batch(&rows_of(&epochs, 0));
            let given = Running::new(Inputs::new(&[Some(0)]), StateWindows::new(window)).run_to_end(&epochs);
            prop_assert!(same_results(&expected, &given));
            Ok(())
        });
    }
}
