//! The recorded runs of real Spark, to prove the models with. They are not part of the repository; where they are not beside the
//! checkout, the tests say so and end.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::append_window::{Filled, Grid, Placed};
use super::dedup::Expiry;
use super::row::{Epoch, Row, missing_and_extra};
use super::static_join::StaticJoin;
use super::stream_join::{Join, Kind, NullKeys, Pair, Timeless};
use super::watermark::{Inputs, Policy};

/// Microseconds in a millisecond.
const MILLI: i64 = 1000;

/// A scenario and its rows in the form of the models.
pub(super) struct Recorded {
    scenario: Value,
    pub(super) query: Value,
    keys: Vec<String>,
    /// By their numbers.
    rows: Vec<Value>,
    epochs: Vec<Epoch>,
}

/// Runs every scenario whose query `accepts` takes and that Spark did not refuse. `run` gives what went wrong.
pub(super) fn replay(what: &str, accepts: impl Fn(&Value) -> bool, run: impl Fn(&Recorded) -> Vec<String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/spark/scenarios");
    let Ok(files) = fs::read_dir(folder) else {
        println!("skipped: the recorded Spark scenarios are not beside the checkout");
        return;
    };
    let (mut replayed, mut failed) = (Vec::new(), Vec::new());
    for file in files {
        let text =
            fs::read(file.expect("a folder that can be read").path()).expect("a file that can be read");
        let scenario: Value = serde_json::from_slice(&text).expect("JSON");
        if !scenario["rejected"].is_null() || !accepts(&scenario["query"]) {
            continue;
        }
        let name = scenario["name"].as_str().unwrap_or_default().to_owned();
        let failures = run(&Recorded::new(scenario));
        if !failures.is_empty() {
            failed.push(format!("{name}:\n  {}", failures.join("\n  ")));
        }
        replayed.push(name);
    }
    replayed.sort();
    println!("{what}: {} scenarios replayed: {}", replayed.len(), replayed.join(", "));
    assert!(!replayed.is_empty(), "no scenario of {what} among the recorded ones");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// A column of a row of any input; those of the right input begin with `r_`.
fn column<'v>(row: &'v Value, name: &str) -> &'v Value {
    row.get(name).unwrap_or_else(|| &row[format!("r_{name}").as_str()])
}

impl Recorded {
    fn new(scenario: Value) -> Self {
        let query = scenario["query"].clone();
        let mut recorded =
            Self { query, keys: Vec::new(), rows: Vec::new(), epochs: Vec::new(), scenario: Value::Null };
        for step in scenario["steps"].as_array().expect("steps") {
            let mut epoch = Epoch::default();
            for (place, input) in scenario["inputs"].as_array().expect("inputs").iter().enumerate() {
                let name = input["name"].as_str().expect("a name");
                let added = step["add"].get(name).unwrap_or(&step["add"]).as_array();
                for row in added.expect("rows of each input") {
                    epoch.rows.push((place, recorded.row(row)));
                }
            }
            recorded.epochs.push(epoch);
        }
        recorded.scenario = scenario;
        recorded
    }

    fn row(&mut self, row: &Value) -> Row {
        let number = u32::try_from(self.rows.len()).expect("few rows");
        self.rows.push(row.clone());
        if let Some(key) =
            column(row, "key").as_str().filter(|key| !self.keys.iter().any(|known| known == key))
        {
            self.keys.push(key.to_owned());
        }
        let key = self.key(column(row, "key"));
        let at = column(row, "ts").as_i64().map(|millis| millis * MILLI);
        Row { number, key, at, value: column(row, "value").as_f64() }
    }

    /// A key in the form of the models; one that no row has is beyond those that rows have.
    pub(super) fn key(&self, key: &Value) -> Option<u8> {
        let key = key.as_str()?;
        let place = self.keys.iter().position(|known| known == key).unwrap_or(usize::from(u8::MAX));
        Some(u8::try_from(place).expect("few keys"))
    }

    /// The key that scenarios write.
    pub(super) fn key_name(&self, key: Option<u8>) -> Option<&str> {
        key.map(|key| self.keys[usize::from(key)].as_str())
    }

