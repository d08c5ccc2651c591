//! Whole queries, from files to files and memory, stopped and started again.

use core::time::Duration;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use headwater::aggregate::{Count, Sum, count, sum};
use headwater::state::Allocated;
use headwater::window::{Tumbling, Window};
use headwater::{QueryPlan, Span, Stream, Timestamp, WindowRecord, WindowRow};
use headwater_std::sink::{FileSink, ForeachSink, Format, MapSink, MemorySink};
use headwater_std::source::file::FileSource;
use headwater_std::source::rate::{RateRow, RateSource};
use headwater_std::source::{Next, Source, SourceError, SourceMetrics};
use headwater_std::{QueryError, QueryHandle, QueryProgress, StreamingQuery, Trigger};
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
        if path.file_name().unwrap().to_str().unwrap().starts_with('.') {
            continue;
        }
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
                "/rows/rowsIn",
                "/rows/lateWindows",
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

/// Waits for a commit that is as asked for.
fn wait_for(query: &QueryHandle, what: &str, is: impl Fn(&QueryProgress) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !query.last_progress().is_some_and(|progress| is(&progress)) {
        assert!(Instant::now() < deadline && query.is_active(), "never came: {what}");
        thread::yield_now();
    }
}

const NEVER: Trigger = Trigger::Interval(Duration::from_secs(3600));

#[test]
fn rows_committed_before_a_crash_and_not_triggered_give_results_without_a_new_row() {
    let directory = TempDir::new().unwrap();
    let input = directory.path().join("in.csv");
    append(&input, 0..100);
    let rows = Arc::default();
    let start = |state: &str, trigger| {
        let sink = MemorySink::<Output>::into_rows_of(Arc::clone(&rows));
        let source = FileSource::<Reading>::new(&input, Format::Csv);
        StreamingQuery::new(plan!(), State::with_capacity(100), source, sink)
            .checkpoint(directory.path().join(state))
            .log_bytes(1 << 20)
            .trigger(trigger)
            .commit_every(Duration::ZERO, 1)
            .start()
            .unwrap()
    };
    let query = start("state", NEVER);
    wait_for(&query, "100 rows", |progress| progress.rows.rows_in == 100);
    // What a crash now would leave.
    fs::create_dir(directory.path().join("crashed")).unwrap();
    for file in ["log", "metadata.json"] {
        let of = |state| directory.path().join(state).join(file);
        fs::copy(of("state"), of("crashed")).unwrap();
    }
    let rows: &Mutex<Vec<Output>> = &rows;
    assert!(rows.lock().unwrap().is_empty());
    query.stop();
    query.wait().unwrap();
    let expected = core::mem::take(&mut *rows.lock().unwrap());
    assert!(!expected.is_empty());
    start("crashed", Trigger::AvailableNow).wait().unwrap();
    assert_eq!(*rows.lock().unwrap(), expected);
}

#[test]
fn rejects_are_committed_although_no_row_comes() {
    let directory = TempDir::new().unwrap();
    let input = directory.path().join("in.csv");
    let rejects = directory.path().join("rejects.jsonl");
    fs::write(&input, "device,at,value\n1,2\n3,4\n").unwrap();
    let source = FileSource::<Reading>::new(&input, Format::Csv).with_rejects(&rejects);
    let query = StreamingQuery::new(plan!(), State::with_capacity(100), source, MemorySink::new())
        .checkpoint(directory.path().join("state"))
        .log_bytes(1 << 20)
        .trigger(NEVER)
        .commit_every(Duration::ZERO, 10)
        .start()
        .unwrap();
    wait_for(&query, "2 rejects", |progress| progress.sources[0].metrics.rejected == 2);
    assert_eq!(fs::read_to_string(&rejects).unwrap().lines().count(), 2);
}

/// Five rows, and then it fails.
struct Failing {
    next: u64,
    /// Where it was opened each time.
    opened: Arc<Mutex<Vec<Option<u64>>>>,
}

impl Source for Failing {
    type Row = Reading;
    type Position = u64;

    fn open(&mut self, committed: Option<u64>) -> Result<(), SourceError> {
        self.opened.lock().unwrap().push(committed);
        self.next = committed.unwrap_or(0);
        Ok(())
    }

    fn limit_to_available(&mut self) -> Result<(), SourceError> {
        Ok(())
    }

    fn next(&mut self, _: Duration) -> Result<Next<Reading>, SourceError> {
        if self.next == 5 {
            return Err(SourceError::Other("too large".into()));
        }
        self.next += 1;
        Ok(Next::Row(reading(self.next as i64)))
    }

    fn prepare(&mut self) -> Result<u64, SourceError> {
        Ok(self.next)
    }

    fn committed(&mut self, _: &u64) -> Result<(), SourceError> {
        Ok(())
    }

    fn description(&self) -> String {
        "Failing".to_owned()
    }

