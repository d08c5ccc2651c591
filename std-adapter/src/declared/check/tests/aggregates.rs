//! Spark's refusals for grouping, deduplication and output modes.

use super::*;

#[test]
fn append_needs_a_watermark() {
    let without = |step: Json| check(&query("append", vec![input("in", "", false)], step));
    let mut window = windowed("in", 10_000);
    window["time_column"] = json!("ts");
    assert_eq!(refused(without(window.clone()), "query"), DeclarationReason::AppendWithoutWatermark);
    let keyed = json!({"kind": "aggregate", "input": "in", "keys": ["key"], "aggregates": []});
    assert_eq!(refused(without(keyed.clone()), "query"), DeclarationReason::AppendWithoutWatermark);
    assert_eq!(
        refused(of_stream("append", keyed), "query.keys"),
        DeclarationReason::AppendWithoutEventTime { event_times: "ts".into() }
    );
    let updated = check(&query("update", vec![input("in", "", false)], window)).unwrap();
    assert!(updated.query.event_times.is_empty());
}

#[test]
fn windows_go_by_the_event_time() {
    let mut step = windowed("in", 10_000);
    step["time_column"] = json!("key");
    assert!(matches!(
        refused(of_stream("append", step.clone()), "query.time_column"),
        DeclarationReason::ColumnType { .. }
    ));
    let unnamed = check(&query("complete", vec![input("in", "", false)], windowed("in", 10_000)));
    assert_eq!(refused(unnamed, "query.time_column"), DeclarationReason::NoTimeColumn);
    step["input"] = json!({"kind": "select", "input": "in", "columns": [
        {"expr": "ts", "as": "at"}, {"expr": "CAST(ts AS timestamp) + INTERVAL 1 SECOND", "as": "other"},
        {"expr": "key", "as": "key"}, {"expr": "value", "as": "value"}
    ]});
    step["time_column"] = json!("other");
    assert_eq!(
        refused(of_stream("append", step.clone()), "query.time_column"),
        DeclarationReason::NotEventTime { name: "other".into(), event_times: "at".into() }
    );
    step["time_column"] = json!("at");
    assert!(of_stream("append", step.clone()).is_ok());
    // A computed time is no event time: the watermark does not follow it.
    step["input"]["columns"][0]["expr"] = json!("ts + INTERVAL 0 SECONDS");
    assert_eq!(refused(of_stream("append", step), "query"), DeclarationReason::AppendWithoutWatermark);
}

#[test]
fn windows_have_lengths_that_can_be() {
    let of = |window: Json| {
        let mut step = windowed("in", 1);
        step["window"] = window;
        of_stream("append", step)
    };
    let slide = of(json!({"kind": "sliding", "size_ms": 5000, "slide_ms": 10_000}));
    assert_eq!(
        refused(slide, "query.window.slide_ms"),
        DeclarationReason::Window(WindowError::SlideOverSize { size: Span::secs(5), slide: Span::secs(10) })
    );
    let zero = |field: &str, window: Json| assert_eq!(refused(of(window), field), DeclarationReason::Zero);
    zero("query.window.size_ms", json!({"kind": "tumbling", "size_ms": 0}));
    zero("query.window.slide_ms", json!({"kind": "sliding", "size_ms": 5, "slide_ms": 0}));
    zero("query.window.gap_ms", json!({"kind": "session", "gap_ms": 0}));
    zero("query.window.rows", json!({"kind": "count", "rows": 0}));
    zero("query.window.step", json!({"kind": "count", "rows": 2, "step": 0}));
    for kind in ["tumbling", "sliding"] {
        let mut window = json!({"kind": kind, "size_ms": 1_u64 << 60});
        if kind == "sliding" {
            window["slide_ms"] = json!(1);
        }
        assert!(matches!(refused(of(window), "query.window.size_ms"), DeclarationReason::OutOfRange { .. }));
    }
    assert_eq!(
        refused(of(json!({"kind": "count", "rows": 2, "step": 3})), "query.window.step"),
        DeclarationReason::StepOverRows { step: 3, rows: 2 }
    );
    assert_eq!(refused(of(json!({"kind": "session"})), "query.window"), DeclarationReason::OneGap);
    let both = json!({"kind": "session", "gap_ms": 1, "gap_expr": "'1 second'"});
    assert_eq!(refused(of(both), "query.window"), DeclarationReason::OneGap);
    let gap = of(json!({"kind": "session", "gap_expr": "id"}));
    assert!(matches!(refused(gap, "query.window.gap_expr"), DeclarationReason::Expression(_)));
}

