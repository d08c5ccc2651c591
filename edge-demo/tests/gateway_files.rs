//! The gateway over files: every window kind, output mode and format against the batch answer.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{
    assert_same, batch_sessions, batch_windows, csv, gateway, gateway_succeeds, jsonl, rows, written,
};
use edge_demo::gateway::reading::AnswerRow;

/// Options of a run to the end of the input in which no row is late.
const TO_THE_END: &str = "--trigger available-now --watermark 4s --drain --out out --state state";

fn answer(input: &str, name: &str, options: &str) -> Vec<AnswerRow> {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(name), input).unwrap();
    gateway_succeeds(directory.path(), &format!("--input {name} {TO_THE_END} {options}"));
    written(&directory.path().join("out"))
}

#[test]
fn every_window_kind_in_append_mode() {
    let rows = rows(1, 3_000);
    for (window, expected) in [
        ("tumbling:10s", batch_windows(&rows, 10_000, 10_000)),
        ("sliding:10s/2s", batch_windows(&rows, 10_000, 2_000)),
        ("sliding:10s/4s", batch_windows(&rows, 10_000, 4_000)),
        ("session:2s", batch_sessions(&rows, 2_000)),
    ] {
        assert!(expected.len() > 100, "{window}: {}", expected.len());
        assert_same(expected, answer(&csv(&rows), "rows.csv", &format!("--window {window}")), window);
    }
}

#[test]
fn every_combination_of_formats() {
    let rows = rows(2, 500);
    let expected = batch_windows(&rows, 10_000, 10_000);
    for format in ["csv", "jsonl"] {
        let options = format!("--window tumbling:10s --format {format}");
        assert_same(expected.clone(), answer(&csv(&rows), "rows.csv", &options), format);
        assert_same(expected.clone(), answer(&jsonl(&rows), "rows.jsonl", &options), format);
    }
}

#[test]
fn a_directory_of_files_is_one_stream() {
    let rows = rows(3, 900);
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("in");
    fs::create_dir(&input).unwrap();
    for (index, part) in rows.chunks(300).enumerate() {
        fs::write(input.join(format!("part-{index}.csv")), csv(part)).unwrap();
    }
    gateway_succeeds(directory.path(), &format!("--input in --window tumbling:10s {TO_THE_END}"));
    assert_same(batch_windows(&rows, 10_000, 10_000), written(&directory.path().join("out")), "directory");
}

/// The last row written for each window.
fn last_of_each(rows: Vec<AnswerRow>) -> Vec<AnswerRow> {
    let last: BTreeMap<_, _> =
        rows.into_iter().map(|row| ((row.device.clone(), row.window_start_ms), row)).collect();
    last.into_values().collect()
}

#[test]
fn update_mode_ends_with_the_batch_answer() {
    let rows = rows(4, 2_000);
    for (window, expected) in [
        ("tumbling:10s", batch_windows(&rows, 10_000, 10_000)),
        ("sliding:6s/2s", batch_windows(&rows, 6_000, 2_000)),
    ] {
        let updates = answer(&csv(&rows), "rows.csv", &format!("--window {window} --mode update"));
        assert!(updates.len() >= expected.len());
        assert_same(expected, last_of_each(updates), window);
    }
}

#[test]
fn complete_mode_ends_with_the_batch_answer() {
    let rows = rows(5, 1_000);
    let table = answer(&csv(&rows), "rows.csv", "--window tumbling:10s --mode complete");
    assert_same(batch_windows(&rows, 10_000, 10_000), last_of_each(table), "complete");
}

#[test]
fn without_drain_open_windows_stay_open_and_go_on_next_time() {
    let rows = rows(6, 1_000);
    let directory = tempfile::tempdir().unwrap();
    let expected = batch_windows(&rows, 10_000, 10_000);
    let options = "--input rows.csv --window tumbling:10s --watermark 4s --trigger available-now --out out --state state";
    fs::write(directory.path().join("rows.csv"), csv(&rows[..600])).unwrap();
    gateway_succeeds(directory.path(), options);
    let first = written(&directory.path().join("out")).len();
    assert!(first > 0 && first < expected.len());
    fs::write(directory.path().join("rows.csv"), csv(&rows)).unwrap();
    gateway_succeeds(directory.path(), &format!("{options} --drain"));
    assert_same(expected, written(&directory.path().join("out")), "second run");
}

#[test]
fn malformed_lines_are_set_aside_with_their_reason() {
    let directory = tempfile::tempdir().unwrap();
    let long = "d".repeat(65);
    let text = format!(
        "device,at,value\na,1000,1\nb,never,2\n{long},1000,3\n,1000,4\na,2000,\na,1970-01-01T00:00:03Z,5\n"
    );
    fs::write(directory.path().join("rows.csv"), text).unwrap();
    gateway_succeeds(directory.path(), &format!("--input rows.csv --window tumbling:10s {TO_THE_END}"));
    let expected = AnswerRow {
        device: "a".into(),
        window_start_ms: 0,
        window_end_ms: 10_000,
        count: 3,
        mean: Some(3.0),
        min: Some(1.0),
        max: Some(5.0),
    };
    assert_same(vec![expected], written(&directory.path().join("out")), "good rows");
    let rejects = all_text(directory.path());
    for reason in ["never", "65 bytes", "the name of the device is empty"] {
        assert!(rejects.contains(reason), "no reject file tells {reason}:\n{rejects}");
    }
}

