//! The gateway over recorded data sets gives the known answers, computed elsewhere with plain Python and with DuckDB.
//!
//! The data lies beside the checkout, in `../shared/data`; where it is absent the tests say so and pass.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use common::{gateway_succeeds, start, stop, wait_until, written};
use edge_demo::gateway::reading::AnswerRow;
use serde_json::{Value, json};

/// No row is late by more than the slowest clock of the sets, 936 days.
const OPTIONS: &str = "--trigger available-now --watermark 1000d --keys 200000 --drain";

fn data() -> Option<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if data.is_dir() {
        return Some(data);
    }
    println!("SKIPPED: {} is absent", data.display());
    None
}

fn text(path: &Path) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// `NAME.csv` or `NAME.csv.gz` of the reference answers, as records by column.
fn reference(directory: &Path, name: &str) -> Vec<BTreeMap<String, String>> {
    let plain = directory.join(format!("{name}.csv"));
    let text = if plain.exists() {
        fs::read_to_string(plain).unwrap()
    } else {
        text(&directory.join(format!("{name}.csv.gz")))
    };
    csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect()
}

/// Runs the gateway over `input` for each table of `set` and compares.
fn check(data: &Path, set: &str, input: &str, tables: &[(&str, &str)]) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("rows.jsonl"), input).unwrap();
    for (table, window) in tables {
        let options =
            format!("--input rows.jsonl --window {window} {OPTIONS} --out {table} --state {table}-state");
        gateway_succeeds(directory.path(), &options);
        let expected = reference(&data.join("reference").join(set), table);
        compare(&expected, &written(&directory.path().join(table)), window, &format!("{set}/{table}"));
    }
}

fn compare(expected: &[BTreeMap<String, String>], written: &[AnswerRow], window: &str, context: &str) {
    let gap_ms = window
        .strip_prefix("session:")
        .map(|gap| edge_demo::gateway::parse_duration(gap).unwrap().as_millis());
    // The tables hold a part of the devices.
    let devices: BTreeSet<&str> = expected.iter().map(|row| row["key"].as_str()).collect();
    let mut rows: BTreeMap<(&str, i64), &AnswerRow> = BTreeMap::new();
    for row in written.iter().filter(|row| devices.contains(row.device.as_str())) {
        let before = rows.insert((&row.device, row.window_start_ms), row);
        assert_eq!(before, None, "{context}: written twice");
    }
    assert_eq!(rows.len(), expected.len(), "{context}: number of rows");
    for record in expected {
        let number = |column: &str| record[column].parse::<i64>().unwrap();
        let (start, end) = match gap_ms {
            Some(gap_ms) => (number("first_event_ms"), number("last_event_ms") + gap_ms),
            None => (number("window_start_ms"), number("window_end_ms")),
        };
        let row = rows
            .get(&(record["key"].as_str(), start))
            .unwrap_or_else(|| panic!("{context}: missing {record:?}"));
        assert_eq!(
            (row.window_end_ms, row.count),
            (end, record["count"].parse().unwrap()),
            "{context}: {record:?}"
        );
        for (column, value) in [("mean", row.mean), ("min", row.min), ("max", row.max)] {
            let Some(expected) = record.get(column).map(|text| text.parse::<f64>().unwrap()) else {
                continue;
            };
            let tolerance = if column == "mean" { expected.abs() * 1e-9 } else { 0.0 };
            let value = value.unwrap_or(f64::NAN);
            assert!(
                (value - expected).abs() <= tolerance,
                "{context}: {column} {value}, expected {record:?}"
            );
        }
    }
}

fn row(device: &Value, at: &Value, value: &Value) -> String {
    format!("{}\n", json!({ "device": device, "at": at, "value": value }))
}

/// One message a line, each with a list of receptions.
fn messages(data: &Path, name: &str) -> Vec<Value> {
    text(&data.join("lorawan-grenoble").join(name))
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn receptions<'a>(messages: &'a [Value], list: &str) -> impl Iterator<Item = &'a Value> {
    let list = list.to_owned();
    messages.iter().filter_map(move |message| message[&list].as_array()).flatten()
}

const TABLES: [(&str, &str); 3] =
    [("tumbling-10m", "tumbling:10m"), ("sliding-1h-10m", "sliding:1h/10m"), ("session-10m", "session:10m")];

