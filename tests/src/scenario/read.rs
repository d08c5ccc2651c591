//! Reads scenario files.

use std::path::{Path, PathBuf};

use headwater::OutputMode;
use headwater_std::declared::WatermarkPolicy;
use headwater_std::dynamic::{Row, Schema};
use serde::Deserialize;
use serde_json::Value as Json;
use thiserror::Error;

use super::fields::{FieldError, Fields, rows};
use super::query::Query;

/// Spark's name for [`Scenario::policy`].
pub(super) const POLICY_SETTING: &str = "spark.sql.streaming.multipleWatermarkPolicy";

/// A recorded run of Spark.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The name, which is the file's without its ending.
    pub name: String,
    /// The group it is counted in.
    pub operator: String,
    /// The version of pyspark that answered.
    pub pyspark: String,
    /// How the watermarks of several inputs made one.
    pub policy: WatermarkPolicy,
    /// The streams.
    pub inputs: Vec<Input>,
    /// The tables of stream-static joins.
    pub statics: Vec<Table>,
    /// Which results an epoch gives.
    pub output_mode: OutputMode,
    /// The query.
    pub query: Query,
    /// What Spark said.
    pub outcome: Outcome,
}

/// A stream of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Its name in the query.
    pub name: String,
    /// Its columns.
    pub schema: Schema,
    /// The column and the delay of its watermark.
    pub watermark: Option<Watermark>,
}

/// The watermark of an input.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watermark {
    /// The column of event time.
    pub column: String,
    /// How far the watermark stays behind, in milliseconds.
    pub delay_ms: u64,
}

/// A static table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name in the query.
    pub name: String,
    /// Its columns.
    pub schema: Schema,
    /// All its rows.
    pub rows: Vec<Row>,
}

/// What Spark said to a query.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It ran.
    Answers {
        /// The columns of the rows that came out.
        schema: Schema,
        /// The micro-batches.
        steps: Vec<Step>,
    },
    /// It was refused, by analysis or when its first batch ran.
    Rejected {
        /// Spark's class of error.
        class: String,
        /// The first line of its message.
        message: String,
    },
}

/// A micro-batch and the answer to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The rows of each input, in the order of the inputs.
    pub add: Vec<Vec<Row>>,
    /// All rows that came out, in no order.
    pub expect: Vec<Row>,
    /// The watermark afterwards in milliseconds since 1970 UTC; 0 also means none yet.
    pub watermark_ms: i64,
    /// How many rows, or groups of windows, were late.
    pub dropped_late: u64,
}

/// Why a file is no scenario.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file or directory cannot be read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is nothing to run in a directory.
    #[error("{path}: no .json or .jsonl file in this directory; name one that holds scenarios")]
    Empty {
        /// Which directory.
        path: PathBuf,
    },
    /// The text is not JSON.
    #[error("{place}: not JSON: {source}")]
    Syntax {
        /// The file, and the line of a `.jsonl` file.
        place: String,
        /// Where in it, and why.
        source: serde_json::Error,
    },
    /// A field is missing or wrong.
    #[error("{place}: {source}")]
    Field {
        /// The file, and the line of a `.jsonl` file.
        place: String,
        /// Which field, and why.
        source: FieldError,
    },
}

/// The scenario files that `path` names: itself, or the `.json` and `.jsonl` files of a directory in the order of their names.
///
/// # Errors
/// [`ReadError`] if the directory cannot be read or has none.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, ReadError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |source| ReadError::File { path: path.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.extension().is_some_and(|ending| ending == "json" || ending == "jsonl") {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() { Err(ReadError::Empty { path: path.to_owned() }) } else { Ok(files) }
}

/// The JSON documents of a file: one, or of a `.jsonl` file one on each line. With each the place that errors name.
///
/// # Errors
/// [`ReadError`] if the file cannot be read. A document that is not JSON is an error of its own.
pub fn documents(file: &Path) -> Result<Vec<(String, Result<Json, ReadError>)>, ReadError> {
    let text =
        std::fs::read_to_string(file).map_err(|source| ReadError::File { path: file.to_owned(), source })?;
    let parse = |place: String, text: &str| {
        let json = serde_json::from_str(text);
        (place.clone(), json.map_err(|source| ReadError::Syntax { place, source }))
    };
    let place = file.display();
    if file.extension().is_some_and(|ending| ending == "jsonl") {
        let lines = text.lines().zip(1..);
        return Ok(lines.map(|(line, number)| parse(format!("{place}:{number}"), line)).collect());
    }
    Ok(vec![parse(place.to_string(), &text)])
}

/// The scenarios of a file, each read or not.
#[must_use]
pub fn scenarios(file: &Path) -> Vec<Result<Scenario, ReadError>> {
    let read = |(place, json): (String, Result<Json, ReadError>)| {
        Scenario::from_json(&json?).map_err(|source| ReadError::Field { place, source })
    };
    documents(file).map_or_else(|error| vec![Err(error)], |found| found.into_iter().map(read).collect())
}

