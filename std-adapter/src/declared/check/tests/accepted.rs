//! Columns and event times, step by step.

use super::*;

const DELAY: Span = Span::secs(2);

fn at(column: usize) -> EventTime {
    EventTime { time: TimeColumn::At(column), delay: DELAY }
}

fn before(column: usize) -> EventTime {
    EventTime { time: TimeColumn::Before(column), delay: DELAY }
}

#[test]
fn a_window_is_two_columns_and_its_event_time_is_its_last_moment() {
    let mut second = windowed(windowed("in", 10_000), 30_000);
    second["aggregates"] = json!([{"function": "sum", "column": "n", "as": "total"}]);
    let checked = of_stream("append", second).unwrap().query;
    assert_eq!(
        checked.schema.to_string(),
        "window_start timestamp, window_end timestamp, key string, total long"
    );
    assert_eq!(checked.event_times, [before(1)]);
    let CheckedStep::Aggregate(second) = checked.step else { panic!("{:?}", checked.step) };
    assert!(matches!(second.grouping, Grouping::Windows { time: TimeColumn::Before(1), .. }));
    let row = Row::new([Timestamp::EPOCH, Timestamp::from_millis(10)].map(Value::from));
    assert_eq!(TimeColumn::Before(1).of(&row), Some(Timestamp::from_micros(9_999)));
    assert_eq!(TimeColumn::At(1).of(&row), Some(Timestamp::from_millis(10)));
    assert_eq!(TimeColumn::Before(5).of(&row), None);
}

#[test]
fn the_event_time_goes_where_its_column_goes() {
    let select =
        |columns: Json| json!({"kind": "select", "input": windowed("in", 10_000), "columns": columns});
    let kept = select(json!([{"expr": "n", "as": "n"}, {"expr": " `window_end` ", "as": "until"}]));
    assert_eq!(of_stream("append", kept).unwrap().query.event_times, [before(1)]);
    let lost = select(json!([{"expr": "window_start", "as": "since"}, {"expr": "n", "as": "n"}]));
    assert_eq!(of_stream("append", lost).unwrap().query.event_times, []);
    let keyed = json!({"kind": "aggregate", "input": "in", "keys": ["key", "ts"], "aggregates": []});
    let checked = of_stream("append", keyed).unwrap().query;
    assert_eq!((checked.schema.names(), checked.event_times), ("key, ts".into(), vec![at(1)]));
    let CheckedStep::Aggregate(grouped) = checked.step else { panic!("{:?}", checked.step) };
    assert_eq!(grouped.keys, [1, 0]);
    assert!(matches!(grouped.grouping, Grouping::Keys { event_time: Some(time) } if time == at(0)));
    let windows = json!({
        "kind": "aggregate", "input": windowed("in", 10_000), "keys": ["window_start", "window_end"], "aggregates": []
    });
    assert_eq!(of_stream("append", windows).unwrap().query.event_times, [before(1)]);
}

#[test]
fn a_join_has_the_event_times_of_both_sides() {
    let checked = of_two("append", true, joined("left", true)).unwrap().query;
    assert_eq!(checked.schema.names(), "ts, key, value, id, r_ts, r_key, r_value, r_id");
    assert_eq!(checked.event_times, [at(0), at(4)]);
    let semi = of_two("append", true, joined("left_semi", true)).unwrap().query;
    assert_eq!((semi.schema.names(), semi.event_times), ("ts, key, value, id".into(), vec![at(0)]));

    let mut window = windowed(joined("inner", true), 10_000);
    let ambiguous = refused(of_two("append", true, window.clone()), "query.time_column");
    assert_eq!(ambiguous.to_string(), "there are several event times (ts, r_ts); name one of them here");
    window["time_column"] = json!("r_ts");
    let checked = of_two("append", true, window).unwrap().query;
    let CheckedStep::Aggregate(aggregation) = checked.step else { panic!("{:?}", checked.step) };
    assert!(matches!(aggregation.grouping, Grouping::Windows { time: TimeColumn::At(4), .. }));

    let dedup = |columns: Json| json!({"kind": "dedup", "input": joined("inner", true), "columns": columns});
    assert!(of_two("append", true, dedup(json!(["id", "r_ts"]))).is_ok());
    assert!(matches!(
        refused(of_two("append", true, dedup(json!(["id"]))), "query"),
        DeclarationReason::AmbiguousEventTime { .. }
    ));
}

#[test]
fn the_condition_of_a_join_sees_both_sides() {
    let mut join = joined("left_semi", true);
    join["condition"] = json!("value < r_value");
    let checked = of_two("append", true, join).unwrap().query;
    let CheckedStep::Join(join) = checked.step else { panic!("{:?}", checked.step) };
    assert_eq!(join.condition.unwrap().columns(), [2, 6]);
    assert_eq!(join.keys, JoinKeys { left: vec![1], right: vec![1], nulls_match: false });
    assert_eq!((join.left_event_time, join.right_event_time), (Some(at(0)), Some(at(0))));
    let range = CheckedTimeRange {
        left: TimeColumn::At(0),
        right: TimeColumn::At(0),
        lower_micros: 0,
        upper_micros: 5_000_000,
    };
    assert_eq!(join.time_range, Some(range));
}

#[test]
fn aggregates_have_sparks_types() {
    let call = |function: &str, column: &str| json!({"function": function, "column": column, "as": format!("{function}_{column}")});
    let mut step = windowed("in", 10_000);
    step["keys"] = json!([]);
    let columns = [
        ("count", "key", "long"),
        ("approx_count_distinct", "key", "long"),
        ("sum", "id", "long"),
        ("sum", "value", "double"),
        ("avg", "id", "double"),
        ("min", "key", "string"),
        ("max", "id", "int"),
        ("stddev_samp", "id", "double"),
        ("stddev_pop", "id", "double"),
        ("var_samp", "id", "double"),
        ("var_pop", "id", "double"),
        ("first", "id", "int"),
        ("last", "ts", "timestamp"),
    ];
    step["aggregates"] = columns.iter().map(|(function, column, _)| call(function, column)).collect();
    let schema = of_stream("append", step).unwrap().query.schema;
    for ((function, column, data_type), found) in columns.iter().zip(&schema.columns()[2..]) {
        assert_eq!(
            (&*found.name, found.data_type.to_string()),
            (&*format!("{function}_{column}"), (*data_type).to_owned())
        );
    }
}

#[test]
fn groups_are_a_key_of_the_engine() {
    fn is_key<K: headwater::state::Key>() {}
    is_key::<Row>();
}