    pub(super) fn inputs(&self) -> Inputs {
        let delay = |input: &Value| input["watermark"]["delay_ms"].as_i64().map(|delay| delay * MILLI);
        let delays: Vec<Option<i64>> =
            self.scenario["inputs"].as_array().expect("inputs").iter().map(delay).collect();
        let policy = match self.scenario["conf"]["spark.sql.streaming.multipleWatermarkPolicy"].as_str() {
            Some("max") => Policy::Max,
            _ => Policy::Min,
        };
        let inputs = Inputs::new(&delays).with_policy(policy);
        // 1: it starts at 1970.
        if delays.iter().any(Option::is_some) { inputs.starting_at(0) } else { inputs }
    }

    /// Runs each step and names what differs. `run` gives results, watermark, and rows or groups that were late.
    pub(super) fn compare(
        &self,
        mut run: impl FnMut(&Epoch) -> (Vec<Value>, Option<i64>, usize),
    ) -> Vec<String> {
        self.compare_state(|epoch| {
            let (rows, watermark, late) = run(epoch);
            (rows, watermark, late, None)
        })
    }

    /// The same, with the number of rows of state.
    pub(super) fn compare_state(
        &self,
        mut run: impl FnMut(&Epoch) -> (Vec<Value>, Option<i64>, usize, Option<usize>),
    ) -> Vec<String> {
        let mut failures = Vec::new();
        let steps = self.scenario["steps"].as_array().expect("steps");
        for (number, (step, epoch)) in steps.iter().zip(&self.epochs).enumerate() {
            let (rows, watermark, late, held) = run(epoch);
            let expected = step["expect"].as_array().expect("results");
            let (missing, extra) = missing_and_extra(expected, &rows, same);
            failures.extend(missing.iter().map(|row| format!("step {number}: missing {row}")));
            failures.extend(extra.iter().map(|row| format!("step {number}: extra {row}")));
            let watermark = json!(watermark.unwrap_or(0) / MILLI);
            let held = held.map_or(step["state_rows"].clone(), |held| json!(held));
            for (name, value) in
                [("watermark_ms", watermark), ("dropped_late", json!(late)), ("state_rows", held)]
            {
                if step[name] != value {
                    failures.push(format!("step {number}: {name} {value}, not {}", step[name]));
                }
            }
        }
        failures
    }

    /// A row with all its columns.
    pub(super) fn json(&self, row: &Row) -> &Value {
        &self.rows[row.number as usize]
    }

    fn nulls(columns: &Value) -> Value {
        let names = columns["schema"].as_array().expect("columns").iter();
        let null = |column: &Value| (column["name"].as_str().unwrap_or_default().to_owned(), Value::Null);
        Value::Object(names.map(null).collect())
    }

    /// The columns of both sides, null where there is no row.
    pub(super) fn json_pair(&self, kind: Kind, (left, right): &Pair) -> Value {
        let side = |side: usize, row: &Option<Row>| {
            row.map_or_else(|| Self::nulls(&self.scenario["inputs"][side]), |row| self.json(&row).clone())
        };
        if kind == Kind::LeftSemi { side(0, left) } else { joined(&side(0, left), &side(1, right)) }
    }

    /// The same for a join with a table.
    pub(super) fn json_static(&self, kind: Kind, (row, entry): &(Row, Option<Row>)) -> Value {
        let table = &self.scenario["statics"][0];
        let nulls = Self::nulls(table);
        let entry = entry.map_or(&nulls, |entry| &table["rows"][entry.number as usize]);
        if kind == Kind::LeftSemi { self.json(row).clone() } else { joined(self.json(row), entry) }
    }

    /// 30: zeros and NaN are one value each.
    pub(super) fn dedup_key(&self, dedup: &Value, row: &Row) -> Vec<String> {
        let value = |name: &Value| match &self.json(row)[name.as_str().expect("a name")] {
            Value::Number(number) if number.as_f64() == Some(0.0) => "0".to_owned(),
            value => value.to_string(),
        };
        dedup["columns"].as_array().expect("columns").iter().map(value).collect()
    }

    pub(super) fn expiry(&self, dedup: &Value) -> Expiry {
        let watermark = &self.scenario["inputs"][0]["watermark"];
        let columns = dedup["columns"].as_array().expect("columns");
        if dedup["within_watermark"] == true {
            Expiry::Within(watermark["delay_ms"].as_i64().expect("a watermark") * MILLI)
        } else if columns.contains(&watermark["column"]) {
            Expiry::AtEventTime
        } else {
            Expiry::Never
        }
    }

