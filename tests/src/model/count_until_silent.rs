//! The keyed process of the recorded runs (`stateful_map` in their format).

use super::process::{Clock, Keyed, Logic, Timer};
use super::row::Row;

/// Counts the rows of a key until none has come for a while: the function of the recorded runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountUntilSilent {
    /// How long a key must be silent in event time.
    pub timeout: i64,
}

/// What [`CountUntilSilent`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Count {
    /// Rows.
    pub rows: u64,
    /// Of their values, where null counts 0.
    pub total: f64,
    /// The largest event time.
    pub last: Option<i64>,
}

/// What [`CountUntilSilent`] gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counted {
    /// The key.
    pub key: Option<u8>,
    /// What has been counted.
    pub count: Count,
    /// Whether the key was silent and has been forgotten; else there were rows.
    pub expired: bool,
}

impl Logic for CountUntilSilent {
    type State = Count;
    type Out = Counted;

    fn rows(&self, rows: &[Row], key: &mut Keyed<'_, Count, Counted>) {
        let mut count = key.state().copied().unwrap_or_default();
        for row in rows {
            count.rows += 1;
            count.total += row.value.unwrap_or(0.0);
            count.last = count.last.max(row.at);
        }
        key.put(count);
        key.cancel_all();
        if let Some(last) = count.last {
            key.set((Clock::Event, last + self.timeout));
        }
        key.give(Counted { key: key.key(), count, expired: false });
    }

    fn timer(&self, _: Timer, key: &mut Keyed<'_, Count, Counted>) {
        let count = key.state().copied().unwrap_or_default();
        key.give(Counted { key: key.key(), count, expired: true });
        key.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::process::{Fires, Process};
    use super::super::recorded::{self, Recorded};
    use super::super::row::rows_of;
    use super::super::stage::Running;
    use super::super::streams::{in_time, streams};
    use super::*;
    use crate::properties::check;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn answers_as_spark() {
        let kind = |query: &Value| query["kind"] == "stateful_map";
        recorded::replay("user state", kind, |recorded: &Recorded| {
            let fires = match recorded.query["api"].as_str() {
                Some("transformWithState") => Fires::AtWatermark,
                _ => Fires::BehindWatermark,
            };
            let timeout = recorded.query["timeout_ms"].as_i64().expect("a timeout") * 1000;
            let process = Process::new(CountUntilSilent { timeout }, fires);
            let mut running = Running::new(recorded.inputs(), process);
            recorded.compare_state(|epoch| {
                let answer = running.epoch(epoch);
                let row = |counted: &Counted| {
                    let Counted { key, count, expired } = counted;
                    let what = if *expired { "expired" } else { "update" };
                    json!({"key": recorded.key_name(*key), "n": count.rows, "total": count.total, "what": what})
                };
                let rows = answer.results.iter().map(row).collect();
                (rows, answer.watermark, answer.late.len(), Some(running.stage.held()))
            })
        });
    }

    /// Every row is counted once between a key's first row and its silence.
    #[test]
    fn all_rows_in_time_are_in_what_expires() {
        let fires = prop::sample::select(vec![Fires::AtWatermark, Fires::BehindWatermark]);
        check(200, &(streams(1, 0..60), 1_i64..20, fires), |(epochs, timeout, fires)| {
            let logic = CountUntilSilent { timeout };
            let given = Running::new(in_time(1), Process::new(logic, fires)).run_to_end(&epochs);
            let rows: Vec<Row> = rows_of(&epochs, 0);
            for expired in given.iter().filter(|counted| counted.expired) {
                let of_key: Vec<&Row> = rows.iter().filter(|row| row.key == expired.key).collect();
                prop_assert_eq!(expired.count.rows, of_key.len() as u64);
                prop_assert_eq!(expired.count.last, of_key.iter().filter_map(|row| row.at).max());
            }
            let updates = given.iter().filter(|counted| !counted.expired).count();
            prop_assert!(updates >= given.len() - updates);
            Ok(())
        });
    }
}