/// The text of all files below `directory` except the input.
fn all_text(directory: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            text += &all_text(&entry.path());
        } else if entry.file_name() != "rows.csv" {
            text += &String::from_utf8_lossy(&fs::read(entry.path()).unwrap());
        }
    }
    text
}

#[test]
fn a_full_state_follows_its_policy() {
    let rows: Vec<_> = rows(7, 400);
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("rows.csv"), csv(&rows)).unwrap();
    let options = |name: &str, policy: &str| {
        format!(
            "--input rows.csv --window tumbling:10s --trigger available-now --watermark 4s --drain --keys 3 --on-full {policy} \
             --out {name} --state {name}-state"
        )
    };
    let refused = gateway(directory.path(), &options("refuse", "refuse"));
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("--keys"), "{stderr}");
    gateway_succeeds(directory.path(), &options("evict", "evict"));
    let evicted: u64 = written(&directory.path().join("evict")).iter().map(|row| row.count).sum();
    assert_eq!(evicted, 400, "evicted windows are emitted early: every row counts once");
    gateway_succeeds(directory.path(), &options("drop", "drop"));
    let kept: u64 = written(&directory.path().join("drop")).iter().map(|row| row.count).sum();
    assert!(kept > 0 && kept < 400, "{kept}");
}

/// What the gateway says on standard error; it must end well.
fn said(directory: &Path, options: &str) -> String {
    let output = gateway(directory, options);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    stderr
}

#[test]
fn rows_that_do_not_count_are_told_once_also_across_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let options = "--input rows.csv --window tumbling:10s --watermark 1s --trigger row --on-full drop --keys 1 \
        --out out --state state";
    let file = |text: &str| fs::write(directory.path().join("rows.csv"), text).unwrap();
    let mut text = String::from("device,at,value\na,1000,1\na,30000,1\na,60000,1\na,2000,1\nb,no,1\n");
    file(&text);
    let mut gateway = common::start(&absolute(directory.path(), &format!("{options} --progress")));
    common::wait_until(&mut gateway, "read", |gateway| gateway.progress().rows_in == 4);
    common::stop(&mut gateway);
    let line = gateway.message();
    assert!(line.starts_with("gateway: ") && line.contains("1 late"), "{line}");
    assert!(line.contains("watermark 1970-01-01T00:00:59.000Z"), "{line}");
    assert!(line.contains("highest event time 1970-01-01T00:01:00.000Z"), "{line}");

    let to_the_end = options.replace("--trigger row", "--trigger available-now");
    let silent = said(directory.path(), &to_the_end);
    assert_eq!(silent, "", "nothing new");
    text += "a,3000,1\na,4000,1\n";
    file(&text);
    let new = said(directory.path(), &to_the_end);
    assert!(new.contains("2 late"), "{new}");
    assert_eq!(new.lines().count(), 1, "{new}");
}

/// `options` with paths in `directory`.
fn absolute(directory: &Path, options: &str) -> String {
    let mut words: Vec<String> = options.split_whitespace().map(str::to_owned).collect();
    for index in 1..words.len() {
        if ["--input", "--out", "--state"].contains(&words[index - 1].as_str()) {
            words[index] = directory.join(&words[index]).display().to_string();
        }
    }
    words.join(" ")
}

#[test]
fn a_row_far_ahead_of_the_clock_does_not_close_the_stream_for_others() {
    let directory = tempfile::tempdir().unwrap();
    // The second row's time is in microseconds instead of milliseconds.
    let text = "device,at,value\na,1700000000000,1\nb,1700000001000000,1\na,1700000002000,1\na,1700000030000,1\na,1700000003000,1\n";
    fs::write(directory.path().join("rows.csv"), text).unwrap();
    let options = |out: &str| {
        format!(
            "--input rows.csv --window tumbling:10s --watermark 40s --trigger available-now --drain \
             --out {out} --state {out}-state"
        )
    };
    let stderr = said(directory.path(), &format!("{} --ahead 1h", options("out")));
    assert!(stderr.contains("1 filtered"), "{stderr}");
    assert!(stderr.contains("highest event time 2023-11-14T22:13:50"), "{stderr}");
    let rows = written(&directory.path().join("out"));
    let counted: Vec<_> = rows.iter().map(|row| (row.device.as_str(), row.count)).collect();
    assert_eq!(counted, [("a", 3), ("a", 1)]);
}