impl Scenario {
    /// The scenario that a JSON object holds, in the recorded form or the compact one.
    ///
    /// Fields of the file that a run does not need are passed over; what is unknown in the query, an input or a row is refused.
    ///
    /// # Errors
    /// [`FieldError`] names the field that is missing or wrong.
    pub fn from_json(json: &Json) -> Result<Self, FieldError> {
        let file = Fields::of(json, "")?;
        let inputs = each(&file, "inputs", input)?;
        Ok(Self {
            name: file.read("name")?,
            operator: file.read("operator")?,
            pyspark: Fields::of(file.required("spark")?, "spark")?.read("pyspark")?,
            policy: policy(&file)?,
            statics: if file.json("statics").is_some() { each(&file, "statics", table)? } else { Vec::new() },
            output_mode: output_mode(&file)?,
            query: file.read("query")?,
            outcome: outcome(&file, &inputs)?,
            inputs,
        })
    }
}

fn each<T>(
    file: &Fields<'_>,
    name: &str,
    read: impl Fn(&Fields<'_>) -> Result<T, FieldError>,
) -> Result<Vec<T>, FieldError> {
    let items = file.list(name)?.iter().enumerate();
    items.map(|(index, json)| read(&Fields::of(json, format!("{}[{index}]", file.path(name)))?)).collect()
}

fn input(fields: &Fields<'_>) -> Result<Input, FieldError> {
    let watermark = fields.json("watermark").map(|_| fields.read("watermark")).transpose()?;
    Ok(Input { name: fields.read("name")?, schema: fields.schema("schema")?, watermark })
}

fn table(fields: &Fields<'_>) -> Result<Table, FieldError> {
    let schema = fields.schema("schema")?;
    Ok(Table { name: fields.read("name")?, rows: fields.rows("rows", &schema)?, schema })
}

/// The scenario's own setting, else the session's, else Spark's default.
fn policy(file: &Fields<'_>) -> Result<WatermarkPolicy, FieldError> {
    let spark = Fields::of(file.required("spark")?, "spark")?;
    for place in [file, &spark] {
        let Some(conf) = place.json("conf") else { continue };
        let conf = Fields::of(conf, place.path("conf"))?;
        if conf.json(POLICY_SETTING).is_some() {
            return conf.read(POLICY_SETTING);
        }
    }
    Ok(WatermarkPolicy::Min)
}

fn output_mode(file: &Fields<'_>) -> Result<OutputMode, FieldError> {
    match file.read::<String>("output_mode")?.as_str() {
        "append" => Ok(OutputMode::Append),
        "update" => Ok(OutputMode::Update),
        "complete" => Ok(OutputMode::Complete),
        other => {
            let reason = format!("`{other}` is not append, update or complete");
            Err(FieldError::new(file.path("output_mode"), reason))
        }
    }
}

fn outcome(file: &Fields<'_>, inputs: &[Input]) -> Result<Outcome, FieldError> {
    if let Some(rejected) = file.json("rejected") {
        let rejected = Fields::of(rejected, "rejected")?;
        return Ok(Outcome::Rejected { class: rejected.read("class")?, message: rejected.read("message")? });
    }
    let schema = file.schema("output_schema")?;
    let steps = each(file, "steps", |fields| step(fields, inputs, &schema))?;
    Ok(Outcome::Answers { schema, steps })
}

fn step(fields: &Fields<'_>, inputs: &[Input], schema: &Schema) -> Result<Step, FieldError> {
    Ok(Step {
        add: added(fields, inputs)?,
        expect: fields.rows("expect", schema)?,
        watermark_ms: fields.read("watermark_ms")?,
        dropped_late: fields.read("dropped_late")?,
    })
}

/// The rows of each input: a list for the only input, or a list under the name of each.
fn added(fields: &Fields<'_>, inputs: &[Input]) -> Result<Vec<Vec<Row>>, FieldError> {
    let path = fields.path("add");
    let add = fields.required("add")?;
    if let ([only], Json::Array(_)) = (inputs, add) {
        return Ok(vec![rows(add, &path, &only.schema)?]);
    }
    let by_name = Fields::of(add, &path)?;
    if let Some(unknown) = by_name.names().find(|name| inputs.iter().all(|input| input.name != *name)) {
        return Err(FieldError::new(by_name.path(unknown), "no input has this name"));
    }
    let of_input = |input: &Input| {
        by_name
            .json(&input.name)
            .map_or(Ok(Vec::new()), |json| rows(json, &by_name.path(&input.name), &input.schema))
    };
    inputs.iter().map(of_input).collect()
}
