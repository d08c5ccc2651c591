//! The columns of rows.

use core::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::DataType;

/// A column: its name and the type of its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The name, unique in its schema.
    pub name: String,
    /// The type of the values.
    #[serde(rename = "type")]
    pub data_type: DataType,
}

impl Column {
    /// A column of this name and type.
    pub fn new(name: impl Into<String>, data_type: DataType) -> Self {
        Self { name: name.into(), data_type }
    }
}

/// The columns of rows, in their order. No two have the same name.
///
/// Written as a list of columns:
///
/// ```
/// use headwater_std::dynamic::{DataType, Schema};
/// let schema: Schema = serde_json::from_str(
///     r#"[{"name": "at", "type": "timestamp"}, {"name": "celsius", "type": "double"}]"#,
/// )?;
/// assert_eq!(schema.index_of("celsius"), Some(1));
/// assert_eq!(schema.column(1).map(|column| column.data_type), Some(DataType::Double));
/// assert_eq!(schema.to_string(), "at timestamp, celsius double");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "Vec<Column>", try_from = "Vec<Column>")]
pub struct Schema {
    columns: Box<[Column]>,
}

impl Schema {
    /// A schema of these columns.
    ///
    /// # Errors
    /// [`SchemaError`] if a name is empty or occurs twice.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Result<Self, SchemaError> {
        let columns: Box<[Column]> = columns.into_iter().collect();
        for (index, column) in columns.iter().enumerate() {
            if column.name.is_empty() {
                return Err(SchemaError::EmptyName { index });
            }
            if columns.iter().take(index).any(|earlier| earlier.name == column.name) {
                return Err(SchemaError::DuplicateName { name: column.name.clone() });
            }
        }
        Ok(Self { columns })
    }

    /// The columns in their order.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Column number `index`, counted from 0.
    #[must_use]
    pub fn column(&self, index: usize) -> Option<&Column> {
        self.columns.get(index)
    }

    /// The number of the column called exactly `name`, counted from 0. Takes a step per column.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// How many columns there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there are no columns.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The names of the columns, with commas between them.
    #[must_use]
    pub fn names(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|column| column.name.as_str()).collect();
        names.join(", ")
    }
}

/// Shows names and types with commas between them.
impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, column) in self.columns.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{} {}", column.name, column.data_type)?;
        }
        Ok(())
    }
}

impl From<Schema> for Vec<Column> {
    fn from(schema: Schema) -> Self {
        schema.columns.into_vec()
    }
}

impl TryFrom<Vec<Column>> for Schema {
    type Error = SchemaError;

    fn try_from(columns: Vec<Column>) -> Result<Self, SchemaError> {
        Self::new(columns)
    }
}

/// Why columns are no schema.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SchemaError {
    /// A column has no name.
    #[error("column {index} (counted from 0) has an empty name; give every column a name")]
    EmptyName {
        /// Which column.
        index: usize,
    },
    /// Two columns have the same name.
    #[error("two columns are called `{name}`; give each a name of its own")]
    DuplicateName {
        /// The name.
        name: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_also_in_files() {
        let twice = [Column::new("a", DataType::Int), Column::new("a", DataType::Long)];
        let refused = SchemaError::DuplicateName { name: "a".to_owned() };
        assert_eq!(Schema::new(twice), Err(refused.clone()));
        let text = r#"[{"name":"a","type":"int"},{"name":"a","type":"bigint"}]"#;
        let error = serde_json::from_str::<Schema>(text).unwrap_err().to_string();
        assert!(error.starts_with(&refused.to_string()), "{error}");
        assert_eq!(Schema::new([Column::new("", DataType::Int)]), Err(SchemaError::EmptyName { index: 0 }));
    }

    #[test]
    fn schema_is_written_as_its_columns() {
        let schema =
            Schema::new([Column::new("a", DataType::Bool), Column::new("A", DataType::Long)]).unwrap();
        let text = serde_json::to_string(&schema).unwrap();
        assert_eq!(text, r#"[{"name":"a","type":"boolean"},{"name":"A","type":"long"}]"#);
        assert_eq!(serde_json::from_str::<Schema>(&text).unwrap(), schema);
    }
}
