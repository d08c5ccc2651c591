//! Rows whose columns are known only when the program runs: what a query written as data works on.
//!
//! A [`Schema`] names the columns and their types, a [`Row`] holds one [`Value`] for each. Rows come from JSON objects and
//! go back to them by the schema; a value is also a key, so rows can be grouped and deduplicated by any of their columns.
//!
//! ```
//! use headwater_std::dynamic::{Column, DataType, Schema, Value};
//!
//! let schema = Schema::new([
//!     Column::new("at", DataType::Timestamp),
//!     Column::new("device", DataType::String),
//!     Column::new("celsius", DataType::Double),
//! ])?;
//! let row = schema.row_from_json(&serde_json::json!({"at": 1500, "device": "boiler", "celsius": "NaN"}))?;
//! assert_eq!(row.value(1), &Value::from("boiler"));
//! assert_eq!(row.value(2), &Value::Double(f64::NAN)); // NaN is equal to itself, as in Spark's grouping
//! assert_eq!(schema.row_to_json(&row).to_string(), r#"{"at":1500,"celsius":"NaN","device":"boiler"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod compare;
mod data_type;
mod json;
mod row;
mod schema;
mod stored;
mod value;

pub use data_type::DataType;
pub use json::{JsonError, JsonReason};
pub use row::Row;
pub use schema::{Column, Schema, SchemaError};
pub use value::Value;
