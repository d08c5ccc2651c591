//! Rows looked up in a table that does not change.

use std::collections::HashMap;
use std::sync::Arc;

use crate::declared::DeclaredJoinType;
use crate::declared::checked::{CheckedTableJoin, JoinKeys};
use crate::dynamic::{Row, Value};
use crate::expression::Expression;

/// A join with a table. A look-up takes one step, and one for each row of the table under the key.
#[derive(Debug, Clone)]
pub(super) struct TableJoin {
    join_type: DeclaredJoinType,
    keys: JoinKeys,
    condition: Option<Expression>,
    rows: Arc<HashMap<Row, Vec<Row>>>,
    /// In the place of a row of the table where there is none.
    nulls: Row,
}

impl TableJoin {
    /// The join with a table of these rows.
    pub(super) fn new(join: &CheckedTableJoin, table: &[Row], width: usize) -> Self {
        let mut rows: HashMap<Row, Vec<Row>> = HashMap::new();
        for row in table {
            if let Some(key) = key(row, &join.keys.right, join.keys.nulls_match) {
                rows.entry(key).or_default().push(row.clone());
            }
        }
        Self {
            join_type: join.join_type,
            keys: join.keys.clone(),
            condition: join.condition.clone(),
            rows: Arc::new(rows),
            nulls: nulls(width),
        }
    }

    /// Gives `next` what the join makes of `row`.
    pub(super) fn each<E>(&self, row: &Row, next: &mut impl FnMut(&Row) -> Result<(), E>) -> Result<(), E> {
        let key = key(row, &self.keys.left, self.keys.nulls_match);
        let found = key.and_then(|key| self.rows.get(&key)).into_iter().flatten();
        let mut pairs = found.map(|found| row.concat(found)).filter(|pair| self.matches(pair));
        if self.join_type == DeclaredJoinType::LeftSemi {
            return if pairs.next().is_some() { next(row) } else { Ok(()) };
        }
        let mut alone = true;
        for pair in pairs {
            alone = false;
            next(&pair)?;
        }
        if alone && self.join_type == DeclaredJoinType::Left {
            next(&row.concat(&self.nulls))
        } else {
            Ok(())
        }
    }

    fn matches(&self, pair: &Row) -> bool {
        self.condition.as_ref().is_none_or(|condition| condition.evaluate_predicate(pair))
    }
}

/// The columns of `row` that are joined by; `None` where one is null and null equals nothing.
pub(super) fn key(row: &Row, columns: &[usize], nulls_match: bool) -> Option<Row> {
    let is_null = |column: &usize| row.value(*column).is_null();
    if !nulls_match && columns.iter().any(is_null) { None } else { Some(row.key(columns)) }
}

/// A row of nulls.
pub(super) fn nulls(width: usize) -> Row {
    core::iter::repeat_n(Value::Null, width).collect()
}
