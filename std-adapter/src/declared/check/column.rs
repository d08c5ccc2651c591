//! Columns and expressions over them.

use super::Checked;
use super::error::{DeclarationError, DeclarationReason};
use crate::dynamic::{Column, DataType, Schema};
use crate::expression::Expression;

/// The number and type of the column called `name`.
pub(super) fn column(schema: &Schema, name: &str, field: &str) -> Checked<(usize, DataType)> {
    let found = schema.columns().iter().enumerate().find(|(_, column)| column.name == name);
    found.map(|(index, column)| (index, column.data_type)).ok_or_else(|| {
        DeclarationReason::UnknownColumn { name: name.to_owned(), columns: schema.names() }.at(field)
    })
}

/// The numbers of the columns of a list of names.
pub(super) fn columns(schema: &Schema, names: &[String], field: &str) -> Checked<Vec<usize>> {
    let number = |(index, name): (usize, &String)| column(schema, name, &format!("{field}[{index}]"));
    names.iter().enumerate().map(|name| number(name).map(|(column, _)| column)).collect()
}

/// The number of the column called `name`, which must be a timestamp.
pub(super) fn timestamp(schema: &Schema, name: &str, field: &str) -> Checked<usize> {
    match column(schema, name, field)? {
        (index, DataType::Timestamp) => Ok(index),
        (_, found) => Err(wrong_type(name, found, "a timestamp", field)),
    }
}

/// The number and type of the column called `name`, which must hold numbers.
pub(super) fn number(schema: &Schema, name: &str, field: &str) -> Checked<(usize, DataType)> {
    match column(schema, name, field)? {
        (_, found) if !found.is_numeric() => Err(wrong_type(name, found, "a number", field)),
        found => Ok(found),
    }
}

fn wrong_type(name: &str, found: DataType, expected: &'static str, field: &str) -> DeclarationError {
    DeclarationReason::ColumnType { name: name.to_owned(), found, expected }.at(field)
}

pub(super) fn expression(text: &str, schema: &Schema, field: &str) -> Checked<Expression> {
    Expression::parse(text, schema).map_err(|error| DeclarationReason::Expression(error).at(field))
}

pub(super) fn predicate(text: &str, schema: &Schema, field: &str) -> Checked<Expression> {
    let predicate = expression(text, schema, field)?;
    match predicate.data_type() {
        DataType::Bool => Ok(predicate),
        found => Err(DeclarationReason::NotAPredicate { text: text.to_owned(), found }.at(field)),
    }
}

/// The column that an expression hands on as it is.
pub(super) fn column_alone(expression: &Expression, schema: &Schema) -> Option<usize> {
    let &[index] = expression.columns() else { return None };
    let name = expression.text().trim();
    let name = name.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')).unwrap_or(name);
    schema.column(index).is_some_and(|column| column.name.eq_ignore_ascii_case(name)).then_some(index)
}

/// The columns of a result.
pub(super) fn schema(columns: impl IntoIterator<Item = Column>, field: &str) -> Checked<Schema> {
    Schema::new(columns).map_err(|error| DeclarationReason::Columns(error).at(field))
}

/// The columns of both sides of a join.
pub(super) fn joined(left: &Schema, right: &Schema, field: &str) -> Checked<Schema> {
    schema(left.columns().iter().chain(right.columns()).cloned(), field)
}
