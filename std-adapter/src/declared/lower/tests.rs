use headwater::QueryPlan;
use headwater::state::Shape;
use serde_json::{Value, json};

use super::{FromInput, PlanVisitor, SeenRow, Sides};
use crate::declared::DeclaredQuery;
use crate::dynamic::Row;

/// Asks for the plan's name.
struct Name;

impl PlanVisitor for Name {
    type Answer = String;

    fn visit<P>(self, plan: P, _sides: Sides) -> String
    where
        P: QueryPlan<Row: FromInput, Item: SeenRow, Output = Row, Shape: Shape<Allocated: Send>>
            + Send
            + 'static,
    {
        plan.name().0.to_owned()
    }
}

/// The name of the plan of `query`, or the field of the error and what is wrong.
fn lowered(query: &Value) -> Result<String, (String, String)> {
    let input = |name: &str| {
        json!({
            "name": name,
            "schema": [{"name": "at", "type": "timestamp"}, {"name": format!("{name}_id"), "type": "int"}],
            "watermark": {"column": "at", "delay_ms": 0}
        })
    };
    let inputs: Vec<Value> = ["a", "b"]
        .into_iter()
        .filter(|name| query.to_string().contains(&format!("\"{name}\"")))
        .map(input)
        .collect();
    let declared = json!({
        "name": "q", "inputs": inputs, "query": query, "output_mode": "append", "on_full": "refuse"
    });
    let declared: DeclaredQuery = serde_json::from_value(declared).unwrap();
    let checked = declared.check().unwrap();
    checked.lower(Name).map_err(|error| (error.field, error.reason.to_string()))
}

fn minutes(input: &Value) -> Value {
    json!({
        "kind": "aggregate", "input": input, "window": {"kind": "tumbling", "size_ms": 60_000},
        "aggregates": [{"function": "count", "as": "n"}]
    })
}

fn above(input: &Value, least: i64) -> Value {
    json!({"kind": "filter", "input": input, "expr": format!("n > {least}")})
}

#[test]
fn two_steps_with_state_can_stand_in_a_row_and_not_three() {
    let one = minutes(&json!("a"));
    let two = minutes(&above(&one, 1));
    lowered(&two).unwrap();
    let (field, reason) = lowered(&above(&minutes(&above(&two, 1)), 1)).unwrap_err();
    assert_eq!(field, "query.input.input.input.input");
    assert!(reason.starts_with("at most 2 steps with state"), "{reason}");
}

#[test]
fn results_cannot_be_put_together_again() {
    let (one, other) = (minutes(&json!("a")), minutes(&json!("b")));
    let (field, reason) = lowered(&json!({"kind": "union", "inputs": [one, other]})).unwrap_err();
    assert_eq!(field, "query");
    assert!(reason.contains("union"), "{reason}");
    let renamed = json!({
        "kind": "select", "input": one,
        "columns": [{"expr": "window_end", "as": "end"}, {"expr": "n", "as": "m"}]
    });
    let join = json!({
        "kind": "join", "join_type": "inner", "left": renamed, "right": "b", "on": [["end", "at"]]
    });
    assert_eq!(lowered(&join).unwrap_err().0, "query.left");
}

/// Checkpoints hold the name: another one makes them another query's.
#[test]
fn name_follows_what_is_kept_and_no_more() {
    let query = above(&minutes(&json!("a")), 1);
    let name = lowered(&query).unwrap();
    assert_eq!(name, "q 3719f1ddda69fca5");
    assert_eq!(lowered(&above(&minutes(&json!("a")), 2)).unwrap(), name);
    let mut other = query.clone();
    other["input"]["aggregates"][0]["column"] = json!("a_id");
    assert_ne!(lowered(&other).unwrap(), name);
    let mut other = query;
    other["input"]["keys"] = json!(["a_id"]);
    assert_ne!(lowered(&other).unwrap(), name);
}
