//! Names, types and expressions.

use super::*;

#[test]
fn names_must_be_there_and_differ() {
    let step = json!({"kind": "filter", "input": "in", "expr": "id > 1"});
    let two = |name: &str| query("append", vec![input("in", "", true), input(name, "", true)], step.clone());
    assert_eq!(
        refused(check(&two("in")), "inputs[1].name"),
        DeclarationReason::DuplicateSource { name: "in".into() }
    );
    assert_eq!(refused(check(&two("")), "inputs[1].name"), DeclarationReason::EmptyName);
    assert_eq!(
        refused(check(&two("other")), "inputs[1]"),
        DeclarationReason::Unused { name: "other".into() }
    );
    let none = query("append", vec![], step.clone());
    assert_eq!(refused(check(&none), "inputs"), DeclarationReason::TooFew { found: 0, least: 1 });
    let unknown = json!({"kind": "filter", "input": "inn", "expr": "id > 1"});
    assert_eq!(
        refused(of_stream("append", unknown), "query.input"),
        DeclarationReason::UnknownSource { name: "inn".into(), known: "in".into() }
    );
    let twice = json!({"kind": "union", "inputs": ["in", "in"]});
    assert_eq!(
        refused(of_stream("append", twice), "query.inputs[1]"),
        DeclarationReason::UsedTwice { name: "in".into() }
    );
}

#[test]
fn expressions_are_checked_in_place() {
    let nested = |expr: &str| {
        let select = json!({"kind": "select", "input": "in", "columns": [
            {"expr": "ts", "as": "ts"}, {"expr": expr, "as": "x"}
        ]});
        of_stream("append", json!({"kind": "filter", "input": select, "expr": "x > 1"}))
    };
    assert!(nested("value * 2").is_ok());
    let reason = refused(nested("valeu * 2"), "query.input.columns[1].expr");
    assert!(reason.to_string().contains("no column `valeu`"), "{reason}");
    let number = of_stream("append", json!({"kind": "filter", "input": "in", "expr": "id + 1"}));
    assert!(matches!(refused(number, "query.expr"), DeclarationReason::NotAPredicate { .. }));
    let mut filtered = query(
        "append",
        vec![input("in", "", true)],
        json!({
            "kind": "filter", "input": "in", "expr": "true"
        }),
    );
    filtered["inputs"][0]["filter"] = json!("no_such");
    assert!(matches!(refused(check(&filtered), "inputs[0].filter"), DeclarationReason::Expression(_)));
}

#[test]
fn watermarks_follow_a_timestamp() {
    let step = json!({"kind": "filter", "input": "in", "expr": "true"});
    let mut json = query("append", vec![input("in", "", true)], step);
    json["inputs"][0]["watermark"]["column"] = json!("id");
    assert!(matches!(
        refused(check(&json), "inputs[0].watermark.column"),
        DeclarationReason::ColumnType { expected: "a timestamp", .. }
    ));
    json["inputs"][0]["watermark"] = json!({"column": "ts", "delay_ms": u64::MAX});
    assert!(matches!(
        refused(check(&json), "inputs[0].watermark.delay_ms"),
        DeclarationReason::OutOfRange { .. }
    ));
    json["inputs"][0]["watermark"] = json!({"column": "ts", "delay_ms": 7, "initial_ms": 0});
    let checked = check(&json).unwrap();
    let watermark = CheckedWatermark { column: 0, delay: Span::millis(7), initial: Some(Timestamp::EPOCH) };
    assert_eq!(checked.inputs[0].watermark, Some(watermark));
    json["inputs"][0]["watermark"] = Json::Null;
    json["inputs"][0]["idle_after_ms"] = json!(1);
    assert_eq!(refused(check(&json), "inputs[0].idle_after_ms"), DeclarationReason::NoEventTime);
}

#[test]
fn columns_of_a_result_have_names_of_their_own() {
    let twice = json!({"kind": "select", "input": "in", "columns": [
        {"expr": "id", "as": "x"}, {"expr": "key", "as": "x"}
    ]});
    assert!(matches!(refused(of_stream("append", twice), "query.columns"), DeclarationReason::Columns(_)));
    let mut again = windowed(windowed("in", 10), 30);
    again["keys"] = json!(["window_start"]);
    again["aggregates"] = json!([]);
    assert!(matches!(refused(of_stream("append", again), "query"), DeclarationReason::Columns(_)));
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| {
        let filter = |input: Upstream| Relation::Filter(Filter { input, expr: "true".into() });
        let inner = (1..depth).fold(filter("in".into()), |step, _| filter(step.into()));
        let json = query(
            "append",
            vec![input("in", "", true)],
            json!({
                "kind": "filter", "input": "in", "expr": "true"
            }),
        );
        let declared: DeclaredQuery = serde_json::from_value(json).unwrap();
        DeclaredQuery { query: inner, ..declared }.check()
    };
    assert!(nested(64).is_ok());
    let error = nested(65).unwrap_err();
    assert_eq!(error.reason, DeclarationReason::TooDeep { most: 64 });
}

#[test]
fn many_steps_beside_each_other_are_not_deep() {
    let names: Vec<String> = (0..70).map(|number| format!("in{number}")).collect();
    let inputs = names.iter().map(|name| input(name, "", true)).collect();
    let filters = names.iter().map(|name| json!({"kind": "filter", "input": name, "expr": "id > 1"}));
    let union = json!({"kind": "union", "inputs": filters.collect::<Json>()});
    assert!(check(&query("append", inputs, union)).is_ok());
}

#[test]
fn memory_is_above_zero() {
    let mut json = query(
        "append",
        vec![input("in", "", true)],
        json!({
            "kind": "dedup", "input": "in", "columns": ["id"]
        }),
    );
    json["capacity"] = json!(0);
    assert_eq!(refused(check(&json), "capacity"), DeclarationReason::Zero);
}

#[test]
fn unions_are_of_streams_alike() {
    let of = |left: Json, right: Json| {
        let union = json!({"kind": "union", "inputs": ["a", "b"]});
        check(&query("append", vec![left, right], union))
    };
    let union = of(input("a", "", true), input("b", "r_", true)).unwrap().query;
    assert_eq!(union.schema.names(), "ts, key, value, id");
    assert_eq!(union.event_times, [EventTime { time: TimeColumn::At(0), delay: Span::secs(2) }]);
    assert_eq!(
        refused(of(input("a", "", true), input("b", "", false)), "query.inputs[1]"),
        DeclarationReason::UnionEventTime { found: "none".into(), expected: "ts".into() }
    );
    let other = json!({"name": "b", "schema": [{"name": "ts", "type": "timestamp"}]});
    assert!(matches!(
        refused(of(input("a", "", false), other), "query.inputs[1]"),
        DeclarationReason::UnionColumns { .. }
    ));
    let alone = of_stream("append", json!({"kind": "union", "inputs": ["in"]}));
    assert_eq!(refused(alone, "query.inputs"), DeclarationReason::TooFew { found: 1, least: 2 });
}
