//! The engine's windows and aggregates against what Spark 4.3.0 really answered, epoch by epoch: results, watermark and late
//! groups, straight and with a restart between every two epochs.
//!
//! The recorded scenarios are not part of the repository; where they are not beside the checkout the test says so and ends.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use headwater::aggregate::{
    count, count_of, first, last, max, mean, min, stddev, stddev_pop, sum, variance, variance_pop,
};
use headwater::checkpoint::{Log, RamFlash};
use headwater::operator::LateRow;
use headwater::window::{Session, Sliding, Tumbling, Window};
use headwater::{GroupRow, OutputMode, QueryPlan, Side, Span, Stream, Timestamp, WindowRow};
use serde_json::{Map, Value, json};

type Text = heapless::String<16>;
type Key = (Option<Text>, Option<i64>);
type Numbers = (u64, u64, Option<f64>, Option<f64>, Option<f64>, Option<f64>);
type Spread = (Option<f64>, Option<f64>, Option<f64>, Option<f64>);
type Ids = (u64, Option<i64>, Option<f64>, Option<i64>, Option<i64>);
type Ends = (Option<f64>, Option<f64>, Option<i64>, Option<i64>);
type Answers = (Numbers, Spread, Ids, Ends);

struct Row {
    ts: Option<Timestamp>,
    key: Option<Text>,
    value: Option<f64>,
    id: Option<i64>,
}

/// A result as a JSON object with the scenario's column names.
trait Columns {
    fn columns(&self, scenario: &Value) -> Value;
}

impl Columns for WindowRow<Key, Answers> {
    fn columns(&self, scenario: &Value) -> Value {
        columns(scenario, Some(self.window), &self.key, &self.value)
    }
}

impl Columns for GroupRow<Key, Answers> {
    fn columns(&self, scenario: &Value) -> Value {
        columns(scenario, None, &self.key, &self.value)
    }
}

impl Columns for GroupRow<(), Answers> {
    fn columns(&self, scenario: &Value) -> Value {
        columns(scenario, None, &(None, None), &self.value)
    }
}

fn columns(scenario: &Value, window: Option<Window>, key: &Key, answers: &Answers) -> Value {
    let query = &scenario["query"];
    let mut row = Map::new();
    if let Some(window) = window {
        row.insert("window_start".into(), json!(window.start.as_millis()));
        row.insert("window_end".into(), json!(window.end.as_millis()));
    }
    for name in query["keys"].as_array().unwrap() {
        let value = if name == "key" { json!(key.0) } else { json!(key.1) };
        row.insert(name.as_str().unwrap().into(), value);
    }
    for aggregate in query["aggregates"].as_array().unwrap() {
        let name = aggregate["as"].as_str().unwrap();
        let column = aggregate["column"].as_str().unwrap_or("*");
        row.insert(name.into(), answer(aggregate["fn"].as_str().unwrap(), column, answers));
    }
    Value::Object(row)
}

fn answer(function: &str, column: &str, (numbers, spread, ids, ends): &Answers) -> Value {
    match (function, column) {
        ("count", "*") => json!(numbers.0),
        ("count", "value") => json!(numbers.1),
        ("sum", "value") => double(numbers.2),
        ("min", "value") => double(numbers.3),
        ("max", "value") => double(numbers.4),
        ("avg", "value") => double(numbers.5),
        ("var_samp", "value") => double(spread.0),
        ("var_pop", "value") => double(spread.1),
        ("stddev_samp", "value") => double(spread.2),
        ("stddev_pop", "value") => double(spread.3),
        ("count", "id") => json!(ids.0),
        ("sum", "id") => json!(ids.1),
        ("avg", "id") => double(ids.2),
        ("min", "id") => json!(ids.3),
        ("max", "id") => json!(ids.4),
        ("first", "value") => double(ends.0),
        ("last", "value") => double(ends.1),
        ("first", "id") => json!(ends.2),
        ("last", "id") => json!(ends.3),
        other => panic!("no such aggregate here: {other:?}"),
    }
}

fn double(value: Option<f64>) -> Value {
    match value {
        None => Value::Null,
        Some(value) if value.is_nan() => json!("NaN"),
        Some(f64::INFINITY) => json!("Infinity"),
        Some(f64::NEG_INFINITY) => json!("-Infinity"),
        Some(value) => json!(value),
    }
}

fn rows(step: &Value) -> Vec<Row> {
    let number = |value: &Value| match value.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        _ => value.as_f64(),
    };
    let row = |row: &Value| Row {
        ts: row["ts"].as_i64().map(Timestamp::from_millis),
        key: row["key"].as_str().map(|text| Text::try_from(text).unwrap()),
        value: number(&row["value"]),
        id: row["id"].as_i64(),
    };
    step["add"].as_array().unwrap().iter().map(row).collect()
}