    fn metrics(&self) -> SourceMetrics {
        SourceMetrics::default()
    }
}

#[test]
fn rows_before_a_failure_of_the_source_are_committed() {
    let directory = TempDir::new().unwrap();
    let opened = Arc::default();
    for _ in 0..2 {
        let source = Failing { next: 0, opened: Arc::clone(&opened) };
        let query = StreamingQuery::new(plan!(), State::with_capacity(100), source, MemorySink::new())
            .checkpoint(directory.path())
            .log_bytes(1 << 20)
            .trigger(NEVER)
            .commit_every(Duration::from_secs(3600), 1000)
            .start()
            .unwrap();
        let error = query.wait().unwrap_err();
        assert!(
            matches!(error, QueryError::Source(_)) && error.to_string().ends_with("too large"),
            "{error}"
        );
    }
    assert_eq!(*Mutex::lock(&opened).unwrap(), [None, Some(5)]);
}

#[test]
fn a_full_log_says_what_to_do_and_the_query_goes_on_in_a_larger_one() {
    let directory = TempDir::new().unwrap();
    let state = directory.path().join("state");
    let numbers = Arc::new(Mutex::new(Vec::new()));
    let run = |rows, log_bytes| {
        let plan = Stream::<RateRow>::new()
            .with_watermark(|row| row.timestamp, Span::hours(1))
            .group_by(|row| row.value)
            .window(Tumbling::of(Span::secs(1)))
            .aggregate(count())
            .append();
        let seen = Arc::clone(&numbers);
        let sink = ForeachSink::new(move |epoch, rows: &[WindowRow<u64, u64>]| {
            seen.lock().unwrap().push((epoch, rows.len()));
            Ok(())
        });
        let source = RateSource::new(10_000).starting_at(Timestamp::EPOCH).with_limit(rows).unpaced();
        let slots: Allocated<u64, WindowRecord<Count>> = Allocated::with_capacity(20_000);
        StreamingQuery::new(plan, slots, source, sink)
            .checkpoint(&state)
            .log_bytes(log_bytes)
            .trigger(Trigger::AvailableNow)
            .commit_every(Duration::from_secs(3600), 1000)
            .drain(log_bytes > 1 << 20)
            .start()
            .unwrap()
            .wait()
    };
    let small = 1 << 18;
    let error = run(20_000, small).unwrap_err().to_string();
    assert!(error.contains("does not fit") && error.contains("larger log_bytes"), "{error}");
    let length = || fs::metadata(state.join("log")).unwrap().len();
    assert_eq!(length(), u64::from(small));
    // A crash while it moved leaves a part of the larger log behind.
    fs::write(state.join("log.new"), "half of a log").unwrap();
    run(20_000, 1 << 22).unwrap();
    assert_eq!(length(), 1 << 22);
    assert!(!state.join("log.new").exists());
    run(20_000, small).unwrap();
    assert_eq!(length(), 1 << 22, "a larger one is left as it is");
    let numbers = numbers.lock().unwrap();
    assert!(numbers.is_sorted_by(|a, b| a.0 < b.0), "{numbers:?}");
    assert_eq!(numbers.iter().map(|(_, rows)| rows).sum::<usize>(), 20_000);
}

#[test]
fn output_of_a_query_whose_checkpoint_is_missing_is_refused_and_left_as_it_is() {
    let directory = TempDir::new().unwrap();
    let input = directory.path().join("in.csv");
    let output = directory.path().join("out");
    append(&input, 0..100);
    let start = |state: &str| {
        let source = FileSource::<Reading>::new(&input, Format::Csv);
        let sink = MapSink::new(FileSink::new(&output, Format::Csv), line);
        StreamingQuery::new(plan!(), State::with_capacity(100), source, sink)
            .checkpoint(directory.path().join(state))
            .log_bytes(1 << 20)
            .trigger(NEVER)
            .start()
    };
    let query = start("state").unwrap();
    query.process_all_available();
    let part = output.join("part-000000.csv.part");
    let text = fs::read_to_string(&part).unwrap();
    assert!(!text.is_empty());
    let error = start("other").unwrap_err().to_string();
    assert!(error.contains("in use by another process"), "{error}");
    // What a crash now would leave.
    let crashed = directory.path().join("crashed");
    fs::create_dir(&crashed).unwrap();
    for file in ["log", "metadata.json"] {
        fs::copy(directory.path().join("state").join(file), crashed.join(file)).unwrap();
    }
    drop(query);
    fs::rename(output.join("part-000000.csv"), &part).unwrap();
    let left = fs::read_to_string(&part).unwrap();
    let error = start("other").unwrap_err().to_string();
    assert!(error.contains("restore the checkpoint"), "{error}");
    assert_eq!(fs::read_to_string(&part).unwrap(), left);
    let again = start("crashed").unwrap();
    assert_eq!(fs::read_to_string(&part).unwrap(), text);
    again.stop();
    again.wait().unwrap();
}
