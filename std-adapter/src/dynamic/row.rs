//! A row: one value for each column.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::Value;

/// One value for each column of a [`Schema`](super::Schema), in its order. Also the key of a group: some columns of a row.
///
/// A clone copies at most 24 bytes per column and shares the text.
///
/// ```
/// use headwater_std::dynamic::{Row, Value};
/// let row = Row::new([Value::Int(1), Value::from("a"), Value::Null]);
/// assert_eq!(row.value(1).as_str(), Some("a"));
/// assert_eq!(row.value(9), &Value::Null); // beyond the last column
/// assert_eq!(row.project(&[2, 0]), Row::new([Value::Null, Value::Int(1)]));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Row(Box<[Value]>);

impl Row {
    /// A row of these values.
    pub fn new(values: impl IntoIterator<Item = Value>) -> Self {
        values.into_iter().collect()
    }

    /// The value of column number `index`, counted from 0; null where there is no such column.
    #[must_use]
    pub fn value(&self, index: usize) -> &Value {
        self.0.get(index).unwrap_or(&Value::Null)
    }

    /// All values in the order of the columns.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.0
    }

    /// A row of the columns with these numbers, in this order.
    #[must_use]
    pub fn project(&self, columns: &[usize]) -> Self {
        columns.iter().map(|column| self.value(*column).clone()).collect()
    }

    /// The columns with these numbers as a key: see [`Value::into_key`].
    #[must_use]
    pub fn key(&self, columns: &[usize]) -> Self {
        columns.iter().map(|column| self.value(*column).clone().into_key()).collect()
    }

    /// This row's values and then those of `right`, as a join puts them together.
    #[must_use]
    pub fn concat(&self, right: &Self) -> Self {
        self.0.iter().chain(&right.0).cloned().collect()
    }
}

impl FromIterator<Value> for Row {
    fn from_iter<I: IntoIterator<Item = Value>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl IntoIterator for Row {
    type Item = Value;
    type IntoIter = std::vec::IntoIter<Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}
