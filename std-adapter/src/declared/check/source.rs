//! Inputs and tables.

use headwater::{Span, Timestamp};

use super::error::{DeclarationError, DeclarationReason};
use super::{Checked, column, time};
use crate::declared::checked::{
    CheckedInput, CheckedRelation, CheckedStep, CheckedTable, CheckedWatermark, EventTime, TimeColumn,
};
use crate::declared::declaration::{DeclaredQuery, DeclaredTable, DeclaredWatermark, Input};
use crate::dynamic::Schema;

/// The inputs and tables by name, and which of them the query reads.
pub(super) struct Sources {
    inputs: Vec<CheckedInput>,
    tables: Vec<CheckedTable>,
    inputs_used: Vec<bool>,
    tables_used: Vec<bool>,
}

impl Sources {
    pub(super) fn new(query: &DeclaredQuery) -> Checked<Self> {
        if query.inputs.is_empty() {
            return Err(DeclarationReason::TooFew { found: 0, least: 1 }.at("inputs"));
        }
        names_differ(query)?;
        let inputs = query.inputs.iter().enumerate();
        let tables = query.tables.iter().enumerate();
        Ok(Self {
            inputs_used: vec![false; query.inputs.len()],
            tables_used: vec![false; query.tables.len()],
            inputs: inputs.map(|(index, input)| checked_input(input, index)).collect::<Checked<_>>()?,
            tables: tables.map(|(index, table)| checked_table(table, index)).collect::<Checked<_>>()?,
        })
    }

    /// The rows of the input called `name`.
    pub(super) fn input(&mut self, name: &str, field: &str) -> Checked<CheckedRelation> {
        let Some(index) = self.inputs.iter().position(|input| input.name == name) else {
            let is_table = self.tables.iter().any(|table| table.name == name);
            return Err(if is_table {
                DeclarationReason::TableAsStream { name: name.to_owned() }.at(field)
            } else {
                self.unknown(name, field)
            });
        };
        let twice = self.inputs_used.get_mut(index).is_some_and(|used| core::mem::replace(used, true));
        match self.inputs.get(index) {
            Some(input) if !twice => Ok(CheckedRelation {
                schema: input.schema.clone(),
                event_times: input.watermark.iter().map(event_time).collect(),
                step: CheckedStep::Input(index),
            }),
            _ => Err(DeclarationReason::UsedTwice { name: name.to_owned() }.at(field)),
        }
    }

    /// The table called `name` and its number, if it is one.
    pub(super) fn table(&mut self, name: &str) -> Option<(usize, Schema)> {
        let index = self.tables.iter().position(|table| table.name == name)?;
        *self.tables_used.get_mut(index)? = true;
        self.tables.get(index).map(|table| (index, table.schema.clone()))
    }

    fn unknown(&self, name: &str, field: &str) -> DeclarationError {
        let inputs = self.inputs.iter().map(|input| input.name.as_str());
        let known: Vec<_> = inputs.chain(self.tables.iter().map(|table| table.name.as_str())).collect();
        DeclarationReason::UnknownSource { name: name.to_owned(), known: known.join(", ") }.at(field)
    }

    /// The inputs and tables, all of which must have been read.
    pub(super) fn all_used(self) -> Checked<(Vec<CheckedInput>, Vec<CheckedTable>)> {
        let unused = |used: &[bool]| used.iter().position(|used| !used);
        if let Some((index, input)) = unused(&self.inputs_used).and_then(|i| Some((i, self.inputs.get(i)?))) {
            return Err(DeclarationReason::Unused { name: input.name.clone() }.at(format!("inputs[{index}]")));
        }
        if let Some((index, table)) = unused(&self.tables_used).and_then(|i| Some((i, self.tables.get(i)?))) {
            return Err(DeclarationReason::Unused { name: table.name.clone() }.at(format!("tables[{index}]")));
        }
        Ok((self.inputs, self.tables))
    }
}

fn names_differ(query: &DeclaredQuery) -> Checked<()> {
    let inputs = query.inputs.iter().enumerate().map(|(i, input)| (format!("inputs[{i}].name"), &input.name));
    let tables = query.tables.iter().enumerate().map(|(i, table)| (format!("tables[{i}].name"), &table.name));
    let mut seen = Vec::new();
    for (field, name) in inputs.chain(tables) {
        if name.is_empty() {
            return Err(DeclarationReason::EmptyName.at(field));
        }
        if seen.contains(&name) {
            return Err(DeclarationReason::DuplicateSource { name: name.clone() }.at(field));
        }
        seen.push(name);
    }
    Ok(())
}

fn checked_input(input: &Input, index: usize) -> Checked<CheckedInput> {
    let field = |name: &str| format!("inputs[{index}].{name}");
    if input.schema.is_empty() {
        return Err(DeclarationReason::TooFew { found: 0, least: 1 }.at(field("schema")));
    }
    let filter = input.filter.as_ref();
    let filter = filter.map(|text| column::predicate(text, &input.schema, &field("filter"))).transpose()?;
    let watermark = input.watermark.as_ref();
    let watermark = watermark
        .map(|declared| checked_watermark(declared, &input.schema, &field("watermark")))
        .transpose()?;
    let idle_after = input.idle_after_ms;
    let idle_after = idle_after
        .map(|millis| time::positive_span(millis, Span::MAX, &field("idle_after_ms")))
        .transpose()?;
    if idle_after.is_some() && watermark.is_none() {
        return Err(DeclarationReason::NoEventTime.at(field("idle_after_ms")));
    }
    Ok(CheckedInput { name: input.name.clone(), schema: input.schema.clone(), filter, watermark, idle_after })
}

fn checked_watermark(
    declared: &DeclaredWatermark,
    schema: &Schema,
    field: &str,
) -> Checked<CheckedWatermark> {
    Ok(CheckedWatermark {
        column: column::timestamp(schema, &declared.column, &format!("{field}.column"))?,
        delay: time::span(declared.delay_ms, Span::MAX, &format!("{field}.delay_ms"))?,
        initial: declared.initial_ms.map(Timestamp::from_millis),
    })
}

fn event_time(watermark: &CheckedWatermark) -> EventTime {
    EventTime { time: TimeColumn::At(watermark.column), delay: watermark.delay }
}

fn checked_table(table: &DeclaredTable, index: usize) -> Checked<CheckedTable> {
    let row = |(row, json): (usize, &serde_json::Value)| {
        let place = || format!("tables[{index}].rows[{row}]");
        table.schema.row_from_json(json).map_err(|error| DeclarationReason::Row(error).at(place()))
    };
    let rows = table.rows.iter().enumerate().map(row).collect::<Checked<_>>()?;
    Ok(CheckedTable { name: table.name.clone(), schema: table.schema.clone(), rows })
}
