//! The compact form of scenarios: what a run needs of them, one on each line, rows as lists.
//!
//! A line is the object of the scenario file with only the fields that are read, without spaces; a row is the list of its values
//! in the order of its schema. [`Scenario::from_json`](super::read::Scenario::from_json) reads both forms.

use headwater_std::declared::WatermarkPolicy;
use headwater_std::dynamic::Row;
use serde_json::{Map, Value as Json, json};

use super::fields::FieldError;
use super::read::{Outcome, POLICY_SETTING, Scenario, Step};

/// The fields that stay as they are.
const KEPT: [&str; 6] = ["name", "operator", "inputs", "output_mode", "query", "output_schema"];

/// The compact form of a scenario file's object.
///
/// # Errors
/// [`FieldError`] if it is no scenario.
pub fn compact(file: &Json) -> Result<Json, FieldError> {
    let scenario = Scenario::from_json(file)?;
    let mut fields: Map<String, Json> =
        KEPT.into_iter().filter_map(|name| Some((name.to_owned(), file.get(name)?.clone()))).collect();
    fields.insert("spark".to_owned(), json!({ "pyspark": scenario.pyspark }));
    if scenario.policy != WatermarkPolicy::default() {
        fields.insert("conf".to_owned(), json!({ POLICY_SETTING: scenario.policy }));
    }
    if let Some(statics) = file.get("statics").filter(|statics| !statics.is_null()) {
        fields.insert("statics".to_owned(), tables(statics, &scenario));
    }
    match &scenario.outcome {
        Outcome::Rejected { class, message } => {
            fields.insert("rejected".to_owned(), json!({ "class": class, "message": message }));
        }
        Outcome::Answers { steps, .. } => {
            fields
                .insert("steps".to_owned(), steps.iter().map(|step| compact_step(step, &scenario)).collect());
        }
    }
    Ok(Json::Object(fields))
}

fn tables(statics: &Json, scenario: &Scenario) -> Json {
    let mut tables = statics.clone();
    for (table, read) in tables.as_array_mut().into_iter().flatten().zip(&scenario.statics) {
        table["rows"] = lists(&read.rows);
    }
    tables
}

fn compact_step(step: &Step, scenario: &Scenario) -> Json {
    let add = match step.add.as_slice() {
        [only] => lists(only),
        several => {
            let names = scenario.inputs.iter().map(|input| input.name.clone());
            Json::Object(names.zip(several.iter().map(|rows| lists(rows))).collect())
        }
    };
    json!({
        "add": add,
        "expect": lists(&step.expect),
        "watermark_ms": step.watermark_ms,
        "dropped_late": step.dropped_late,
    })
}

fn lists(rows: &[Row]) -> Json {
    rows.iter().map(|row| row.values().iter().map(|value| value.to_json()).collect::<Json>()).collect()
}
