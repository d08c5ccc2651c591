use headwater_std::declared::{DeclaredQuery, Relation, Upstream};

use super::*;
use crate::scenario::declare::{Declaration, DeclareError, declare};

fn declared(file: &Json) -> DeclaredQuery {
    match declare(&scenario(file)).unwrap() {
        Declaration::Query(query) => query,
        other => panic!("{other:?}"),
    }
}

/// The filters that end up before the watermarks of the inputs `left` and `right`.
fn input_filters(query: Json) -> [Option<String>; 2] {
    let mut file = refused();
    file["inputs"][0]["name"] = json!("left");
    let right = json!({
        "name": "right",
        "schema": [
            {"name": "r_ts", "type": "timestamp_ms"},
            {"name": "r_key", "type": "string"},
            {"name": "r_value", "type": "double"},
        ],
        "watermark": {"column": "r_ts", "delay_ms": 1000},
    });
    file["inputs"].as_array_mut().unwrap().push(right);
    file["query"] = query;
    let inputs = declared(&file).inputs;
    [inputs[0].filter.clone(), inputs[1].filter.clone()]
}

fn join(join_type: &str, left: Json) -> Json {
    json!({"kind": "join", "join_type": join_type, "left": left, "right": "right", "on": [["key", "r_key"]]})
}

fn filter(input: Json, expr: &str) -> Json {
    json!({"kind": "filter", "input": input, "expr": expr})
}

fn dedup(input: Json) -> Json {
    json!({"kind": "dedup", "input": input, "columns": ["key"]})
}

#[test]
fn watermarks_begin_at_1970() {
    let watermark = declared(&file()).inputs[0].watermark.clone().unwrap();
    assert_eq!((watermark.column.as_str(), watermark.delay_ms, watermark.initial_ms), ("ts", 2000, Some(0)));
}

#[test]
fn filters_that_do_not_read_event_time_come_before_the_watermark() {
    let left = |query| input_filters(query)[0].clone();
    let owned = |text: &str| Some(text.to_owned());
    assert_eq!(left(dedup(filter(json!("left"), "value > 0"))), owned("value > 0"));
    assert_eq!(left(dedup(filter(json!("left"), "unix_millis(ts) % 2 = 0"))), None);
    let both = filter(filter(json!("left"), "ts IS NOT NULL"), "key = 'ts'");
    assert_eq!(left(dedup(both)), owned("key = 'ts'"));
    let both = filter(filter(json!("left"), "value > 0"), "value < 9");
    assert_eq!(left(dedup(both)), owned("(value < 9) AND (value > 0)"));
    assert_eq!(left(filter(json!("left"), "value > 0")), owned("value > 0"));
    // Not over an input, or not an expression at all: for the engine to judge.
    assert_eq!(left(filter(dedup(json!("left")), "value > 0")), None);
    assert_eq!(left(dedup(filter(json!("left"), "no_such_column > 0"))), None);
}

#[test]
fn a_filter_that_has_moved_is_gone_from_the_query() {
    let mut file = file();
    file["query"]["input"] = filter(json!("input"), "value > 0");
    let Relation::Aggregate(moved) = declared(&file).query else { panic!("no aggregate") };
    assert_eq!(moved.input, Upstream::from("input"));
    file["query"]["input"] = filter(json!("input"), "unix_millis(ts) > 0");
    let Relation::Aggregate(stays) = declared(&file).query else { panic!("no aggregate") };
    assert!(matches!(stays.input, Upstream::Relation(_)));
    // Without a watermark no column is event time.
    file["inputs"][0]["watermark"] = Json::Null;
    assert_eq!(declared(&file).inputs[0].filter.as_deref(), Some("unix_millis(ts) > 0"));
}

#[test]
fn equi_joins_filter_null_keys_of_sides_that_are_not_kept() {
    let (left, right) = (Some("`key` IS NOT NULL".to_owned()), Some("`r_key` IS NOT NULL".to_owned()));
    for (join_type, expected) in [
        ("inner", [left.clone(), right.clone()]),
        ("left", [None, right.clone()]),
        ("right", [left.clone(), None]),
        ("full", [None, None]),
        ("left_semi", [left.clone(), right.clone()]),
    ] {
        assert_eq!(input_filters(join(join_type, json!("left"))), expected, "{join_type}");
    }
    let over_filter = input_filters(join("inner", filter(json!("left"), "value > 0")));
    assert_eq!(over_filter[0].as_deref(), Some("(`key` IS NOT NULL) AND (value > 0)"));
    assert_eq!(input_filters(join("inner", dedup(json!("left"))))[0], None);
}

#[test]
fn a_condition_on_one_side_is_a_filter_of_that_side_unless_it_is_kept() {
    let filters = |join_type, condition| {
        let mut join = join(join_type, json!("left"));
        join["condition"] = json!(condition);
        join["on"] = json!([]);
        input_filters(join)
    };
    let (left, right) = (Some("value > 0".to_owned()), Some("r_value > 0".to_owned()));
    assert_eq!(filters("inner", "value > 0"), [left.clone(), None]);
    assert_eq!(filters("inner", "value < r_value"), [None, None]);
    assert_eq!(filters("left", "value > 0"), [None, None]);
    assert_eq!(filters("left", "r_value > 0"), [None, right]);
    assert_eq!(filters("right", "value > 0"), [left, None]);
    assert_eq!(filters("full", "r_value > 0"), [None, None]);
}

#[test]
fn null_keys_match_in_the_full_join_of_two_streams() {
    for (join_type, expected) in [("full", true), ("inner", false), ("left", false)] {
        let mut file = refused();
        file["query"] = join(join_type, json!("input"));
        let Relation::Join(of_streams) = declared(&file).query else { panic!("no join") };
        assert_eq!(of_streams.null_keys_match, expected, "{join_type}");
        file["statics"] =
            json!([{"name": "right", "schema": [{"name": "r_key", "type": "string"}], "rows": []}]);
        let Relation::Join(with_table) = declared(&file).query else { panic!("no join") };
        assert!(!with_table.null_keys_match, "{join_type}");
    }
}

#[test]
fn a_function_with_state_is_a_query_of_its_own() {
    let map = json!({
        "kind": "stateful_map", "input": "input", "keys": ["key"], "fn": "count_until_silent",
        "timeout_ms": 4000, "api": "transformWithState", "output_mode": "update",
    });
    let mut file = file();
    file["query"] = map.clone();
    let Declaration::StatefulMap(declared) = declare(&scenario(&file)).unwrap() else { panic!("a query") };
    assert_eq!((declared.key.as_str(), declared.timeout_ms), ("key", 4000));
    assert_eq!(declared.input.name, "input");
    file["query"] = dedup(map);
    assert_eq!(declare(&scenario(&file)), Err(DeclareError::NestedStatefulMap));
}
