//! The join of a stream with a table that does not change.

use super::row::Row;
use super::stage::{Moved, Stage, Taken};
use super::stream_join::Kind;

/// Joins by equal keys. 35: null keys never match.
#[derive(Debug, Clone)]
pub struct StaticJoin {
    kind: Kind,
    table: Vec<Row>,
}

impl StaticJoin {
    /// With the rows of a table; their event time means nothing.
    ///
    /// # Panics
    /// 35: if rows of the table should come out without a match.
    #[must_use]
    pub fn new(kind: Kind, table: Vec<Row>) -> Self {
        assert!(!matches!(kind, Kind::Right | Kind::Full), "the table is never complete");
        Self { kind, table }
    }

    /// The answer over all rows.
    #[must_use]
    pub fn batch(&self, rows: &[Row]) -> Vec<(Row, Option<Row>)> {
        rows.iter().flat_map(|row| self.of(row)).collect()
    }

    fn of(&self, row: &Row) -> Vec<(Row, Option<Row>)> {
        let same_key = |entry: &&Row| row.key.is_some() && entry.key == row.key;
        let matching: Vec<&Row> = self.table.iter().filter(same_key).collect();
        match (self.kind, matching.is_empty()) {
            (Kind::Left, true) | (Kind::LeftSemi, false) => vec![(*row, None)],
            (Kind::LeftSemi, true) => Vec::new(),
            _ => matching.into_iter().map(|entry| (*row, Some(*entry))).collect(),
        }
    }
}

impl Stage for StaticJoin {
    type In = Row;
    type Out = (Row, Option<Row>);

    fn moves_watermark(&self, _: usize, row: &Row) -> Option<i64> {
        row.at
    }

    /// 35: stateless and immediate; no row is late.
    fn take(&mut self, _: usize, row: Row, _: Option<i64>) -> Taken<Self::Out> {
        Taken::Given(self.of(&row))
    }

    fn close(&mut self, _: Moved, _: i64) -> Vec<Self::Out> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::super::recorded::{self, Recorded};
    use super::super::stage::Running;
    use serde_json::Value;

    #[test]
    fn answers_as_spark() {
        let kind = |query: &Value| query["kind"] == "join" && query["right"] != "right";
        recorded::replay("stream-static join", kind, |recorded: &Recorded| {
            let kind = recorded.kind(&recorded.query);
            let mut running = Running::new(recorded.inputs(), recorded.static_join(&recorded.query));
            recorded.compare(|epoch| {
                let answer = running.epoch(epoch);
                let rows = answer.results.iter().map(|pair| recorded.json_static(kind, pair)).collect();
                (rows, answer.watermark, answer.late.len())
            })
        });
    }
}
