//! What is refused, and where the error says so; and the columns and event times of what is not.

use headwater::window::WindowError;
use headwater::{OutputMode, Span, Timestamp};
use serde_json::{Value as Json, json};

use crate::declared::*;
use crate::dynamic::{Row, Value};

/// An input with columns `ts`, `key`, `value` and `id`, whose names begin with `prefix`.
fn input(name: &str, prefix: &str, watermarked: bool) -> Json {
    let column = |name: &str, data_type: &str| json!({"name": format!("{prefix}{name}"), "type": data_type});
    let mut input = json!({
        "name": name,
        "schema": [
            column("ts", "timestamp"), column("key", "string"), column("value", "double"), column("id", "int")
        ]
    });
    if watermarked {
        input["watermark"] = json!({"column": format!("{prefix}ts"), "delay_ms": 2000});
    }
    input
}

fn query(mode: &str, inputs: Vec<Json>, query: Json) -> Json {
    json!({"name": "q", "inputs": inputs, "query": query, "output_mode": mode, "on_full": "refuse"})
}

fn check(json: &Json) -> Result<CheckedQuery, DeclarationError> {
    serde_json::from_value::<DeclaredQuery>(json.clone()).unwrap().check()
}

/// The checked query over one input with a watermark.
fn of_stream(mode: &str, step: Json) -> Result<CheckedQuery, DeclarationError> {
    check(&query(mode, vec![input("in", "", true)], step))
}

/// The checked query over the inputs `left` and `right`.
fn of_two(mode: &str, watermarked: bool, step: Json) -> Result<CheckedQuery, DeclarationError> {
    check(&query(mode, vec![input("left", "", watermarked), input("right", "r_", watermarked)], step))
}

#[track_caller]
fn refused<T: core::fmt::Debug>(checked: Result<T, DeclarationError>, field: &str) -> DeclarationReason {
    let error = checked.unwrap_err();
    assert_eq!(error.field, field, "{error}");
    error.reason
}

fn windowed(input: impl Into<Json>, size_ms: u64) -> Json {
    json!({
        "kind": "aggregate", "input": input.into(), "keys": ["key"],
        "window": {"kind": "tumbling", "size_ms": size_ms},
        "aggregates": [{"function": "count", "as": "n"}, {"function": "sum", "column": "value", "as": "sum_value"}]
    })
}

fn joined(join_type: &str, range: bool) -> Json {
    let mut join = json!({
        "kind": "join", "join_type": join_type, "left": "left", "right": "right", "on": [["key", "r_key"]]
    });
    if range {
        join["time_range"] = json!({"left": "ts", "right": "r_ts", "lower_ms": 0, "upper_ms": 5000});
    }
    join
}

mod accepted;
mod aggregates;
mod joins;
mod names;
