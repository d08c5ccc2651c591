//! The fields of a JSON object, read one by one so that a mistake has the name of its field.

use std::collections::BTreeSet;

use headwater_std::dynamic::{Column, DataType, Row, Schema, Value};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use thiserror::Error;

/// What is wrong with which field.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("field `{field}`: {reason}")]
pub struct FieldError {
    /// The path of the field, for instance `steps[2].expect[0].value`.
    pub field: String,
    /// What is wrong.
    pub reason: String,
}

impl FieldError {
    pub(super) fn new(field: impl Into<String>, reason: impl ToString) -> Self {
        Self { field: field.into(), reason: reason.to_string() }
    }
}

/// An object and the path that leads to it.
pub(super) struct Fields<'a> {
    path: String,
    object: &'a Map<String, Json>,
}

impl<'a> Fields<'a> {
    /// The object at `path`, which is empty for the file as a whole.
    pub fn of(json: &'a Json, path: impl Into<String>) -> Result<Self, FieldError> {
        let path = path.into();
        match json {
            Json::Object(object) => Ok(Self { path, object }),
            other => Err(FieldError::new(path, format!("expected an object, found {other}"))),
        }
    }

    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.object.keys().map(String::as_str)
    }

    pub fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// A field that may be absent or null.
    pub fn json(&self, name: &str) -> Option<&'a Json> {
        self.object.get(name).filter(|json| !json.is_null())
    }

    pub fn required(&self, name: &str) -> Result<&'a Json, FieldError> {
        self.object.get(name).ok_or_else(|| FieldError::new(self.path(name), "missing"))
    }

    /// A field of a type that serde reads.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Result<T, FieldError> {
        T::deserialize(self.required(name)?).map_err(|error| FieldError::new(self.path(name), error))
    }

    pub fn list(&self, name: &str) -> Result<&'a [Json], FieldError> {
        list(self.required(name)?, &self.path(name))
    }

    /// The columns of rows, under the names that the file format has for types.
    pub fn schema(&self, name: &str) -> Result<Schema, FieldError> {
        let columns: Vec<RecordedColumn> = self.read(name)?;
        Schema::new(columns.into_iter().map(|column| Column::new(column.name, column.data_type.into())))
            .map_err(|error| FieldError::new(self.path(name), error))
    }

    pub fn rows(&self, name: &str, schema: &Schema) -> Result<Vec<Row>, FieldError> {
        rows(self.required(name)?, &self.path(name), schema)
    }
}

pub(super) fn list<'a>(json: &'a Json, path: &str) -> Result<&'a [Json], FieldError> {
    json.as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| FieldError::new(path, format!("expected a list, found {json}")))
}

/// Rows, each an object or, in the compact form, a list of values in the order of the columns.
pub(super) fn rows(json: &Json, path: &str, schema: &Schema) -> Result<Vec<Row>, FieldError> {
    let rows = list(json, path)?.iter().enumerate();
    rows.map(|(index, json)| row(json, &format!("{path}[{index}]"), schema)).collect()
}

fn row(json: &Json, path: &str, schema: &Schema) -> Result<Row, FieldError> {
    let value = |column: &Column, json: &Json| {
        Value::from_json(json, column.data_type)
            .map_err(|reason| FieldError::new(format!("{path}.{}", column.name), reason))
    };
    let columns = schema.columns();
    if let Json::Array(values) = json {
        if values.len() != columns.len() {
            let reason = format!("{} values for the columns {}", values.len(), schema.names());
            return Err(FieldError::new(path, reason));
        }
        return columns.iter().zip(values).map(|(column, json)| value(column, json)).collect();
    }
    let fields = Fields::of(json, path)?;
    let names: BTreeSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    if let Some(unknown) = fields.names().find(|name| !names.contains(name)) {
        return Err(FieldError::new(
            fields.path(unknown),
            format!("not one of the columns {}", schema.names()),
        ));
    }
    columns.iter().map(|column| value(column, fields.required(&column.name)?)).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordedColumn {
    name: String,
    #[serde(rename = "type")]
    data_type: RecordedType,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RecordedType {
    Boolean,
    Int,
    Long,
    Double,
    String,
    #[serde(rename = "timestamp_ms")]
    TimestampMs,
}

impl From<RecordedType> for DataType {
    fn from(recorded: RecordedType) -> Self {
        match recorded {
            RecordedType::Boolean => Self::Bool,
            RecordedType::Int => Self::Int,
            RecordedType::Long => Self::Long,
            RecordedType::Double => Self::Double,
            RecordedType::String => Self::String,
            RecordedType::TimestampMs => Self::Timestamp,
        }
    }
}
