//! Tests of reading, declaring and running, with an engine that repeats what the file says.

mod command;
mod declaring;
mod reading;
mod running;

use serde_json::{Value as Json, json};

use super::read::Scenario;

/// A run of two steps: rows by key in windows of ten seconds.
fn file() -> Json {
    json!({
        "name": "small",
        "operator": "tumbling",
        "note": "By hand.",
        "spark": {"pyspark": "4.3.0", "java": "17", "conf": {"spark.sql.streaming.multipleWatermarkPolicy": "min"}},
        "inputs": [{
            "name": "input",
            "schema": [
                {"name": "ts", "type": "timestamp_ms"},
                {"name": "key", "type": "string"},
                {"name": "value", "type": "double"},
            ],
            "watermark": {"column": "ts", "delay_ms": 2000},
        }],
        "output_mode": "append",
        "query": {
            "kind": "window_aggregate", "input": "input", "time_column": "ts", "watermark_delay_ms": 2000,
            "keys": ["key"], "window": {"kind": "tumbling", "size_ms": 10000},
            "aggregates": [{"fn": "count", "as": "n"}, {"fn": "sum", "column": "value", "as": "total"}],
            "output_mode": "append",
        },
        "sql": null,
        "output_schema": [
            {"name": "window_start", "type": "timestamp_ms"},
            {"name": "window_end", "type": "timestamp_ms"},
            {"name": "key", "type": "string"},
            {"name": "n", "type": "long"},
            {"name": "total", "type": "double"},
        ],
        "sql_checked": false,
        "steps": [
            {
                "add": [{"ts": 1000, "key": "a", "value": 1.5}, {"ts": 13000, "key": null, "value": "-Infinity"}],
                "watermark_ms": 11000, "state_rows": 1, "dropped_late": 0,
                "expect": [{"window_start": 0, "window_end": 10000, "key": "a", "n": 1, "total": 1.5}],
                "batches": [],
            },
            {
                "add": [{"ts": 2000, "key": "a", "value": null}, {"ts": 1, "key": "a", "value": -0.0}],
                "watermark_ms": 11000, "state_rows": 1, "dropped_late": 1, "expect": [], "batches": [],
            },
        ],
    })
}

/// The same, refused by Spark.
fn refused() -> Json {
    let mut file = file();
    file["rejected"] = json!({"class": "UNSUPPORTED", "message": "No.", "runtime_failure_at_step": 0});
    file.as_object_mut().unwrap().remove("output_schema");
    file["steps"] = json!([{"add": []}]);
    file
}

fn scenario(file: &Json) -> Scenario {
    Scenario::from_json(file).unwrap()
}
