//! The recorded function with state per key: `count_until_silent`.
//!
//! User code cannot be declared as data, so the query is written by hand over rows whose columns are known at run time.

use headwater::{Context, KeyedProcess, Process, Span, Stream, Timestamp};
use headwater_std::declared::Input;
use headwater_std::dynamic::{Column, DataType, Row, Schema, Value};
use headwater_std::expression::Expression;
use serde::{Deserialize, Serialize};

use super::engine::{Engine, StartError};
use super::late::LateRule;
use super::query::MapApi;
use super::threaded::{Served, Threaded};

/// How many keys may have state.
const CAPACITY: usize = 10_000;

/// Counts the rows of a key and adds up their `value`, gives the totals at each epoch that has rows of the key, and gives them a last
/// time and forgets the key when no row came for the timeout.
///
/// Rows out: `key`, `n`, `total`, `what`, which is `update` or `expired`.
#[derive(Debug, Clone, PartialEq)]
pub struct CountUntilSilent {
    /// The stream.
    pub input: Input,
    /// The column of the key.
    pub key: String,
    /// The silence in milliseconds of event time, from the key's latest row.
    pub timeout_ms: u64,
    /// Which of Spark's operators is followed: they differ in when a timer is due.
    pub api: MapApi,
}

/// Starts the function.
///
/// # Errors
/// [`StartError`] if it cannot be run.
pub fn start(map: &CountUntilSilent) -> Result<Box<dyn Engine>, StartError> {
    let input = &map.input;
    let watermark = input.watermark.as_ref().ok_or_else(|| failed("the input has no watermark"))?;
    let filter = input.filter.as_ref().map(|text| Expression::parse(text, &input.schema)).transpose();
    let filter = filter.map_err(|error| failed(&error.to_string()))?;
    let (at, _) = place(input, &watermark.column)?;
    let (key, key_type) = place(input, &map.key)?;
    let (value, _) = place(input, "value")?;
    let initial = watermark.initial_ms.map_or(Timestamp::MIN, Timestamp::from_millis);
    let rows = Stream::<Row>::new()
        .filter(move |row| filter.as_ref().is_none_or(|filter| filter.evaluate_predicate(row)))
        .with_watermark_from(move |row| row.value(at).as_timestamp(), span(watermark.delay_ms)?, initial)
        .group_by(move |row| row.key(&[key]));
    let process = Process::in_event_time::<1>(Counting { at, value, timeout: span(map.timeout_ms)? });
    let process = match map.api {
        MapApi::ApplyInPandasWithState => process.fires_behind_watermark(),
        MapApi::TransformWithState => process,
    };
    let plan = rows.process(process).append();
    let served = Served { plan, row_of: |_, row| row, capacity: CAPACITY, late: LateRule::Rows };
    let started = Threaded::start(served, columns(&map.key, key_type)?);
    Ok(Box::new(started.map_err(|error| failed(&error.to_string()))?))
}

fn failed(why: &str) -> StartError {
    StartError::Failed(format!("`count_until_silent`: {why}"))
}

fn place(input: &Input, name: &str) -> Result<(usize, DataType), StartError> {
    let mut columns = input.schema.columns().iter().enumerate();
    let found = columns.find(|(_, column)| column.name == name);
    found
        .map(|(place, column)| (place, column.data_type))
        .ok_or_else(|| failed(&format!("no column `{name}`")))
}

fn span(millis: u64) -> Result<Span, StartError> {
    let micros = i64::try_from(millis).ok().and_then(|millis| millis.checked_mul(1_000));
    micros.and_then(Span::from_micros).ok_or_else(|| failed("a time is too long"))
}

fn columns(key: &str, key_type: DataType) -> Result<Schema, StartError> {
    let columns =
        [(key, key_type), ("n", DataType::Long), ("total", DataType::Double), ("what", DataType::String)];
    let columns = columns.map(|(name, data_type)| Column::new(name, data_type));
    Schema::new(columns).map_err(|error| failed(&error.to_string()))
}

/// The function. The numbers are those of columns.
struct Counting {
    at: usize,
    value: usize,
    timeout: Span,
}

/// What is kept of a key.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Count {
    rows: i64,
    total: f64,
    last: Option<Timestamp>,
}

impl Count {
    fn row(&self, key: &Row, what: &str) -> Row {
        key.concat(&Row::new([Value::Long(self.rows), Value::Double(self.total), Value::from(what)]))
    }
}

impl KeyedProcess<Row> for Counting {
    type Key = Row;
    type State = Count;
    type Output = Row;

    fn initial(&self, _key: &Row) -> Count {
        Count::default()
    }

    fn on_row(&self, context: &mut Context<'_>, count: &mut Count, row: &Row) {
        count.rows += 1;
        count.total += row.value(self.value).as_f64().unwrap_or(0.0);
        count.last = count.last.max(row.value(self.at).as_timestamp());
        context.clear_timers();
        if let Some(last) = count.last {
            // There is room for one.
            let _ = context.set_timer(last + self.timeout);
        }
    }

    fn on_epoch(&self, _context: &mut Context<'_>, key: &Row, count: &mut Count) -> Option<Row> {
        Some(count.row(key, "update"))
    }

    fn on_timer(
        &self,
        context: &mut Context<'_>,
        key: &Row,
        count: &mut Count,
        _timer: Timestamp,
    ) -> Option<Row> {
        context.forget();
        Some(count.row(key, "expired"))
    }
}
