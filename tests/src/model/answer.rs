//! Aggregates over all rows of a group.

use crate::line::Values;

/// 23-27. Rows are in order of arrival.
pub(super) fn over(rows: &[(usize, Option<f64>)]) -> Values {
    let values: Vec<f64> = rows.iter().filter_map(|(_, value)| *value).collect();
    let sum = values.iter().copied().reduce(|sum, value| sum + value);
    Values {
        rows: rows.len() as u64,
        non_null: values.len() as u64,
        sum,
        mean: sum.map(|sum| sum / values.len() as f64),
        min: values.iter().copied().reduce(f64::min),
        max: values.iter().copied().reduce(f64::max),
        first: rows.first().and_then(|(_, value)| *value),
        last: rows.last().and_then(|(_, value)| *value),
    }
}
