//! The answer of a bound tree for a row. As deep as the tree, which [`bind`](super::bind) bounds.

use core::cmp::Ordering;

use super::function_call::call;
use super::like::Pattern;
use super::tree::{Case, Comparison, Kind, Node};
use super::{cast, number};
use crate::dynamic::{Row, Value};

impl Node {
    pub(super) fn evaluate(&self, row: &Row) -> Value {
        match &self.kind {
            Kind::Literal(value) => value.clone(),
            Kind::Column(index) => row.value(*index).clone(),
            Kind::Cast(operand, to) => cast::cast(&operand.evaluate(row), *to),
            Kind::Negate(operand) => number::negate(&operand.evaluate(row)),
            Kind::Arithmetic(operator, operands) => {
                let [left, right] = &**operands;
                number::arithmetic(*operator, &left.evaluate(row), &right.evaluate(row))
            }
            Kind::Call(function, arguments) => call(*function, arguments, row),
            Kind::Case(case) => case.evaluate(row),
            _ => self.truth(row).into(),
        }
    }

    /// The answer of a predicate; `None` is null, "unknown" in SQL.
    fn truth(&self, row: &Row) -> Option<bool> {
        match &self.kind {
            Kind::Compare(comparison, operands) => {
                let [left, right] = &**operands;
                comparison.holds(&left.evaluate(row), &right.evaluate(row))
            }
            Kind::SameAs(operands) => {
                let [left, right] = &**operands;
                Some(left.evaluate(row) == right.evaluate(row))
            }
            Kind::And(operands) => {
                let [left, right] = &**operands;
                decided_by(false, left.truth(row), || right.truth(row))
            }
            Kind::Or(operands) => {
                let [left, right] = &**operands;
                decided_by(true, left.truth(row), || right.truth(row))
            }
            Kind::Not(operand) => operand.truth(row).map(|truth| !truth),
            Kind::IsNull(operand) => Some(operand.evaluate(row).is_null()),
            Kind::Is(truth, operand) => Some(operand.truth(row) == Some(*truth)),
            Kind::Between(operands) => {
                let [value, low, high] = &**operands;
                let value = value.evaluate(row);
                let above = Comparison::GreaterOrEqual.holds(&value, &low.evaluate(row));
                decided_by(false, above, || Comparison::LessOrEqual.holds(&value, &high.evaluate(row)))
            }
            Kind::In(operand, list) => in_list(&operand.evaluate(row), list, row),
            Kind::Like(text, pattern) => {
                let (text, pattern) = (text.evaluate(row), pattern.as_ref()?);
                Some(pattern.fits(text.as_str()?))
            }
            Kind::LikeComputed(operands, style) => {
                let [text, pattern] = &**operands;
                let (text, pattern) = (text.evaluate(row), pattern.evaluate(row));
                let (text, pattern) = (text.as_str()?, Pattern::new(pattern.as_str()?, *style)?);
                Some(pattern.fits(text))
            }
            _ => self.evaluate(row).as_bool(),
        }
    }
}

impl Comparison {
    /// Three-valued: `None` where either side is null.
    fn holds(self, left: &Value, right: &Value) -> Option<bool> {
        let ordering = left.sql_compare(right)?;
        Some(match self {
            Self::Equal => ordering == Ordering::Equal,
            Self::NotEqual => ordering != Ordering::Equal,
            Self::Less => ordering == Ordering::Less,
            Self::LessOrEqual => ordering != Ordering::Greater,
            Self::Greater => ordering == Ordering::Greater,
            Self::GreaterOrEqual => ordering != Ordering::Less,
        })
    }
}

/// AND, which false decides, or OR, which true decides. Where no side is `decisive`, null makes null.
fn decided_by(decisive: bool, left: Option<bool>, right: impl FnOnce() -> Option<bool>) -> Option<bool> {
    if left == Some(decisive) {
        return left;
    }
    match right() {
        Some(right) if right == decisive => Some(right),
        right => left.and(right),
    }
}

/// True if one is equal, else null if one comparison is null.
fn in_list(value: &Value, list: &[Node], row: &Row) -> Option<bool> {
    let mut answer = Some(false);
    for candidate in list {
        match Comparison::Equal.holds(value, &candidate.evaluate(row)) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => answer = None,
        }
    }
    answer
}

impl Case {
    fn evaluate(&self, row: &Row) -> Value {
        let operand = self.operand.as_ref().map(|operand| operand.evaluate(row));
        let chosen = self.branches.iter().find(|[test, _]| match &operand {
            Some(operand) => Comparison::Equal.holds(operand, &test.evaluate(row)) == Some(true),
            None => test.truth(row) == Some(true),
        });
        chosen.map_or(&self.otherwise, |[_, result]| result).evaluate(row)
    }
}