#[test]
fn an_offset_before_1970_is_one_after() {
    let offset_of = |offset: i64| {
        let mut step = windowed("in", 10_000);
        step["window"]["start_offset_ms"] = json!(offset);
        match of_stream("append", step).unwrap().query.step {
            CheckedStep::Aggregate(CheckedAggregation {
                grouping: Grouping::Windows { window: TimeWindow::Tumbling(window), .. },
                ..
            }) => window.window_of(Timestamp::EPOCH).end,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(offset_of(-3_000), Timestamp::from_secs(7));
    assert_eq!(offset_of(7_000), Timestamp::from_secs(7));
    assert_eq!(offset_of(0), Timestamp::from_secs(10));
}

#[test]
fn sessions_need_a_key_and_no_update_mode() {
    let mut step = windowed("in", 1);
    step["window"] = json!({"kind": "session", "gap_ms": 5000});
    assert!(of_stream("append", step.clone()).is_ok());
    assert!(of_stream("complete", step.clone()).is_ok());
    let updated = refused(of_stream("update", step.clone()), "query.window");
    assert_eq!(updated.to_string(), "sessions cannot be given in update mode; use append or complete mode");
    step["keys"] = json!([]);
    assert_eq!(refused(of_stream("append", step), "query.keys"), DeclarationReason::SessionWithoutKey);
}

#[test]
fn complete_mode_needs_groups_and_other_modes_nothing_after_them() {
    let filter = json!({"kind": "filter", "input": "in", "expr": "id > 1"});
    let complete = of_stream("complete", filter);
    assert_eq!(refused(complete, "output_mode"), DeclarationReason::CompleteWithoutAggregate);
    for (mode, name) in [(OutputMode::Update, "update"), (OutputMode::Complete, "complete")] {
        let stateful = DeclarationReason::StatefulAfterAggregate { mode };
        let mut twice = windowed(windowed("in", 10_000), 30_000);
        twice["aggregates"] = json!([{"function": "sum", "column": "n", "as": "n"}]);
        assert_eq!(refused(of_stream(name, twice.clone()), "query"), stateful);
        assert!(of_stream("append", twice).is_ok());
        let dedup = json!({"kind": "dedup", "input": windowed("in", 10_000), "columns": ["key"]});
        assert_eq!(refused(of_stream(name, dedup), "query"), stateful);
        let having = json!({"kind": "filter", "input": windowed("in", 10_000), "expr": "n > 1"});
        assert!(of_stream(name, having).is_ok());
    }
    let mut counted = windowed("in", 1);
    counted["window"] = json!({"kind": "count", "rows": 5});
    assert!(of_stream("append", counted.clone()).is_ok());
    assert!(matches!(
        refused(of_stream("update", counted), "query.window"),
        DeclarationReason::OutputMode { .. }
    ));
}

#[test]
fn aggregates_take_their_arguments_and_no_others() {
    let of = |call: Json| {
        let mut step = windowed("in", 10_000);
        step["aggregates"] = json!([{"function": "count", "as": "n"}, call]);
        of_stream("append", step)
    };
    let field = |name: &str| format!("query.aggregates[1].{name}");
    let cases = [
        (json!({"function": "count_distinct", "column": "id", "as": "d"}), "function"),
        (json!({"function": "sum", "as": "d"}), "column"),
        (json!({"function": "sum", "column": "key", "as": "d"}), "column"),
        (json!({"function": "avg", "column": "nothing", "as": "d"}), "column"),
        (json!({"function": "max_by", "column": "id", "as": "d"}), "by"),
        (json!({"function": "max_by", "column": "id", "by": "nothing", "as": "d"}), "by"),
        (json!({"function": "max", "column": "id", "by": "ts", "as": "d"}), "by"),
        (json!({"function": "max", "column": "id", "ignore_nulls": true, "as": "d"}), "ignore_nulls"),
        (json!({"function": "avg", "column": "id", "p": 0.5, "as": "d"}), "p"),
        (json!({"function": "quantile", "column": "id", "as": "d"}), "p"),
        (json!({"function": "quantile", "column": "id", "p": 50, "as": "d"}), "p"),
    ];
    for (call, name) in cases {
        let reason = refused(of(call), &field(name));
        assert_eq!(reason == DeclarationReason::ExactDistinct, name == "function", "{reason}");
    }
    let same = of(json!({"function": "count", "as": "n"}));
    assert!(matches!(refused(same, "query"), DeclarationReason::Columns(_)));
}

#[test]
fn dedup_within_the_watermark_needs_one() {
    let dedup = json!({"kind": "dedup", "input": "in", "columns": ["id"], "within_watermark": true});
    let without = check(&query("append", vec![input("in", "", false)], dedup.clone()));
    assert_eq!(refused(without, "query.within_watermark"), DeclarationReason::NoEventTime);
    let forgotten = |step: Json| match of_stream("append", step).unwrap().query.step {
        CheckedStep::Dedup(dedup) => (dedup.columns, dedup.forgotten, dedup.event_time.map(|at| at.delay)),
        other => panic!("{other:?}"),
    };
    let delay = Some(Span::secs(2));
    assert_eq!(forgotten(dedup), (vec![3], Forgotten::AfterDelay, delay));
    let of = |columns: Json| forgotten(json!({"kind": "dedup", "input": "in", "columns": columns}));
    assert_eq!(of(json!(["id", "ts"])), (vec![3, 0], Forgotten::AtEventTime, delay));
    assert_eq!(of(json!(["id"])), (vec![3], Forgotten::Never, delay));
    assert_eq!(of(json!([])), (vec![0, 1, 2, 3], Forgotten::AtEventTime, delay));
}
