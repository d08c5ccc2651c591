//! Windows of so many rows. Spark has none; the rule is that of Flink's count windows, with a step.

use super::row::Row;
use super::stage::{Moved, Stage, Taken};

/// How many rows a window holds, and how many rows lie between the beginnings of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountWindow {
    /// At least 1.
    pub rows: usize,
    /// At least 1; more than `rows` leaves rows out.
    pub step: usize,
}

/// One full window: window `index` of a key holds its rows `[index * step, index * step + rows)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// The key, of which null is one.
    pub key: Option<u8>,
    /// From 0.
    pub index: usize,
    /// In order of arrival.
    pub rows: Vec<Row>,
}

impl CountWindow {
    /// The full windows over all rows.
    #[must_use]
    pub fn batch(&self, rows: &[Row]) -> Vec<Counted> {
        let mut keys: Vec<Option<u8>> = rows.iter().map(|row| row.key).collect();
        keys.sort_unstable();
        keys.dedup();
        let of_key = |key: Option<u8>| {
            let rows: Vec<Row> = rows.iter().filter(|row| row.key == key).copied().collect();
            let window = move |index: usize| {
                let first = index * self.step;
                let rows = rows.get(first..first + self.rows)?.to_vec();
                Some(Counted { key, index, rows })
            };
            (0..).map_while(window)
        };
        keys.into_iter().flat_map(of_key).collect()
    }
}

/// The model of running count windows: after each row, the windows that end with it. Event time means nothing here, no row is late.
#[derive(Debug, Clone)]
pub struct CountWindows {
    window: CountWindow,
    rows: Vec<Row>,
}

impl CountWindows {
    /// Holds no row yet.
    #[must_use]
    pub fn new(window: CountWindow) -> Self {
        Self { window, rows: Vec::new() }
    }
}

impl Stage for CountWindows {
    type In = Row;
    type Out = Counted;

    fn moves_watermark(&self, _: usize, row: &Row) -> Option<i64> {
        row.at
    }

    fn take(&mut self, _: usize, row: Row, _: Option<i64>) -> Taken<Counted> {
        self.rows.push(row);
        let windows = self.window.batch(&self.rows).into_iter();
        Taken::Given(windows.filter(|window| window.rows.last() == Some(&row)).collect())
    }

    fn close(&mut self, _: Moved, _: i64) -> Vec<Counted> {
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

    fn numbers(rows: usize, step: usize, count: u32) -> Vec<Vec<u32>> {
        let stream: Vec<Row> =
            (0..count).map(|number| Row { number, key: None, at: None, value: None }).collect();
        let windows = CountWindow { rows, step }.batch(&stream).into_iter();
        windows.map(|window| window.rows.iter().map(|row| row.number).collect()).collect()
    }

    #[test]
    fn windows_of_rows() {
        assert_eq!(numbers(2, 2, 5), [[0, 1], [2, 3]]);
        assert_eq!(numbers(3, 1, 5), [[0, 1, 2], [1, 2, 3], [2, 3, 4]]);
        assert_eq!(numbers(1, 3, 5), [[0], [3]]);
        assert_eq!(numbers(3, 1, 2), Vec::<Vec<u32>>::new());
    }

    #[test]
    fn a_stream_gives_the_batch_whatever_its_watermark() {
        check(300, &(streams(1, 0..60), 1_usize..6, 1_usize..6), |(epochs, rows, step)| {
            let window = CountWindow { rows, step };
            let expected = window.batch(&rows_of(&epochs, 0));
            let given = Running::new(Inputs::new(&[Some(0)]), CountWindows::new(window)).run_to_end(&epochs);
            prop_assert!(same_results(&expected, &given));
            Ok(())
        });
    }
}