    pub(super) fn kind(&self, join: &Value) -> Kind {
        match join["join_type"].as_str() {
            Some("inner") => Kind::Inner,
            Some("left") => Kind::Left,
            Some("right") => Kind::Right,
            Some("full") => Kind::Full,
            Some("left_semi") => Kind::LeftSemi,
            other => panic!("no such join: {other:?}"),
        }
    }

    pub(super) fn join(&self, join: &Value) -> Join {
        let range = &join["time_range"];
        let bounds = range["lower_ms"].as_i64().zip(range["upper_ms"].as_i64());
        let condition: fn(&Row, &Row) -> bool = match join["condition"].as_str() {
            None => |_, _| true,
            Some("value < r_value") => |left, right| left.value.is_some() && left.value < right.value,
            Some(other) => panic!("no such condition here: {other}"),
        };
        let range = bounds.map(|(lower, upper)| (lower * MILLI, upper * MILLI));
        let (null_keys, timeless) = (NullKeys::AsSpark, Timeless::Never);
        Join { kind: self.kind(join), range, condition, null_keys, timeless }
    }

    pub(super) fn static_join(&self, join: &Value) -> StaticJoin {
        let name = join["on"][0][1].as_str().expect("a column");
        let entries = self.scenario["statics"][0]["rows"].as_array().expect("rows").iter();
        let entry = |(number, entry): (u32, &Value)| Row {
            number,
            key: self.key(&entry[name]),
            at: None,
            value: None,
        };
        StaticJoin::new(self.kind(join), (0..).zip(entries).map(entry).collect())
    }

    pub(super) fn grid(&self, aggregate: &Value) -> Grid {
        let millis = |name: &str| aggregate["window"][name].as_i64().map(|millis| millis * MILLI);
        let size = millis("size_ms").expect("a length");
        let slide = millis("slide_ms").unwrap_or(size);
        Grid { size, slide, offset: millis("start_offset_ms").unwrap_or(0) }
    }

    /// A row on its way into the windows of an aggregate.
    pub(super) fn placed(&self, aggregate: &Value, row: Value) -> Placed<Value> {
        let at = match aggregate["time_column"].as_str().expect("a column") {
            // 45: one microsecond before the end.
            "window" => row["window_end"].as_i64().map(|millis| millis * MILLI - 1),
            name => row[name].as_i64().map(|millis| millis * MILLI),
        };
        assert_eq!(aggregate["keys"], json!(["key"]));
        Placed { key: self.key(&row["key"]), at, row }
    }

    /// The result of an aggregate over a window.
    pub(super) fn json_window(&self, aggregate: &Value, window: &Filled<Value>) -> Value {
        let mut result = Map::new();
        result.insert("window_start".into(), json!(window.window.0 / MILLI));
        result.insert("window_end".into(), json!(window.window.1 / MILLI));
        result.insert("key".into(), window.rows[0]["key"].clone());
        for function in aggregate["aggregates"].as_array().expect("aggregates") {
            let name = function["as"].as_str().expect("a name");
            result.insert(name.into(), over(function, &window.rows));
        }
        Value::Object(result)
    }
}

fn over(function: &Value, rows: &[Value]) -> Value {
    let column = function["column"].as_str();
    let values = column.map(|name| rows.iter().filter_map(|row| row[name].as_f64()).collect::<Vec<f64>>());
    match (function["fn"].as_str(), values) {
        (Some("count"), None) => json!(rows.len()),
        (Some("count"), Some(values)) => json!(values.len()),
        (Some("sum"), Some(values)) => json!(values.into_iter().reduce(|sum, value| sum + value)),
        (Some("max"), Some(values)) => json!(values.into_iter().reduce(f64::max)),
        (Some("min"), Some(values)) => json!(values.into_iter().reduce(f64::min)),
        other => panic!("no such aggregate here: {other:?}"),
    }
}

fn joined(left: &Value, right: &Value) -> Value {
    let columns = |row: &Value| row.as_object().expect("columns").clone();
    Value::Object(columns(left).into_iter().chain(columns(right)).collect())
}

fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, value)| right.get(name).is_some_and(|other| same(value, other)))
        }
        (Value::Number(left), Value::Number(right)) => {
            let (Some(left), Some(right)) = (left.as_f64(), right.as_f64()) else { return false };
            (left - right).abs() <= 1e-9 * left.abs().max(right.abs())
        }
        _ => left == right,
    }
}
