//! From a file to files nothing is allocated for a row: what a run allocates does not depend on how many there are.

use core::fmt::Write;
use core::time::Duration;
use std::alloc::System;
use std::fs;
use std::path::Path;

use headwater::aggregate::{count, mean};
use headwater::state::Allocated;
use headwater::window::Tumbling;
use headwater::{Span, Stream, Timestamp, WindowRow};
use headwater_std::sink::{FileSink, MapSink};
use headwater_std::source::file::{FileSource, Format};
use headwater_std::{StreamingQuery, Trigger};
use headwater_tests::throughput::rows::{DISORDER_MS, generated};
use serde::{Deserialize, Serialize};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

type Device = heapless::String<32>;
type Result = WindowRow<Device, (u64, Option<f64>)>;

#[derive(Deserialize)]
struct Reading {
    device: Device,
    at: i64,
    value: Option<f64>,
}

#[derive(Serialize)]
struct Line {
    device: Device,
    start: i64,
    count: u64,
    mean: Option<f64>,
}

fn line(result: &Result) -> Line {
    let (count, mean) = result.value;
    Line { device: result.key.clone(), start: result.window.start.as_millis(), count, mean }
}

/// Writes so many rows.
fn make_input(path: &Path, format: Format, rows: u64) {
    let mut text = String::new();
    if format == Format::Csv {
        text.push_str("device,at,value\n");
    }
    for row in generated(rows, 7, 100) {
        let (key, at, value) = (row.key, row.ts, row.value);
        match format {
            Format::Csv => writeln!(text, "sensor-{key},{at},{value}").unwrap(),
            Format::JsonLines => {
                writeln!(text, r#"{{"device":"sensor-{key}","at":{at},"value":{value}}}"#).unwrap();
            }
        }
    }
    fs::write(path, text).unwrap();
}

/// What a run over so many rows allocates, from its start to its last commit, and how many results it writes.
fn allocations(format: Format, rows: u64) -> (usize, usize) {
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("input");
    make_input(&input, format, rows);
    let plan = Stream::<Reading>::new()
        .with_watermark(|row| Timestamp::from_millis(row.at), Span::millis(DISORDER_MS))
        .group_by(|row| row.device.clone())
        .window(Tumbling::of(Span::secs(1)))
        .aggregate((count(), mean(|row: &Reading| row.value)))
        .append();
    let state = Allocated::with_capacity(20_000);
    let out = directory.path().join("out");
    let sink = MapSink::new(FileSink::new(&out, format), line as fn(&Result) -> Line);
    let query = StreamingQuery::new(plan, state, FileSource::new(&input, format), sink)
        .checkpoint(directory.path().join("state"))
        .trigger(Trigger::AvailableNow)
        .commit_every(Duration::from_secs(3_600), u64::MAX)
        .drain(true);
    let region = Region::new(ALLOCATOR);
    query.start().unwrap().wait().unwrap();
    let change = region.change();
    let results = fs::read_to_string(out.join(format!("part-000000.{}", format.extension()))).unwrap();
    (change.allocations + change.reallocations, results.lines().count())
}

/// One test, since the allocator is the whole process's.
#[test]
fn what_a_run_allocates_does_not_grow_with_its_rows() {
    // Buffers may grow once more, and a few epochs more end.
    const MORE: usize = 32;
    for format in [Format::Csv, Format::JsonLines] {
        let (fewer, results_of_fewer) = allocations(format, 20_000);
        let (more, results_of_more) = allocations(format, 40_000);
        assert!(
            results_of_more > results_of_fewer + 1_000,
            "{results_of_fewer} and {results_of_more} results"
        );
        println!("{format:?}: {fewer} allocations for 20,000 rows, {more} for 40,000");
        assert!(more <= fewer + MORE, "{format:?}: {fewer} allocations for 20,000 rows, {more} for 40,000");
    }
}
