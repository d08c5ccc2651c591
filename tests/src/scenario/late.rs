//! Counts late rows as Spark does.

use std::collections::BTreeSet;

use headwater::Timestamp;
use headwater::window::Sliding;
use headwater_std::declared::{CheckedAggregation, CheckedRelation, CheckedStep, Grouping, TimeWindow};
use headwater_std::dynamic::{Row, Value};
use headwater_std::expression::IntervalExpression;

/// A row that an operator found too late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateRow {
    /// Which operator of the query.
    pub operator: usize,
    /// The groups that it would have belonged to and that are closed, each with the end of its window where there are windows.
    /// None for deduplication, joins and user state, which Spark counts by the row.
    pub groups: Vec<Row>,
}

/// Spark's `numRowsDroppedByWatermark` of a micro-batch: rows, but of windows the groups that they would have made, because Spark
/// aggregates a batch before it asks what is late.
///
/// ```
/// use headwater_std::dynamic::{Row, Value};
/// use headwater_tests::scenario::late::{LateRow, spark_count};
/// let group = |key: &str| Row::new([Value::Long(10_000), Value::from(key)]);
/// let late = |groups| LateRow { operator: 0, groups };
/// assert_eq!(spark_count(&[late(vec![group("a")]), late(vec![group("a")]), late(vec![group("b")])]), 2);
/// assert_eq!(spark_count(&[late(vec![]), late(vec![])]), 2);
/// ```
#[must_use]
pub fn spark_count(late: &[LateRow]) -> u64 {
    let rows = late.iter().filter(|row| row.groups.is_empty()).count();
    let groups: BTreeSet<(usize, &Row)> =
        late.iter().flat_map(|row| row.groups.iter().map(|group| (row.operator, group))).collect();
    (rows + groups.len()) as u64
}

/// Which groups a row would have belonged to that is late for the first operator of a query. What that gives is never late for the next.
#[derive(Debug, Clone)]
pub enum LateRule {
    /// None: Spark counts rows.
    Rows,
    /// Of these columns.
    Keys(Vec<usize>),
    /// Of these columns in these windows.
    Windows(Sliding, Vec<usize>),
    /// Of these columns in the session that a row makes alone, with the gap that its row says, if the gap is not the same for all.
    Sessions(Option<IntervalExpression>, Vec<usize>),
}

impl LateRule {
    /// The rule of the first operator on the way to `relation`.
    #[must_use]
    pub fn of(relation: &CheckedRelation) -> Self {
        Self::of_first(relation).unwrap_or(Self::Rows)
    }

    fn of_first(relation: &CheckedRelation) -> Option<Self> {
        match &relation.step {
            CheckedStep::Input(_) => None,
            CheckedStep::Filter { input, .. } | CheckedStep::Select { input, .. } => Self::of_first(input),
            CheckedStep::Union(inputs) => inputs.iter().find_map(Self::of_first),
            CheckedStep::TableJoin(join) => Self::of_first(&join.left),
            CheckedStep::Dedup(dedup) => Some(Self::of_first(&dedup.input).unwrap_or(Self::Rows)),
            CheckedStep::Join(_) | CheckedStep::AsOfJoin(_) => Some(Self::Rows),
            CheckedStep::Aggregate(aggregation) => {
                Some(Self::of_first(&aggregation.input).unwrap_or_else(|| Self::of_groups(aggregation)))
            }
        }
    }

    fn of_groups(aggregation: &CheckedAggregation) -> Self {
        let keys = aggregation.keys.clone();
        let Grouping::Windows { window, .. } = &aggregation.grouping else { return Self::Keys(keys) };
        match window {
            TimeWindow::Sliding(windows) => Self::Windows(*windows, keys),
            TimeWindow::Tumbling(window) => {
                let (size, offset) = (window.size(), window.offset());
                Sliding::of(size, size)
                    .map_or(Self::Rows, |windows| Self::Windows(windows.with_offset(offset), keys))
            }
            TimeWindow::Session(_) => Self::Sessions(None, keys),
            TimeWindow::SessionBy(gap) => Self::Sessions(Some(gap.clone()), keys),
        }
    }

    /// The groups of `row`, with the event time `at`, that are closed.
    #[must_use]
    pub fn groups(&self, row: &Row, at: Timestamp, late_windows: u64) -> Vec<Row> {
        match self {
            Self::Rows => Vec::new(),
            Self::Keys(keys) => vec![row.key(keys)],
            Self::Windows(windows, keys) => closed_groups(windows, at, late_windows, &row.key(keys)),
            Self::Sessions(gap, keys) => {
                let gap = gap.as_ref().and_then(|gap| gap.evaluate(row)).unwrap_or_default();
                vec![Row::new([Value::Timestamp(at), Value::Long(gap.as_micros())]).concat(&row.key(keys))]
            }
        }
    }
}

/// The groups of a late row: its `late_windows` first windows by `key`.
#[must_use]
pub fn closed_groups(windows: &Sliding, at: Timestamp, late_windows: u64, key: &Row) -> Vec<Row> {
    let ends = core::iter::successors(Some(windows.first_end(at)), |end| Some(*end + windows.slide()));
    let group = |end| Row::new([Value::Timestamp(end)]).concat(key);
    ends.zip(0..late_windows).map(|(end, _)| group(end)).collect()
}

#[cfg(test)]
mod tests {
    use headwater::Span;

    use super::*;

    #[test]
    fn groups_of_two_operators_are_two() {
        let group = Row::new([Value::Long(1)]);
        let late = |operator| LateRow { operator, groups: vec![group.clone()] };
        assert_eq!(spark_count(&[late(0), late(1), late(0)]), 2);
        assert_eq!(spark_count(&[]), 0);
    }

    #[test]
    fn a_row_is_late_for_its_first_windows() {
        let windows = Sliding::of(Span::secs(10), Span::secs(5)).unwrap();
        let ends = |late_windows| -> Vec<i64> {
            let groups =
                closed_groups(&windows, Timestamp::from_secs(7), late_windows, &Row::new([Value::Null]));
            assert!(groups.iter().all(|group| group.values().len() == 2));
            groups.iter().filter_map(|group| Some(group.value(0).as_timestamp()?.as_millis())).collect()
        };
        assert_eq!(ends(0), [0; 0]);
        assert_eq!(ends(1), [10_000]);
        assert_eq!(ends(2), [10_000, 15_000]);
    }
}
