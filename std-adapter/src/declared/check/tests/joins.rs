//! Spark's refusals for joins.

use super::*;

const NOT_INNER: [&str; 4] = ["left", "right", "full", "left_semi"];

#[test]
fn joins_that_are_not_inner_need_range_watermarks_and_append_mode() {
    for join_type in NOT_INNER {
        assert!(of_two("append", true, joined(join_type, true)).is_ok(), "{join_type}");
        assert!(matches!(
            refused(of_two("append", true, joined(join_type, false)), "query.time_range"),
            DeclarationReason::OuterWithoutRange { .. }
        ));
        assert!(matches!(
            refused(of_two("append", false, joined(join_type, true)), "query.time_range"),
            DeclarationReason::OuterWithoutRange { .. }
        ));
        for (left, right) in [(true, false), (false, true)] {
            let inputs = vec![input("left", "", left), input("right", "r_", right)];
            let one_sided = check(&query("append", inputs, joined(join_type, true)));
            assert!(matches!(
                refused(one_sided, "query.time_range"),
                DeclarationReason::OuterWithoutRange { .. }
            ));
        }
        assert!(matches!(
            refused(of_two("update", true, joined(join_type, true)), "query.join_type"),
            DeclarationReason::OutputMode { .. }
        ));
    }
    for (mode, watermarked, range) in
        [("append", false, false), ("append", false, true), ("append", true, false), ("update", true, true)]
    {
        assert!(of_two(mode, watermarked, joined("inner", range)).is_ok());
    }
}

#[test]
fn keys_and_ranges_must_fit() {
    let with = |field: &str, value: Json| {
        let mut join = joined("left", true);
        join[field] = value;
        of_two("append", true, join)
    };
    assert_eq!(refused(with("on", json!([])), "query.on"), DeclarationReason::NoKeys);
    assert!(matches!(
        refused(with("on", json!([["key", "r_key"], ["key", "r_id"]])), "query.on[1]"),
        DeclarationReason::KeyTypes { .. }
    ));
    assert!(matches!(
        refused(with("on", json!([["key", "key"]])), "query.on[0][1]"),
        DeclarationReason::UnknownColumn { .. }
    ));
    let range = |left: &str, lower_ms: i64| json!({"left": left, "right": "r_ts", "lower_ms": lower_ms, "upper_ms": 5});
    assert_eq!(
        refused(with("time_range", range("ts", 6)), "query.time_range.lower_ms"),
        DeclarationReason::EmptyRange
    );
    assert!(matches!(
        refused(with("time_range", range("id", 0)), "query.time_range.left"),
        DeclarationReason::ColumnType { .. }
    ));
    assert!(matches!(
        refused(with("condition", json!("value < r_valeu")), "query.condition"),
        DeclarationReason::Expression(_)
    ));
    let same = check(&query(
        "append",
        vec![input("left", "", true), input("right", "", true)],
        json!({
            "kind": "join", "join_type": "inner", "left": "left", "right": "right", "on": [["key", "key"]]
        }),
    ));
    assert!(matches!(refused(same, "query"), DeclarationReason::Columns(_)));
}

fn of_table(join_type: &str, range: bool, left: &str) -> Result<CheckedQuery, DeclarationError> {
    let mut join = json!({
        "kind": "join", "join_type": join_type, "left": left, "right": "dim", "on": [["key", "d_key"]],
        "condition": "value > factor"
    });
    if range {
        join["time_range"] = json!({"left": "ts", "right": "ts", "lower_ms": 0, "upper_ms": 1});
    }
    let mut json = query("append", vec![input("in", "", false)], join);
    json["tables"] = json!([{
        "name": "dim",
        "schema": [{"name": "d_key", "type": "string"}, {"name": "factor", "type": "double"}],
        "rows": [{"d_key": "a", "factor": 1.5}, {"d_key": null, "factor": "NaN"}]
    }]);
    check(&json)
}

#[test]
fn tables_stand_on_the_right_and_are_not_kept_whole() {
    for join_type in ["inner", "left", "left_semi"] {
        let checked = of_table(join_type, false, "in").unwrap();
        let rows = [
            Row::new([Value::from("a"), Value::Double(1.5)]),
            Row::new([Value::Null, Value::Double(f64::NAN)]),
        ];
        assert_eq!(checked.tables[0].rows, rows);
        let columns = if join_type == "left_semi" { "" } else { ", d_key, factor" };
        assert_eq!(checked.query.schema.names(), format!("ts, key, value, id{columns}"));
        assert!(matches!(checked.query.step, CheckedStep::TableJoin(CheckedTableJoin { table: 0, .. })));
    }
    for join_type in ["right", "full"] {
        assert!(matches!(
            refused(of_table(join_type, false, "in"), "query.join_type"),
            DeclarationReason::TableKeptWhole { .. }
        ));
    }
    assert_eq!(refused(of_table("left", true, "in"), "query.time_range"), DeclarationReason::RangeOfTable);
    assert_eq!(
        refused(of_table("left", false, "dim"), "query.left"),
        DeclarationReason::TableAsStream { name: "dim".into() }
    );
}

#[test]
fn rows_of_tables_fit_their_columns() {
    let mut json = query(
        "append",
        vec![input("in", "", false)],
        json!({
            "kind": "join", "join_type": "inner", "left": "in", "right": "dim", "on": [["key", "d_key"]]
        }),
    );
    json["tables"] = json!([{
        "name": "dim", "schema": [{"name": "d_key", "type": "string"}], "rows": [{"d_key": "a"}, {"d_key": 5}]
    }]);
    assert!(matches!(refused(check(&json), "tables[0].rows[1]"), DeclarationReason::Row(_)));
}

#[test]
fn as_of_joins_go_by_event_times() {
    let join = json!({
        "kind": "as_of_join", "left": "left", "right": "right", "on": [["key", "r_key"]],
        "left_time": "ts", "right_time": "r_ts", "tolerance_ms": 500
    });
    let checked = of_two("append", true, join.clone()).unwrap();
    assert_eq!(checked.query.schema.names(), "ts, key, value, id, r_ts, r_key, r_value, r_id");
    assert_eq!(checked.query.event_times.len(), 1);
    let CheckedStep::AsOfJoin(as_of) = checked.query.step else { panic!("{:?}", checked.query.step) };
    assert_eq!(as_of.tolerance, Span::millis(500));
    assert!(matches!(
        refused(of_two("append", false, join.clone()), "query.left_time"),
        DeclarationReason::NotEventTime { .. }
    ));
    assert!(matches!(refused(of_two("update", true, join), "query"), DeclarationReason::OutputMode { .. }));
}
