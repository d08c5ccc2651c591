//! Runs a query over rows, an epoch every so many of them, with a checkpoint of each epoch or without.

use std::path::Path;

use headwater::checkpoint::Log;
use headwater::state::{SlotIndex, State};
use headwater::{Query, QueryPlan, TriggerError, WindowRow};
use headwater_std::sink::SinkError;
use headwater_std::storage::{FileStorage, StorageError};
use thiserror::Error;

use super::answer::{Aggregated, Answer};
use super::output::Output;
use super::rows::{Reading, RowsError};

const RECORD_BYTES_MAX: usize = 4_096;

/// A checkpoint log in a file.
pub type FileLog = Log<FileStorage, RECORD_BYTES_MAX>;

/// Why a run ended early.
#[derive(Debug, Error)]
pub enum RunError {
    /// The rows cannot be read.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// The results cannot be written.
    #[error("cannot write the results: {0}")]
    Output(#[from] SinkError),
    /// State was too small: a fault of this program.
    #[error("state of {capacity} records is full after {rows} rows")]
    Full {
        /// Records there is room for.
        capacity: usize,
        /// Rows taken until then.
        rows: u64,
    },
    /// The checkpoint log cannot be made or written.
    #[error("cannot keep a checkpoint: {0}")]
    Checkpoint(String),
}

/// What a run did.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Rows taken.
    pub events: u64,
    /// Rows that were late: none.
    pub late: u64,
    /// The results.
    pub answer: Answer,
}

/// Makes an empty log with room for `records` records several times over. What was in the file is lost.
///
/// # Errors
/// When the file cannot be made.
pub fn empty_log(directory: &Path, records: usize) -> Result<FileLog, RunError> {
    const BYTES_PER_RECORD: usize = 64;
    let path = directory.join("log");
    let failed = |reason: String| RunError::Checkpoint(format!("{}: {reason}", path.display()));
    let bytes = (records * BYTES_PER_RECORD * 4).clamp(16 << 20, 1 << 30);
    std::fs::create_dir_all(directory).map_err(|error| failed(error.to_string()))?;
    let storage =
        FileStorage::open(&path, bytes as u32).map_err(|error: StorageError| failed(format!("{error:?}")))?;
    Log::format(storage).map_err(|error| failed(error.to_string()))
}

/// Runs `plan` over the rows; the results go to `output`.
///
/// Not inlined, so that a profiler can be told to look at nothing else.
///
/// # Errors
/// [`RunError`].
#[inline(never)]
pub fn run<P, S>(
    plan: &P,
    state: &mut S,
    rows: impl Iterator<Item = Result<Reading, RowsError>>,
    epoch_rows: u32,
    mut output: Output,
    mut log: Option<FileLog>,
) -> Result<Outcome, RunError>
where
    P: QueryPlan<Row = Reading, Output = WindowRow<u32, Aggregated>>,
    S: State<Shape = P::Shape>,
{
    let mut query = plan.bind(state);
    let mut events = 0;
    let mut in_epoch = 0;
    for row in rows {
        let row = row?;
        if query.push(row).is_err() {
            return Err(RunError::Full { capacity: query.progress().state_capacity, rows: events });
        }
        events += 1;
        in_epoch += 1;
        if in_epoch == epoch_rows {
            in_epoch = 0;
            end_epoch(&mut query, &mut output, events, row, log.as_mut())?;
        }
    }
    let given = query.drain(headwater::Timestamp::EPOCH, |result| output.add(result));
    given.map_err(|error| refused(error, query.progress().state_capacity, events))?;
    Ok(Outcome { events, late: query.progress().rows.late, answer: output.finish()? })
}

fn refused(error: TriggerError<SinkError>, capacity: usize, rows: u64) -> RunError {
    match error {
        TriggerError::Sink(error) => error.into(),
        TriggerError::Full => RunError::Full { capacity, rows },
    }
}

fn end_epoch<P, I>(
    query: &mut Query<'_, P, I>,
    output: &mut Output,
    events: u64,
    last: Reading,
    log: Option<&mut FileLog>,
) -> Result<(), RunError>
where
    P: QueryPlan<Row = Reading, Output = WindowRow<u32, Aggregated>>,
    I: SlotIndex,
{
    let given = query.trigger(last.at(), |result| output.add(result));
    given.map_err(|error| refused(error, query.progress().state_capacity, events))?;
    let Some(log) = log else { return Ok(()) };
    query.commit(log, &events).map(|_| ()).map_err(|error| RunError::Checkpoint(error.to_string()))
}
