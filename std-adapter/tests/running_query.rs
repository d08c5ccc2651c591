//! Whole queries, from files to files and memory, stopped and started again.

use core::time::Duration;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use headwater::aggregate::{Count, Sum, count, sum};
use headwater::state::Allocated;
use headwater::window::{Tumbling, Window};
use headwater::{QueryPlan, Span, Stream, Timestamp, WindowRecord, WindowRow};
use headwater_std::sink::{FileSink, ForeachSink, Format, MapSink, MemorySink};
use headwater_std::source::file::FileSource;
use headwater_std::source::rate::{RateRow, RateSource};
use headwater_std::{QueryError, StreamingQuery, Trigger};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

#[derive(Debug, Clone, Deserialize)]
struct Reading {
    device: u32,
    at: i64,
    value: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Line {
    device: u32,
    start: i64,
    rows: u64,
    sum: Option<i64>,
}

type State = Allocated<u32, WindowRecord<(Count, Sum<i64>)>>;
type Output = WindowRow<u32, (u64, Option<i64>)>;

fn line(row: &Output) -> Line {
    let (rows, sum) = row.value;
    Line { device: row.key, start: row.window.start.as_millis(), rows, sum }
}

/// Builds the plan where its type can be inferred.
macro_rules! plan {
    () => {
        Stream::<Reading>::new()
            .with_watermark(|row| Timestamp::from_millis(row.at), Span::secs(2))
            .group_by(|row| row.device)
            .window(Tumbling::of(Span::secs(10)))
            .aggregate((count(), sum(|row: &Reading| row.value)))
            .append()
    };
}

fn reading(number: i64) -> Reading {
    Reading { device: (number % 3) as u32, at: number * 700 - (number * 7919 % 1900), value: number }
}

fn append(path: &Path, numbers: core::ops::Range<i64>) {
    let new = !path.exists();
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    if new {
        writeln!(file, "device,at,value").unwrap();
    }
    for Reading { device, at, value } in numbers.map(reading) {
        writeln!(file, "{device},{at},{value}").unwrap();
    }
}

fn batch(numbers: core::ops::Range<i64>) -> Vec<Line> {
    let rows: Vec<Reading> = numbers.map(reading).collect();
    let mut lines: Vec<Line> = plan!().batch(&rows).iter().map(line).collect();
    lines.sort();
    lines
}

fn written(directory: &Path) -> Vec<Line> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(path.extension().unwrap(), "csv", "{}", path.display());
        for record in csv::Reader::from_path(path).unwrap().deserialize() {
            let (device, start, rows, sum) = record.unwrap();
            lines.push(Line { device, start, rows, sum });
        }
    }
    lines.sort();
    lines
}

#[test]
fn runs_over_a_growing_file_write_together_what_a_batch_gives() {
    for trigger in [Trigger::AvailableNow, Trigger::Once] {
        let directory = TempDir::new().unwrap();
        let input = directory.path().join("in.csv");
        let output = directory.path().join("out");
        for (index, range) in [0..100, 100..101, 101..101, 101..500].into_iter().enumerate() {
            append(&input, range);
            let source = FileSource::<Reading>::new(&input, Format::Csv);
            let sink = MapSink::new(FileSink::new(&output, Format::Csv), line);
            let query = StreamingQuery::new(plan!(), State::with_capacity(100), source, sink)
                .checkpoint(directory.path().join("state"))
                .log_bytes(1 << 20)
                .trigger(trigger)
                .commit_every(Duration::from_secs(1), 7)
                .drain(index == 3)
                .start()
                .unwrap();
            query.wait().unwrap();
        }
        assert_eq!(written(&output), batch(0..500));
    }
}

#[test]
fn a_query_that_follows_a_file_gives_all_when_asked_and_reports_in_sparks_names() {
    for trigger in [Trigger::Interval(Duration::ZERO), Trigger::EveryRow] {
        let directory = TempDir::new().unwrap();
        let input = directory.path().join("in.csv");
        append(&input, 0..100);
        let rows = Arc::default();
        for end in [200, 300] {
            let sink = MemorySink::<Output>::into_rows_of(Arc::clone(&rows));
            let source = FileSource::<Reading>::new(&input, Format::Csv);
            let query = StreamingQuery::new(plan!(), State::with_capacity(100), source, sink)
                .checkpoint(directory.path().join("state"))
                .log_bytes(1 << 20)
                .trigger(trigger)
                .drain(end == 300)
                .start()
                .unwrap();
            query.process_all_available();
            append(&input, end - 100..end);
            query.process_all_available();
            let counted = query.last_progress().unwrap();
            assert_eq!(counted.rows.rows_in, end as u64);
            assert!(query.is_active() && query.status().is_active);
            let json: serde_json::Value = serde_json::from_str(&counted.to_json()).unwrap();
            for pointer in [
                "/id",
                "/runId",
                "/batchId",
                "/numInputRows",
                "/durationMs/walCommit",
                "/eventTime/watermark",
                "/stateOperators/0/numRowsTotal",
                "/sources/0/endOffset",
                "/sink/description",
            ] {
                assert!(json.pointer(pointer).is_some_and(|value| !value.is_null()), "{pointer} in {json}");
            }
            query.stop();
            query.wait().unwrap();
        }
        let rows: &Mutex<Vec<Output>> = &rows;
        let mut lines: Vec<Line> = rows.lock().unwrap().iter().map(line).collect();
        lines.sort();
        assert_eq!(lines, batch(0..300));
    }
}

