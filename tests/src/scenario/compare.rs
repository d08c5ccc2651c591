//! Compares the rows of an epoch with those that Spark gave.

use headwater_std::dynamic::{Row, Schema, Value};

/// How far two doubles may be apart, relative to the greater: Spark adds up per batch and then merges, so the last bits of means
/// and deviations differ.
const TOLERANCE: f64 = 1e-9;

/// What one multiset of rows has over another.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Difference {
    /// Rows that Spark gave and the engine did not.
    pub missing: Vec<Row>,
    /// Rows that the engine gave and Spark did not.
    pub extra: Vec<Row>,
}

impl Difference {
    /// Compares rows whose columns stand in the same order. The order of the rows means nothing, how often one comes does.
    ///
    /// Rows are paired in their order, so rows that differ by less than the tolerance find each other. Takes about
    /// `n log n` steps where rows agree, `n²` where none does.
    #[must_use]
    pub fn between(expected: &[Row], actual: &[Row]) -> Self {
        let mut expected = expected.to_vec();
        expected.sort();
        let mut extra = actual.to_vec();
        extra.sort();
        let mut missing = Vec::new();
        for row in expected {
            match extra.iter().position(|other| same_row(&row, other)) {
                Some(found) => drop(extra.remove(found)),
                None => missing.push(row),
            }
        }
        Self { missing, extra }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty()
    }
}

fn same_row(left: &Row, right: &Row) -> bool {
    let (left, right) = (left.values(), right.values());
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same_value(left, right))
}

/// Types must agree; NaN is NaN and `-0.0` is `0.0`.
fn same_value(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Double(left), Value::Double(right)) if left.is_finite() && right.is_finite() => {
            (left - right).abs() <= TOLERANCE * left.abs().max(right.abs())
        }
        _ => left == right,
    }
}

/// Rows as text on one line, with the names of their columns.
#[must_use]
pub fn shown(rows: &[Row], schema: &Schema) -> String {
    let rows: Vec<String> = rows.iter().map(|row| shown_row(row, schema)).collect();
    format!("[{}]", rows.join(", "))
}

fn shown_row(row: &Row, schema: &Schema) -> String {
    let fields = schema.columns().iter().zip(row.values());
    let fields: Vec<String> =
        fields.map(|(column, value)| format!("{}: {}", column.name, value.to_json())).collect();
    format!("{{{}}}", fields.join(", "))
}

#[cfg(test)]
mod tests {
    use headwater_std::dynamic::{Column, DataType};

    use super::*;

    fn rows<const N: usize>(values: [f64; N]) -> Vec<Row> {
        values.map(|value| Row::new([Value::Double(value)])).to_vec()
    }

    fn difference<const N: usize, const M: usize>(expected: [f64; N], actual: [f64; M]) -> (usize, usize) {
        let difference = Difference::between(&rows(expected), &rows(actual));
        (difference.missing.len(), difference.extra.len())
    }

    #[test]
    fn order_means_nothing_and_number_does() {
        assert_eq!(difference([1.0, 2.0, 1.0], [2.0, 1.0, 1.0]), (0, 0));
        assert_eq!(difference([1.0, 1.0], [1.0]), (1, 0));
        assert_eq!(difference([1.0], [1.0, 1.0]), (0, 1));
        assert_eq!(difference([1.0], [2.0]), (1, 1));
    }

    #[test]
    fn doubles_are_compared_to_nine_digits() {
        assert_eq!(difference([1e9], [1e9 + 0.9]), (0, 0));
        assert_eq!(difference([1e9], [1e9 + 1.1]), (1, 1));
        assert_eq!(difference([1e-9], [1.000_000_01e-9]), (1, 1));
        assert_eq!(difference([0.0], [-0.0]), (0, 0));
        assert_eq!(difference([0.0], [1e-300]), (1, 1));
        // Each finds its own, though the one in the middle is near enough to both.
        assert_eq!(difference([1.0, 1.0 + 0.8e-9], [1.0 + 0.8e-9, 1.0 + 1.6e-9]), (0, 0));
    }

    #[test]
    fn nan_is_nan_and_infinity_is_no_number() {
        assert_eq!(difference([f64::NAN, f64::INFINITY], [f64::INFINITY, -f64::NAN]), (0, 0));
        assert_eq!(difference([f64::INFINITY], [f64::MAX]), (1, 1));
        assert_eq!(difference([f64::INFINITY], [f64::NEG_INFINITY]), (1, 1));
        assert_eq!(difference([f64::NAN], [0.0]), (1, 1));
    }

    #[test]
    fn types_and_nulls_must_agree() {
        let one = |value: Value| vec![Row::new([value])];
        let differ = |left: Value, right: Value| !Difference::between(&one(left), &one(right)).is_none();
        assert!(differ(Value::Int(1), Value::Long(1)));
        assert!(differ(Value::Long(0), Value::Null));
        assert!(differ(Value::from("1"), Value::Int(1)));
        assert!(!differ(Value::Null, Value::Null));
        assert!(!Difference::between(&one(Value::Null), &[Row::new([Value::Null, Value::Null])]).is_none());
    }

    #[test]
    fn rows_are_shown_with_their_columns_in_order() {
        let schema =
            Schema::new([Column::new("b", DataType::String), Column::new("a", DataType::Double)]).unwrap();
        let rows = [Row::new([Value::from("x"), Value::Double(f64::NAN)])];
        assert_eq!(shown(&rows, &schema), r#"[{b: "x", a: "NaN"}]"#);
    }
}
