use headwater::Timestamp;
use headwater_std::declared::WatermarkPolicy;
use headwater_std::dynamic::Value;
use serde_json::json;

use super::*;
use crate::scenario::compact::compact;
use crate::scenario::read::{Outcome, documents, scenarios};

#[test]
fn values_are_read_by_their_types() {
    let scenario = scenario(&file());
    assert_eq!((scenario.name.as_str(), scenario.pyspark.as_str()), ("small", "4.3.0"));
    let Outcome::Answers { steps, .. } = &scenario.outcome else { panic!("{:?}", scenario.outcome) };
    let at = |millis| Value::Timestamp(Timestamp::from_millis(millis));
    assert_eq!(steps[0].add[0][0].values(), [at(1000), Value::from("a"), Value::Double(1.5)]);
    assert_eq!(steps[0].add[0][1].values(), [at(13_000), Value::Null, Value::Double(f64::NEG_INFINITY)]);
    assert!(steps[1].add[0][1].value(2).as_f64().unwrap().is_sign_negative());
    assert_eq!(steps[0].expect[0].value(3), &Value::Long(1));
    assert_eq!((steps[1].watermark_ms, steps[1].dropped_late), (11_000, 1));
}

#[test]
fn refusals_need_no_answers() {
    let expected = Outcome::Rejected { class: "UNSUPPORTED".to_owned(), message: "No.".to_owned() };
    assert_eq!(scenario(&refused()).outcome, expected);
}

#[test]
fn rows_of_two_inputs_are_under_their_names() {
    let mut file = file();
    let mut other = file["inputs"][0].clone();
    other["name"] = json!("other");
    file["inputs"].as_array_mut().unwrap().push(other);
    file["conf"] = json!({"spark.sql.streaming.multipleWatermarkPolicy": "max"});
    for step in file["steps"].as_array_mut().unwrap() {
        step["add"] = json!({"other": step["add"]});
    }
    let read = scenario(&file);
    assert_eq!(read.policy, WatermarkPolicy::Max);
    let Outcome::Answers { steps, .. } = &read.outcome else { panic!("{:?}", read.outcome) };
    assert_eq!((steps[0].add[0].len(), steps[0].add[1].len()), (0, 2));

    file["steps"][0]["add"]["third"] = json!([]);
    let error = Scenario::from_json(&file).unwrap_err().to_string();
    assert_eq!(error, "field `steps[0].add.third`: no input has this name");
}

#[test]
fn a_mistake_is_told_with_its_field() {
    let mistakes = [
        ("/steps/1/watermark_ms", json!("soon"), "field `steps[1].watermark_ms`: "),
        ("/steps/0/add/1/ts", json!(1.5), "field `steps[0].add[1].ts`: "),
        ("/steps/0/add/1/ts", json!("never"), "field `steps[0].add[1].ts`: "),
        ("/steps/0/expect/0/n", json!("1"), "field `steps[0].expect[0].n`: "),
        ("/steps/0/expect/0", json!({}), "field `steps[0].expect[0].window_start`: missing"),
        ("/steps/0/expect/0", json!([1]), "field `steps[0].expect[0]`: 1 values for the columns "),
        ("/steps/0/add/0", json!({"tz": 1}), "field `steps[0].add[0].tz`: not one of the columns "),
        ("/steps/0/add", json!(7), "field `steps[0].add`: expected an object"),
        ("/steps/0", json!([]), "field `steps[0]`: expected an object"),
        ("/inputs/0/schema/0/type", json!("date"), "field `inputs[0].schema`: unknown variant `date`"),
        ("/inputs/0/watermark/delay_ms", json!(-1), "field `inputs[0].watermark`: "),
        ("/output_mode", json!("upsert"), "field `output_mode`: `upsert` is not "),
        ("/query/kind", json!("pivot"), "field `query`: unknown variant `pivot`"),
        ("/query/window/kind", json!("hopping"), "field `query`: unknown variant `hopping`"),
        ("/query/aggregates/0/fn", json!("median"), "field `query`: unknown variant `median`"),
        ("/query/input", json!({"kind": "filter", "input": "input"}), "field `query`: missing field `expr`"),
        ("/query/key", json!([]), "field `query`: unknown field `key`"),
        ("/spark/pyspark", json!(4), "field `spark.pyspark`: "),
    ];
    for (place, wrong, expected) in mistakes {
        let mut file = file();
        let (parent, name) = place.rsplit_once('/').unwrap();
        match file.pointer_mut(parent).unwrap() {
            Json::Array(list) => list[name.parse::<usize>().unwrap()] = wrong,
            other => other[name] = wrong,
        }
        let error = Scenario::from_json(&file).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}\ndoes not start with {expected}");
    }
}

#[test]
fn every_field_that_a_run_needs_must_be_there() {
    for name in ["name", "operator", "spark", "inputs", "output_mode", "query", "output_schema", "steps"] {
        let mut file = file();
        file.as_object_mut().unwrap().remove(name);
        let error = Scenario::from_json(&file).unwrap_err().to_string();
        assert_eq!(error, format!("field `{name}`: missing"));
    }
}

#[test]
fn the_compact_form_says_the_same() {
    let mut with_table = file();
    with_table["statics"] = json!([{
        "name": "rooms",
        "schema": [{"name": "id", "type": "int"}, {"name": "indoors", "type": "boolean"}],
        "rows": [{"id": 1, "indoors": true}, {"id": null, "indoors": false}],
    }]);
    let mut fastest = file();
    fastest["spark"]["conf"]["spark.sql.streaming.multipleWatermarkPolicy"] = json!("max");
    for file in [file(), refused(), with_table, fastest] {
        let compact_form = compact(&file).unwrap();
        assert_eq!(scenario(&compact_form), scenario(&file));
        assert_eq!(compact(&compact_form).unwrap(), compact_form);
        assert!(compact_form.to_string().len() < file.to_string().len());
    }
}

#[test]
fn lines_of_a_file_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.jsonl");
    std::fs::write(&path, format!("{}\n{{\n{{}}\n", compact(&file()).unwrap())).unwrap();
    let read = scenarios(&path);
    assert_eq!(read.len(), 3);
    assert_eq!(read[0].as_ref().unwrap().name, "small");
    let error = |index: usize| read[index].as_ref().unwrap_err().to_string();
    assert!(error(1).starts_with(&format!("{}:2: not JSON: ", path.display())), "{}", error(1));
    assert_eq!(error(2), format!("{}:3: field `inputs`: missing", path.display()));
    assert!(documents(&folder.path().join("absent.json")).is_err());
}
