use headwater::{OnFull, OutputMode};
use serde_json::{Value, json};

use super::{DeclaredQuery, DeclaredWindow, Relation, Upstream, WatermarkPolicy};

fn small() -> Value {
    json!({
        "name": "q",
        "inputs": [{"name": "in", "schema": [{"name": "a", "type": "int"}]}],
        "query": {"kind": "filter", "input": "in", "expr": "a > 1"},
        "output_mode": "append",
        "on_full": "evict_oldest"
    })
}

fn read(json: &Value) -> Result<DeclaredQuery, String> {
    // From text, as a file is read: streaming, not from a tree.
    serde_json::from_str(&json.to_string()).map_err(|error| error.to_string())
}

#[test]
fn what_is_left_out_has_its_default() {
    let query = read(&small()).unwrap();
    assert_eq!((query.version, query.capacity), (0, 10_000));
    assert_eq!(query.watermark_policy, WatermarkPolicy::Min);
    assert_eq!((query.output_mode, query.on_full), (OutputMode::Append, OnFull::EvictOldest));
    let Relation::Filter(filter) = &query.query else { panic!("{:?}", query.query) };
    assert_eq!(filter.input, Upstream::from("in"));
}

#[test]
fn memory_has_no_default_policy() {
    let mut json = small();
    json.as_object_mut().unwrap().remove("on_full");
    assert!(read(&json).unwrap_err().starts_with("missing field `on_full`"));
}

#[test]
fn unknown_fields_are_refused_at_every_depth() {
    let places = ["", "/inputs/0", "/inputs/0/schema/0", "/query", "/query/input", "/query/input/window"];
    let mut json = small();
    json["query"]["input"] = json!({
        "kind": "aggregate", "input": "in", "window": {"kind": "tumbling", "size_ms": 1}, "aggregates": []
    });
    read(&json).unwrap();
    for place in places {
        let mut json = json.clone();
        json.pointer_mut(place).unwrap()["colour"] = json!("red");
        let error = read(&json).unwrap_err();
        assert!(error.starts_with("unknown field `colour`"), "{place}: {error}");
    }
}

#[test]
fn mistakes_in_nested_steps_are_told_as_they_are() {
    let mut json = small();
    json["query"]["input"] = json!({"kind": "filtre", "input": "in"});
    assert!(
        read(&json).unwrap_err().starts_with("unknown variant `filtre`, expected one of `filter`, `select`")
    );
    json["query"]["input"] = json!(7);
    assert!(read(&json).unwrap_err().contains("expected the name of an input, or an object with a `kind`"));
    json["query"]["input"] = json!({"kind": "filter", "input": "in"});
    assert!(read(&json).unwrap_err().starts_with("missing field `expr`"));
    json["query"]["input"] = json!({
        "kind": "aggregate", "input": "in", "aggregates": [], "window": {"kind": "tumbling", "size_ms": -1}
    });
    assert!(read(&json).unwrap_err().contains("expected u64"));
}

#[test]
fn every_kind_is_written_as_it_was_read() {
    let mut json = small();
    json["version"] = json!(3);
    json["capacity"] = json!(16);
    json["watermark_policy"] = json!("max");
    json["output_mode"] = json!("complete");
    json["on_full"] = json!("drop");
    json["inputs"][0]["filter"] = json!("a IS NOT NULL");
    json["inputs"][0]["watermark"] = json!({"column": "at", "delay_ms": 5, "initial_ms": 0});
    json["inputs"][0]["idle_after_ms"] = json!(1000);
    json["tables"] = json!([{"name": "t", "schema": [], "rows": [{"a": 1}]}]);
    let joined = json!({
        "kind": "join", "join_type": "left_semi", "left": "in", "right": "other", "on": [["a", "b"]],
        "time_range": {"left": "at", "right": "bt", "lower_ms": -1, "upper_ms": 1},
        "condition": "a < c", "null_keys_match": true
    });
    let steps = [
        json!({"kind": "select", "input": joined, "columns": [{"expr": "a + 1", "as": "b"}]}),
        json!({"kind": "union", "inputs": ["in", "other"]}),
        json!({"kind": "dedup", "input": "in", "columns": ["a"], "within_watermark": true}),
        json!({
            "kind": "as_of_join", "left": "in", "right": "other", "on": [["a", "b"]],
            "left_time": "at", "right_time": "bt", "tolerance_ms": 10
        }),
        json!({
            "kind": "aggregate", "input": "in", "keys": ["a"], "time_column": "at",
            "window": {"kind": "sliding", "size_ms": 10, "slide_ms": 5, "start_offset_ms": -1},
            "aggregates": [
                {"function": "first", "column": "a", "ignore_nulls": true, "as": "f"},
                {"function": "max_by", "column": "a", "by": "at", "as": "m"},
                {"function": "quantile", "column": "a", "p": 0.5, "as": "median"}
            ]
        }),
    ];
    for step in steps {
        json["query"] = step;
        let query = read(&json).unwrap();
        assert_eq!(serde_json::to_value(&query).unwrap(), json);
    }
}

#[test]
fn windows_are_told_apart_by_kind() {
    let read = |text: &str| serde_json::from_str::<DeclaredWindow>(text).map_err(|error| error.to_string());
    assert_eq!(
        read(r#"{"kind": "session", "gap_ms": 5}"#),
        Ok(DeclaredWindow::Session { gap_ms: Some(5), gap_expr: None })
    );
    assert_eq!(read(r#"{"kind": "count", "rows": 5}"#), Ok(DeclaredWindow::Count { rows: 5, step: None }));
    assert!(read(r#"{"kind": "tumbling", "size_ms": 5, "slide_ms": 5}"#).unwrap_err().contains("slide_ms"));
}