/// All five recordings, one after another.
fn phones(data: &Path) -> String {
    let mut input = String::new();
    for part in 1..=5 {
        let text = text(&data.join(format!("ooo-umts/d-{part}.csv.gz")));
        let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(text.as_bytes());
        for record in reader.deserialize::<BTreeMap<String, String>>().map(Result::unwrap) {
            let number = |column: &str| json!(record[column].parse::<i64>().unwrap());
            let (at, value) = (number("S.Client.Detection.Time"), number("A.Duration.round.trip"));
            input += &row(&json!(record["S.Device.ID"]), &at, &value);
        }
    }
    input
}

#[test]
fn phones_over_umts() {
    let Some(data) = data() else { return };
    let mut tables = TABLES.to_vec();
    tables.extend([
        ("tumbling-10s", "tumbling:10s"),
        ("sliding-1m-10s", "sliding:1m/10s"),
        ("session-515ms", "session:515ms"),
        ("session-552ms", "session:552ms"),
    ]);
    check(&data, "ooo-umts", &phones(&data), &tables);
}

/// With a trigger after each row, rows are late as in an engine that moves its watermark with each of them.
#[test]
fn late_rows_of_the_phones() {
    let Some(data) = data() else { return };
    let directory = tempfile::tempdir().unwrap();
    let input = phones(&data);
    fs::write(directory.path().join("rows.jsonl"), &input).unwrap();
    let tables = data.join("reference/ooo-umts");
    for record in reference(&tables, "late-rows") {
        let bound_ms = &record["bound_ms"];
        let path = |name: &str| directory.path().join(name).display().to_string();
        let options = format!(
            "--input {} --window tumbling:10s --watermark {bound_ms}ms --trigger row --drain --progress --out {} --state {}",
            path("rows.jsonl"),
            path(bound_ms),
            path(&format!("{bound_ms}-state")),
        );
        let mut gateway = start(&options);
        let rows = input.lines().count() as u64;
        wait_until(&mut gateway, "read the file", |gateway| gateway.progress().rows_in == rows);
        assert_eq!(
            gateway.progress().late.to_string(),
            record["rows_whose_10s_window_was_closed"],
            "{bound_ms} ms"
        );
        stop(&mut gateway);
        if bound_ms == "0" {
            let table = "tumbling-10s-late-dropped-bound-0ms";
            compare(&reference(&tables, table), &written(&directory.path().join("0")), "tumbling:10s", table);
        }
    }
}

#[test]
fn helium_gateways() {
    let Some(data) = data() else { return };
    let messages = messages(&data, "helium-uplinks.ndjson.gz");
    let input: String = receptions(&messages, "hotspots")
        .map(|spot| row(&spot["id"], &spot["reported_at"], &spot["rssi"]))
        .collect();
    check(&data, "lorawan-helium-gateways", &input, &TABLES);
}

#[test]
fn helium_temperature() {
    let Some(data) = data() else { return };
    let messages = messages(&data, "helium-uplinks.ndjson.gz");
    let temperature = |message: &Value| {
        message.pointer("/decoded/payload/temperature").filter(|value| value.is_number()).cloned()
    };
    let input: String = messages
        .iter()
        .filter_map(|message| Some(row(&message["name"], &message["reported_at"], &temperature(message)?)))
        .collect();
    check(&data, "lorawan-helium-temperature", &input, &TABLES);
}

#[test]
fn chirpstack_gateways() {
    let Some(data) = data() else { return };
    let messages = messages(&data, "chirpstack-events.ndjson.gz");
    // Times are RFC 3339 text here.
    let input: String = receptions(&messages, "rxInfo")
        .filter(|reception| reception.get("time").is_some_and(Value::is_string))
        .map(|reception| row(&reception["gatewayID"], &reception["time"], &reception["rssi"]))
        .collect();
    check(&data, "lorawan-chirpstack-gateways", &input, &TABLES);
}

#[test]
fn lr_fhss_devices() {
    let Some(data) = data() else { return };
    let mut input = String::new();
    for day in ["2024-07-16", "2024-07-26", "2024-08-19"] {
        let text = text(&data.join(format!("lrfhss-lyon/{day}.data.gz")));
        for line in text.lines() {
            let cells: Vec<&str> = line.split(',').collect();
            let rssi: f64 = cells[5].parse().unwrap();
            input += &row(&json!(cells[0]), &json!(format!("{}Z", cells[2])), &json!(rssi));
        }
    }
    check(&data, "lrfhss-lyon", &input, &TABLES);
}
