//! The answer the gateway must give, by a plain loop over the recording, and the comparison with what it wrote.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use super::recording::Message;
use crate::gateway::reading::AnswerRow;

/// Device and start of the window, ms since 1970 UTC.
pub type Group = (String, i64);

/// Count, mean, least and greatest value per device and tumbling window of `size_ms`.
#[must_use]
pub fn batch(messages: &[Message], size_ms: i64) -> BTreeMap<Group, AnswerRow> {
    let mut values: BTreeMap<Group, Vec<f64>> = BTreeMap::new();
    for message in messages {
        let start_ms = message.detected_ms.div_euclid(size_ms) * size_ms;
        values.entry((message.device.to_owned(), start_ms)).or_default().push(message.round_trip_ms.into());
    }
    let row = |(group, values): (Group, Vec<f64>)| {
        let row = AnswerRow {
            device: group.0.clone(),
            window_start_ms: group.1,
            window_end_ms: group.1 + size_ms,
            count: values.len() as u64,
            mean: Some(values.iter().sum::<f64>() / values.len() as f64),
            min: values.iter().copied().reduce(f64::min),
            max: values.iter().copied().reduce(f64::max),
        };
        (group, row)
    };
    values.into_iter().map(row).collect()
}

/// All rows of the closed CSV files in `directory`, in order of their names.
///
/// # Errors
/// When a file cannot be read, or a line is no row of the answer; the message names both.
pub fn read_csv_files(directory: &Path) -> io::Result<Vec<AnswerRow>> {
    let mut paths: Vec<_> =
        fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
    paths.sort();
    let mut rows = Vec::new();
    for path in paths {
        let mut file = csv::Reader::from_path(&path)?;
        for row in file.deserialize() {
            rows.push(row.map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?);
        }
    }
    Ok(rows)
}

/// Every difference between the answer expected and the rows written, one sentence each; none if they are equal.
///
/// Means may differ by one part in 10⁹, everything else not at all. A row written twice is a difference.
#[must_use]
pub fn differences(expected: &BTreeMap<Group, AnswerRow>, written: &[AnswerRow]) -> Vec<String> {
    let mut differences = Vec::new();
    let mut missing: BTreeMap<&Group, &AnswerRow> = expected.iter().collect();
    for row in written {
        let group = (row.device.clone(), row.window_start_ms);
        match (missing.remove(&group), expected.contains_key(&group)) {
            (Some(right), _) if is_same(right, row) => {}
            (Some(right), _) => differences.push(format!("wrong: {row:?}, expected {right:?}")),
            (None, true) => differences.push(format!("twice: {row:?}")),
            (None, false) => differences.push(format!("not in the batch answer: {row:?}")),
        }
    }
    differences.extend(missing.values().map(|row| format!("missing: {row:?}")));
    differences
}

fn is_same(expected: &AnswerRow, row: &AnswerRow) -> bool {
    let mean_is_near = match (expected.mean, row.mean) {
        (Some(right), Some(mean)) => (right - mean).abs() <= right.abs().max(1.0) * 1e-9,
        (None, None) => true,
        _ => false,
    };
    let rest = |row: &AnswerRow| (row.window_end_ms, row.count, row.min, row.max);
    mean_is_near && rest(expected) == rest(row)
}

#[cfg(test)]
mod tests {
    use super::super::recording::recording;
    use super::*;

    #[test]
    fn every_kind_of_difference_is_seen() {
        let expected = batch(&recording().unwrap(), 10_000);
        assert_eq!(expected.values().map(|row| row.count).sum::<u64>(), 6_400);
        let rows: Vec<_> = expected.values().cloned().collect();
        assert_eq!(differences(&expected, &rows), [""; 0]);
        assert_eq!(differences(&expected, &rows[1..]).len(), 1);
        let twice: Vec<_> = rows.iter().chain(&rows[..1]).cloned().collect();
        assert!(differences(&expected, &twice)[0].starts_with("twice"));
        let mut wrong = rows.clone();
        wrong[0].count += 1;
        assert!(differences(&expected, &wrong)[0].starts_with("wrong"));
        wrong[0].device = "unknown".into();
        assert_eq!(differences(&expected, &wrong).len(), 2);
    }
}