#[test]
fn full_state_stops_the_query_and_a_larger_one_goes_on_without_losing_a_row() {
    let directory = TempDir::new().unwrap();
    let input = directory.path().join("in.csv");
    append(&input, 0..50);
    let rows = Arc::default();
    let run = |capacity| {
        let sink = MemorySink::<Output>::into_rows_of(Arc::clone(&rows));
        let source = FileSource::<Reading>::new(&input, Format::Csv);
        StreamingQuery::new(plan!(), State::with_capacity(capacity), source, sink)
            .checkpoint(directory.path().join("state"))
            .log_bytes(1 << 20)
            .trigger(Trigger::AvailableNow)
            .commit_every(Duration::from_secs(1), 3)
            .drain(true)
            .start()
            .unwrap()
            .wait()
    };
    let error = run(3).unwrap_err();
    assert!(matches!(error, QueryError::StateFull { capacity: 3 }), "{error}");
    run(20).unwrap();
    let rows: &Mutex<Vec<Output>> = &rows;
    let mut lines: Vec<Line> = rows.lock().unwrap().iter().map(line).collect();
    lines.sort();
    assert_eq!(lines, batch(0..50));
}

#[test]
fn epochs_ended_early_by_full_state_do_not_put_off_commits() {
    let directory = TempDir::new().unwrap();
    let input = directory.path().join("in.csv");
    append(&input, 0..300);
    let source = FileSource::<Reading>::new(&input, Format::Csv);
    let sink = MemorySink::<Output>::new();
    let rows = sink.rows();
    let query = StreamingQuery::new(plan!(), State::with_capacity(8), source, sink)
        .checkpoint(directory.path().join("state"))
        .log_bytes(1 << 20)
        .trigger(Trigger::AvailableNow)
        .commit_every(Duration::from_secs(3600), 50)
        .drain(true)
        .start()
        .unwrap();
    query.process_all_available();
    let reports = query.recent_progress();
    query.wait().unwrap();
    assert!(reports.last().unwrap().rows.refused > 0, "state was never full");
    assert!(reports.len() >= 6 && reports.iter().all(|report| report.num_input_rows <= 50), "{reports:?}");
    let mut lines: Vec<Line> = rows.lock().unwrap().iter().map(line).collect();
    lines.sort();
    assert_eq!(lines, batch(0..300));
}

#[test]
fn a_checkpoint_in_use_and_one_of_another_query_are_refused() {
    let directory = TempDir::new().unwrap();
    let input = directory.path().join("in.csv");
    append(&input, 0..10);
    let start = |size| {
        let plan = Stream::<Reading>::new()
            .with_watermark(|row| Timestamp::from_millis(row.at), Span::secs(2))
            .group_by(|row| row.device)
            .window(Tumbling::of(size))
            .aggregate((count(), sum(|row: &Reading| row.value)))
            .append();
        let source = FileSource::<Reading>::new(&input, Format::Csv);
        StreamingQuery::new(plan, State::with_capacity(10), source, MemorySink::<Output>::new())
            .checkpoint(directory.path().join("state"))
            .log_bytes(1 << 20)
            .start()
    };
    let first = start(Span::secs(10)).unwrap();
    let error = start(Span::secs(10)).unwrap_err().to_string();
    assert!(error.contains("in use by another process"), "{error}");
    first.process_all_available();
    first.stop();
    first.wait().unwrap();
    let error = start(Span::secs(20)).unwrap_err().to_string();
    assert!(error.contains("another query") && error.contains("state"), "{error}");
    // Refused, it was left as it was.
    let again = start(Span::secs(10)).unwrap();
    again.stop();
    again.wait().unwrap();
}

#[test]
fn a_closure_gets_each_commit_under_a_number_of_its_own() {
    let directory = TempDir::new().unwrap();
    let calls = Arc::new(Mutex::new(Vec::new()));
    for limit in [50, 100] {
        let plan = Stream::<RateRow>::new()
            .with_watermark(|row| row.timestamp, Span::ZERO)
            .group_by(|_| 0_u32)
            .window(Tumbling::of(Span::secs(1)))
            .aggregate(count())
            .append();
        let seen = Arc::clone(&calls);
        let sink = ForeachSink::new(move |epoch, rows: &[WindowRow<u32, u64>]| {
            let windows: Vec<Window> = rows.iter().map(|row| row.window).collect();
            seen.lock().unwrap().push((epoch, windows));
            Ok(())
        });
        let source = RateSource::new(10).starting_at(Timestamp::EPOCH).with_limit(limit).unpaced();
        let state: Allocated<u32, WindowRecord<Count>> = Allocated::with_capacity(10);
        StreamingQuery::new(plan, state, source, sink)
            .checkpoint(directory.path())
            .log_bytes(1 << 20)
            .trigger(Trigger::EveryRow)
            .commit_every(Duration::from_secs(3600), 15)
            .start()
            .unwrap()
            .wait()
            .unwrap();
    }
    let calls = calls.lock().unwrap();
    let numbers: Vec<u64> = calls.iter().map(|(epoch, _)| *epoch).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let starts: Vec<i64> =
        calls.iter().flat_map(|(_, windows)| windows.iter().map(|w| w.start.as_millis())).collect();
    assert_eq!(starts, (0..9).map(|second| second * 1000).collect::<Vec<_>>());
}