/// Counts late rows as Spark does: the (window, key) groups of windows per epoch, the rows of sessions.
struct SparkLate {
    groups: BTreeSet<String>,
    rows: u64,
    sliding: Option<Sliding>,
    keys: BTreeSet<String>,
}

impl<O> Side<Row, O> for SparkLate {
    fn late(&mut self, late: LateRow<'_, Row>) {
        self.rows += 1;
        let Some(sliding) = self.sliding else { return };
        let key = self.keys.contains("key").then_some(&late.row.key);
        let id = self.keys.contains("id").then_some(&late.row.id);
        let mut end = sliding.first_end(late.at);
        for _ in 0..late.late_windows {
            self.groups.insert(format!("{end} {key:?} {id:?}"));
            end = end + sliding.slide();
        }
    }
}

fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, value)| right.get(name).is_some_and(|other| same(value, other)))
        }
        (Value::Number(left), Value::Number(right)) => {
            let (left, right) = (left.as_f64().unwrap(), right.as_f64().unwrap());
            (left - right).abs() <= 1e-9 * left.abs().max(right.abs())
        }
        _ => left == right,
    }
}

fn run<P>(plan: &P, scenario: &Value, restart: bool) -> Vec<String>
where
    P: QueryPlan<Row = Row, Item = Row>,
    P::Output: Columns,
{
    let query = &scenario["query"];
    let millis = |field: &str| Span::millis(query["window"][field].as_u64().unwrap_or(0) as u32);
    let sliding = match query["window"]["kind"].as_str() {
        Some("tumbling") => Some(Sliding::of(millis("size_ms"), millis("size_ms")).unwrap()),
        Some("sliding") => Some(Sliding::of(millis("size_ms"), millis("slide_ms")).unwrap()),
        _ => None,
    }
    .map(|sliding| sliding.with_offset(millis("start_offset_ms")));
    let keys: BTreeSet<String> =
        query["keys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap().into()).collect();

    let mut failures = Vec::new();
    let mut log = Log::<_, 512>::open(RamFlash::<65536, 4, 4096>::new()).unwrap();
    let mut state = plan.allocate(1024);
    let mut bound = plan.bind(&mut state);
    for (number, step) in scenario["steps"].as_array().unwrap().iter().enumerate() {
        let mut late = SparkLate { groups: BTreeSet::new(), rows: 0, sliding, keys: keys.clone() };
        for row in rows(step) {
            bound.push_with(row, &mut late).unwrap();
        }
        let mut results = Vec::new();
        bound.trigger(Timestamp::EPOCH, |row| results.push(row.columns(scenario))).unwrap();
        for expected in step["expect"].as_array().unwrap() {
            match results.iter().position(|row| same(row, expected)) {
                Some(found) => drop(results.swap_remove(found)),
                None => failures.push(format!("step {number}: missing {expected}")),
            }
        }
        failures.extend(results.iter().map(|row| format!("step {number}: extra {row}")));
        let watermark = bound.progress().watermark.map_or(0, Timestamp::as_millis);
        if json!(watermark) != step["watermark_ms"] {
            failures.push(format!("step {number}: watermark {watermark}, not {}", step["watermark_ms"]));
        }
        let dropped = if sliding.is_some() { late.groups.len() as u64 } else { late.rows };
        if json!(dropped) != step["dropped_late"] {
            failures.push(format!("step {number}: late {dropped}, not {}", step["dropped_late"]));
        }
        assert!(bound.progress().rows.balance());
        if restart {
            bound.commit(&mut log, &number).unwrap();
            drop(bound);
            state = plan.allocate(1024);
            bound = plan.bind(&mut state);
            log = Log::open(log.into_storage()).unwrap();
            assert_eq!(bound.restore::<usize, _, _>(&mut log).unwrap(), Some(number));
        }
    }
    failures
}

macro_rules! aggregates {
    () => {
        (
            (
                count(),
                count_of(|r: &Row| r.value),
                sum(|r: &Row| r.value),
                min(|r: &Row| r.value),
                max(|r: &Row| r.value),
                mean(|r: &Row| r.value),
            ),
            (
                variance(|r: &Row| r.value),
                variance_pop(|r: &Row| r.value),
                stddev(|r: &Row| r.value),
                stddev_pop(|r: &Row| r.value),
            ),
            (
                count_of(|r: &Row| r.id),
                sum(|r: &Row| r.id),
                mean(|r: &Row| r.id),
                min(|r: &Row| r.id),
                max(|r: &Row| r.id),
            ),
            (first(|r: &Row| r.value), last(|r: &Row| r.value), first(|r: &Row| r.id), last(|r: &Row| r.id)),
        )
    };
}

/// Runs a scenario in its output mode, with a watermark or without.
macro_rules! run_window {
    ($scenario:expr, $restart:expr, $delay:expr, $key:expr, $window:expr) => {{
        let mode = match $scenario["output_mode"].as_str().unwrap() {
            "append" => OutputMode::Append,
            "update" => OutputMode::Update,
            _ => OutputMode::Complete,
        };
        match $delay {
            Some(delay) => {
                let stream = Stream::<Row>::new().with_watermark_from(|r| r.ts, delay, Timestamp::EPOCH);
                let query = stream.group_by($key).window($window).aggregate(aggregates!());
                run(&query.output_mode(mode).unwrap(), $scenario, $restart)
            }
            None => {
                let stream = Stream::<Row>::new().with_event_time(|r| r.ts);
                let query = stream.group_by($key).window($window).aggregate(aggregates!());
                assert_eq!(mode, OutputMode::Complete, "only complete mode was recorded without a watermark");
                run(&query.complete(), $scenario, $restart)
            }
        }
    }};
}

/// `None` if the scenario is of another kind.
fn run_scenario(scenario: &Value, restart: bool) -> Option<Vec<String>> {
    let query = &scenario["query"];
    let functions: Vec<&str> =
        query["aggregates"].as_array()?.iter().map(|aggregate| aggregate["fn"].as_str().unwrap()).collect();
    let names = |name: &str| query["keys"].as_array().unwrap().iter().any(|key| key == name);
    let others = ["count_distinct_approx", "min_by", "max_by"];
    if !scenario["rejected"].is_null()
        || !query["input"].is_string()
        || names("ts")
        || functions.iter().any(|function| others.contains(function))
        || !["window_aggregate", "aggregate"].contains(&query["kind"].as_str()?)
    {
        return None;
    }
    let (by_key, by_id) = (names("key"), names("id"));
    let key = move |r: &Row| -> Key {
        (if by_key { r.key.clone() } else { None }, if by_id { r.id } else { None })
    };
    let delay =
        scenario["inputs"][0]["watermark"]["delay_ms"].as_u64().map(|delay| Span::millis(delay as u32));
    let millis = |field: &str| Span::millis(query["window"][field].as_u64().unwrap_or(0) as u32);
    Some(match query["window"]["kind"].as_str() {
        Some("tumbling") => {
            let window = Tumbling::of(millis("size_ms")).with_offset(millis("start_offset_ms"));
            run_window!(scenario, restart, delay, key, window)
        }
        Some("sliding") => {
            let window = Sliding::of(millis("size_ms"), millis("slide_ms")).unwrap();
            run_window!(scenario, restart, delay, key, window.with_offset(millis("start_offset_ms")))
        }
        Some(_) if query["window"]["gap_expr"].is_string() => {
            let gap = |r: &Row| Span::secs(if r.key.as_deref() == Some("a") { 10 } else { 2 });
            run_window!(scenario, restart, delay, key, Session::with_gap_by(gap))
        }
        Some(_) => run_window!(scenario, restart, delay, key, Session::with_gap(millis("gap_ms"))),
        None => {
            let stream = Stream::<Row>::new().with_watermark_from(
                |r| r.ts,
                delay.unwrap_or(Span::ZERO),
                Timestamp::EPOCH,
            );
            match (query["keys"].as_array().unwrap().is_empty(), scenario["output_mode"].as_str().unwrap()) {
                (true, _) => {
                    let stream = Stream::<Row>::new();
                    run(&stream.aggregate(aggregates!()).update(), scenario, restart)
                }
                (false, mode) if delay.is_none() => {
                    let grouped = Stream::<Row>::new().group_by(key).aggregate(aggregates!());
                    match mode {
                        "update" => run(&grouped.update(), scenario, restart),
                        _ => run(&grouped.complete(), scenario, restart),
                    }
                }
                (false, "update") => {
                    run(&stream.group_by(key).aggregate(aggregates!()).update(), scenario, restart)
                }
                (false, _) => {
                    run(&stream.group_by(key).aggregate(aggregates!()).complete(), scenario, restart)
                }
            }
        }
    })
}

fn scenarios() -> Option<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/spark/scenarios");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).ok()?.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    Some(files)
}

#[test]
fn spark_answers() {
    let Some(files) = scenarios() else {
        println!("skipped: the recorded Spark scenarios are not beside the checkout");
        return;
    };
    let (mut passed, mut failed) = (0, Vec::new());
    for file in files {
        let scenario: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for restart in [false, true] {
            match run_scenario(&scenario, restart) {
                None => {}
                Some(failures) if failures.is_empty() => passed += 1,
                Some(failures) => {
                    failed.push(format!(
                        "{} restart={restart}:\n  {}",
                        scenario["name"],
                        failures.join("\n  ")
                    ));
                }
            }
        }
    }
    println!("{passed} runs equal Spark's");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(passed > 100, "only {passed} runs found");
}
