//! The rows of the models, and how results are compared.

use core::fmt;

/// One row of one input. Times are microseconds since 1970.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub struct Row {
    /// Its number in order of arrival over all inputs: no two rows of a stream have the same.
    pub number: u32,
    /// The key, or null.
    pub key: Option<u8>,
    /// Event time, or null.
    pub at: Option<i64>,
    /// The value, or null.
    pub value: Option<f64>,
}

/// In few characters, since failing examples hold many.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, key, at, value } = self;
        write!(f, "#{number} key {key:?} at {at:?} value {value:?}")
    }
}

/// The rows between two triggers, each with the number of its input, and the processing time of the trigger that ends them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Epoch {
    /// In order of arrival.
    pub rows: Vec<(usize, Row)>,
    /// In microseconds since 1970.
    pub now: i64,
}

/// All rows of an input, in order of arrival.
#[must_use]
pub fn rows_of(epochs: &[Epoch], input: usize) -> Vec<Row> {
    let rows = epochs.iter().flat_map(|epoch| &epoch.rows);
    rows.filter(|(of, _)| *of == input).map(|(_, row)| *row).collect()
}

/// What is in `expected` and not in `given`, and the other way round; order means nothing, number of times does.
#[must_use]
pub fn missing_and_extra<T: Clone>(
    expected: &[T],
    given: &[T],
    same: impl Fn(&T, &T) -> bool,
) -> (Vec<T>, Vec<T>) {
    let (mut missing, mut extra) = (Vec::new(), given.to_vec());
    for row in expected {
        match extra.iter().position(|other| same(row, other)) {
            Some(found) => drop(extra.remove(found)),
            None => missing.push(row.clone()),
        }
    }
    (missing, extra)
}

/// Whether two lists hold the same results, each as often.
#[must_use]
pub fn same_results<T: PartialEq + Clone>(one: &[T], other: &[T]) -> bool {
    let (missing, extra) = missing_and_extra(one, other, T::eq);
    missing.is_empty() && extra.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_compared_as_multisets() {
        assert!(same_results(&[1, 2, 2], &[2, 1, 2]));
        assert!(!same_results(&[1, 2, 2], &[2, 1, 1]));
        assert!(!same_results(&[1], &[1, 1]));
        assert_eq!(missing_and_extra(&[1, 2], &[2, 3, 2], i32::eq), (vec![1], vec![3, 2]));
    }
}
