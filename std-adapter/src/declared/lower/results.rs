//! What operators give, as rows of the columns that the check says.

use headwater::{CountWindowRow, EventTimeRow, GroupRow, WindowRow};

use super::table::nulls;
use crate::dynamic::{Row, Value};

/// How many columns the sides of a join have.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Widths {
    pub(super) left: usize,
    pub(super) right: usize,
}

/// A result of an operator over [`Row`]s.
pub(super) trait ToRow {
    /// The result as a row. `widths` are those of a join.
    fn to_row(&self, widths: Widths) -> Row;
}

impl ToRow for Row {
    fn to_row(&self, _widths: Widths) -> Row {
        self.clone()
    }
}

/// Start and end of the window, keys, aggregates.
impl ToRow for WindowRow<Row, Row> {
    fn to_row(&self, _widths: Widths) -> Row {
        let window = [Value::Timestamp(self.window.start), Value::Timestamp(self.window.end)];
        let columns = self.key.values().iter().chain(self.value.values());
        window.into_iter().chain(columns.cloned()).collect()
    }
}

/// Keys, aggregates.
impl ToRow for GroupRow<Row, Row> {
    fn to_row(&self, _widths: Widths) -> Row {
        self.key.concat(&self.value)
    }
}

/// Keys, the event time among them, and aggregates.
impl ToRow for EventTimeRow<Row, Row> {
    fn to_row(&self, _widths: Widths) -> Row {
        self.key.concat(&self.value)
    }
}

/// Keys, aggregates.
impl ToRow for CountWindowRow<Row, Row> {
    fn to_row(&self, _widths: Widths) -> Row {
        self.key.concat(&self.value)
    }
}

impl ToRow for GroupRow<(), Row> {
    fn to_row(&self, _widths: Widths) -> Row {
        self.value.clone()
    }
}

/// A pair.
impl ToRow for (Row, Row) {
    fn to_row(&self, _widths: Widths) -> Row {
        self.0.concat(&self.1)
    }
}

/// The columns of both sides, null where a side has no row.
impl ToRow for (Option<Row>, Option<Row>) {
    fn to_row(&self, widths: Widths) -> Row {
        let (left, right) = (self.0.as_ref(), self.1.as_ref());
        let left = left.cloned().unwrap_or_else(|| nulls(widths.left));
        right.map_or_else(|| left.concat(&nulls(widths.right)), |right| left.concat(right))
    }
}

impl ToRow for (Row, Option<Row>) {
    fn to_row(&self, widths: Widths) -> Row {
        self.1.as_ref().map_or_else(|| self.0.concat(&nulls(widths.right)), |right| self.0.concat(right))
    }
}
