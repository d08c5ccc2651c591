//! Grouping.

use headwater::OutputMode;

use super::error::DeclarationReason;
use super::window::{CheckedWindow, window};
use super::{Checked, Checker, call, column, time};
use crate::declared::DynamicAggregates;
use crate::declared::checked::{
    CheckedAggregation, CheckedRelation, CheckedStep, EventTime, Grouping, TimeColumn, TimeWindow,
};
use crate::declared::declaration::Aggregation;
use crate::dynamic::{Column, DataType};

/// The columns that windows of time put before the keys.
const WINDOW_COLUMNS: [&str; 2] = ["window_start", "window_end"];
/// Where the end of a window is in a result.
const WINDOW_END: usize = 1;

impl Checker {
    pub(super) fn aggregate(&mut self, declared: &Aggregation, field: &str) -> Checked<CheckedRelation> {
        let input = self.upstream(&declared.input, &format!("{field}.input"))?;
        self.stateful_after(&input, field)?;
        let keys = column::columns(&input.schema, &declared.keys, &format!("{field}.keys"))?;
        let grouping = self.grouping(declared, &input, &keys, field)?;
        let (aggregates, answers) = calls(declared, &input, field)?;

        let windows = match grouping {
            Grouping::Windows { .. } => &WINDOW_COLUMNS[..],
            Grouping::Keys { .. } | Grouping::CountWindows { .. } => &[],
        };
        let columns = windows.iter().map(|name| Column::new(*name, DataType::Timestamp));
        let key_columns = keys.iter().filter_map(|key| input.schema.column(*key)).cloned();
        Ok(CheckedRelation {
            schema: column::schema(columns.chain(key_columns).chain(answers), field)?,
            event_times: event_times_after(&grouping, &input, &keys),
            step: CheckedStep::Aggregate(CheckedAggregation {
                input: Box::new(input),
                keys,
                grouping,
                aggregates,
            }),
        })
    }

    fn grouping(
        &self,
        declared: &Aggregation,
        input: &CheckedRelation,
        keys: &[usize],
        field: &str,
    ) -> Checked<Grouping> {
        let window_field = format!("{field}.window");
        let checked = declared.window.as_ref().map(|declared| window(declared, &input.schema, &window_field));
        match checked.transpose()? {
            None => {
                if declared.time_column.is_some() {
                    return Err(DeclarationReason::NotTaken.at(format!("{field}.time_column")));
                }
                self.keys(input, keys, field)
            }
            Some(CheckedWindow::Count { rows, step }) => {
                self.append_only("windows of a number of rows", &window_field)?;
                Ok(Grouping::CountWindows { rows, step })
            }
            Some(CheckedWindow::Time(window)) => {
                if matches!(window, TimeWindow::Session(_) | TimeWindow::SessionBy(_)) {
                    self.sessions(keys, field)?;
                }
                if self.mode == OutputMode::Append && input.event_times.is_empty() {
                    return Err(DeclarationReason::AppendWithoutWatermark.at(field));
                }
                let time = time_of_windows(declared, input, &format!("{field}.time_column"))?;
                Ok(Grouping::Windows { window, time })
            }
        }
    }

    fn keys(&self, input: &CheckedRelation, keys: &[usize], field: &str) -> Checked<Grouping> {
        let among: Vec<EventTime> = keys.iter().filter_map(|key| time::event_time_in(input, *key)).collect();
        match (&among[..], self.mode) {
            ([], OutputMode::Append) if input.event_times.is_empty() => {
                Err(DeclarationReason::AppendWithoutWatermark.at(field))
            }
            ([], OutputMode::Append) => {
                let event_times = time::names(input);
                Err(DeclarationReason::AppendWithoutEventTime { event_times }.at(format!("{field}.keys")))
            }
            ([], _) => Ok(Grouping::Keys { event_time: None }),
            ([only], _) => Ok(Grouping::Keys { event_time: Some(*only) }),
            _ => Err(DeclarationReason::AmbiguousEventTime {
                event_times: time::names(input),
                instead: "group by one of them",
            }
            .at(format!("{field}.keys"))),
        }
    }

    fn sessions(&self, keys: &[usize], field: &str) -> Checked<()> {
        if keys.is_empty() {
            return Err(DeclarationReason::SessionWithoutKey.at(format!("{field}.keys")));
        }
        if self.mode == OutputMode::Update {
            return Err(DeclarationReason::OutputMode {
                what: "sessions",
                mode: self.mode,
                instead: "append or complete mode",
            }
            .at(format!("{field}.window")));
        }
        Ok(())
    }

    /// Refuses what only append mode can give.
    pub(super) fn append_only(&self, what: &'static str, field: &str) -> Checked<()> {
        if self.mode == OutputMode::Append {
            return Ok(());
        }
        Err(DeclarationReason::OutputMode { what, mode: self.mode, instead: "append mode" }.at(field))
    }
}

/// What windows go by: the column named, or the event time.
fn time_of_windows(declared: &Aggregation, input: &CheckedRelation, field: &str) -> Checked<TimeColumn> {
    match &declared.time_column {
        Some(name) => time::named_time(input, name, field),
        None => match time::the_event_time(input, field, "name one of them here")? {
            Some(at) => Ok(at.time),
            None => Err(DeclarationReason::NoTimeColumn.at(field)),
        },
    }
}

fn calls(
    declared: &Aggregation,
    input: &CheckedRelation,
    field: &str,
) -> Checked<(DynamicAggregates, Vec<Column>)> {
    let field = format!("{field}.aggregates");
    let calls = declared.aggregates.iter().enumerate();
    let (bound, columns): (Vec<_>, Vec<_>) = calls
        .map(|(index, declared)| call::call(declared, &input.schema, &format!("{field}[{index}]")))
        .collect::<Checked<Vec<_>>>()?
        .into_iter()
        .unzip();
    let aggregates =
        DynamicAggregates::new(bound).map_err(|error| DeclarationReason::Quantile(error).at(field))?;
    Ok((aggregates, columns))
}

/// A window's event time is the last moment in it; of other groups it is the event time among the keys.
fn event_times_after(grouping: &Grouping, input: &CheckedRelation, keys: &[usize]) -> Vec<EventTime> {
    let source = match grouping {
        Grouping::Windows { time, .. } => time::event_time_in(input, time.column()),
        Grouping::Keys { event_time } => *event_time,
        Grouping::CountWindows { .. } => None,
    };
    let place = |at: EventTime| match grouping {
        Grouping::Windows { .. } => Some(TimeColumn::Before(WINDOW_END)),
        _ => keys.iter().position(|key| *key == at.time.column()).map(|place| at.time.moved_to(place)),
    };
    let moved = |at: EventTime| Some(EventTime { time: place(at)?, delay: at.delay });
    source.and_then(moved).into_iter().collect()
}
