//! Groups by the event time itself, and by a key where there is one.

use headwater::OutputMode;

use super::row::Row;
use super::stage::{Moved, Stage, Taken, is_late};

/// The rows of one event time, null among them, and one key.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Their event time.
    pub at: Option<i64>,
    /// Their key; null for all without a key.
    pub key: Option<u8>,
    /// In order of arrival.
    pub rows: Vec<Row>,
    changed: bool,
}

/// Groups rows by event time.
#[derive(Debug, Clone)]
pub struct ByTime {
    keyed: bool,
    mode: OutputMode,
    groups: Vec<Group>,
}

impl ByTime {
    /// By event time, and by key if `keyed`.
    #[must_use]
    pub fn new(keyed: bool, mode: OutputMode) -> Self {
        Self { keyed, mode, groups: Vec::new() }
    }

    /// How many groups it holds.
    #[must_use]
    pub fn held(&self) -> usize {
        self.groups.len()
    }
}

impl Stage for ByTime {
    type In = Row;
    type Out = Group;

    fn moves_watermark(&self, _: usize, row: &Row) -> Option<i64> {
        row.at
    }

    /// 11: late iff ts <= wm. 13: in complete mode never.
    fn take(&mut self, _: usize, row: Row, watermark: Option<i64>) -> Taken<Group> {
        if self.mode != OutputMode::Complete && is_late(row.at, watermark) {
            return Taken::Late;
        }
        let (at, key) = (row.at, row.key.filter(|_| self.keyed));
        match self.groups.iter_mut().find(|group| group.at == at && group.key == key) {
            Some(group) => {
                group.rows.push(row);
                group.changed = true;
            }
            None => self.groups.push(Group { at, key, rows: vec![row], changed: true }),
        }
        Taken::Given(Vec::new())
    }

    /// 17, 18.
    fn end_of_rows(&mut self) -> Vec<Group> {
        let given = |group: &&Group| match self.mode {
            OutputMode::Append => false,
            OutputMode::Update => group.changed,
            OutputMode::Complete => true,
        };
        let results = self.groups.iter().filter(given).cloned().collect();
        self.groups.iter_mut().for_each(|group| group.changed = false);
        results
    }

    /// 16, 17: what the watermark reaches goes, in append mode to the results. Null it never reaches.
    fn close(&mut self, watermark: Moved, _: i64) -> Vec<Group> {
        if self.mode == OutputMode::Complete {
            return Vec::new();
        }
        let reached = |group: &mut Group| group.at.is_some_and(|at| watermark.reached(at));
        let closed = self.groups.extract_if(.., reached).collect();
        if self.mode == OutputMode::Append { closed } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::recorded;
    use super::super::stage::Running;
    use super::*;
    use serde_json::{Value, json};

    fn is_by_time(query: &Value) -> bool {
        let keys = query["keys"].as_array();
        query["kind"] == "aggregate"
            && query["window"].is_null()
            && keys.is_some_and(|keys| keys.contains(&json!("ts")))
    }

    #[test]
    fn answers_as_spark() {
        recorded::replay("groups by event time", is_by_time, |recorded| {
            let keyed = recorded.query["keys"].as_array().is_some_and(|keys| keys.contains(&json!("key")));
            let mode = match recorded.query["output_mode"].as_str() {
                Some("append") => OutputMode::Append,
                Some("update") => OutputMode::Update,
                _ => OutputMode::Complete,
            };
            let mut running = Running::new(recorded.inputs(), ByTime::new(keyed, mode));
            recorded.compare_state(|epoch| {
                let answer = running.epoch(epoch);
                let result = |group: &Group| {
                    let sum = group.rows.iter().filter_map(|row| row.value).reduce(|sum, value| sum + value);
                    let at = group.at.map(|at| at / 1000);
                    let mut result = json!({ "ts": at, "n": group.rows.len(), "sum_value": sum });
                    if keyed {
                        result["key"] = json!(recorded.key_name(group.key));
                    }
                    result
                };
                // 14: late rows count by group.
                let late: BTreeSet<_> =
                    answer.late.iter().map(|row| (row.at, row.key.filter(|_| keyed))).collect();
                let results = answer.results.iter().map(result).collect();
                (results, answer.watermark, late.len(), Some(running.stage.held()))
            })
        });
    }
}
