//! Sinks: where results go, and how each falls back to its last commit.
//!
//! A [`Sink`] takes rows, makes them durable when a commit is near, and gives a [position](Sink::Position) that goes into
//! the commit. Started again, it is given the position of the last commit and removes what came after it.
//!
//! | sink | after a crash |
//! |---|---|
//! | [`FileSink`] | each row once; readers of finished files never see a row that is not committed |
//! | [`MemorySink`] | each row once, as long as its rows are kept |
//! | [`ConsoleSink`] | rows are shown after their commit; those of the very last one may not have been |
//! | [`ForeachSink`] | rows of the last epoch may come again, under the same number |

mod console;
mod file;
mod foreach;
mod map;
mod memory;

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::format::Format;
pub use console::ConsoleSink;
pub use file::{FileSink, FileSinkPosition};
pub use foreach::ForeachSink;
pub use map::MapSink;
pub use memory::MemorySink;

/// Takes results.
///
/// The order of calls: `set_query_id` and `open` once; then `begin`, `write`…, any number of times; `prepare`, the durable commit of the
/// query, `committed`; and so on. `finish` comes before the last `prepare`.
pub trait Sink<Row> {
    /// Where the sink is, written into every commit: small.
    type Position: Serialize + DeserializeOwned + Clone;

    /// The id of the query that the rows are of, the same after every restart from its checkpoint. Called before
    /// [`Sink::open`]; a sink around another passes it on.
    fn set_query_id(&mut self, id: &str) {
        let _ = id;
    }

    /// Makes the sink what it was at `committed`: rows written later are removed. `None` if nothing was ever committed.
    ///
    /// # Errors
    /// When the output cannot be written, or is not what was committed.
    fn open(&mut self, committed: Option<Self::Position>) -> Result<(), SinkError>;

    /// The results of another trigger follow; in complete mode they are the whole table and replace those before.
    fn begin(&mut self) {}

    /// Takes a row.
    ///
    /// # Errors
    /// When it cannot be written; the query then stops, and its last commit stays good.
    fn write(&mut self, row: &Row) -> Result<(), SinkError>;

    /// Makes the rows so far durable and gives the position after them. `epoch` is the number of the commit, counted from
    /// the query's first start; after a crash before the commit the same number comes again, as the first of that run.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn prepare(&mut self, epoch: u64) -> Result<Self::Position, SinkError>;

    /// The commit with the position last prepared is durable: rows may be shown.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn committed(&mut self, epoch: u64) -> Result<(), SinkError>;

    /// The next commit is the last of this run.
    fn finish(&mut self) {}

    /// Whether a commit would do something although no rows come, such as closing a file that is old enough.
    fn wants_commit(&self) -> bool {
        false
    }

    /// One line that says which sink this is.
    fn description(&self) -> String;
}

/// Why a sink cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// A file or directory could not be used.
    #[error("cannot {action} {}: {error}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        error: io::Error,
    },
    /// A row cannot be put into the format.
    #[error("cannot write a row to {to}: {reason}")]
    Encode {
        /// The file or stream.
        to: String,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// Another sink writes to the directory.
    #[error("the output directory {} is in use by another process", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The output is not what the checkpoint says.
    #[error("output {}: {reason}", path.display())]
    Output {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// An error of the user's closure or sink.
    #[error(transparent)]
    Other(Box<dyn core::error::Error + Send + Sync>),
}

impl SinkError {
    /// For `map_err` on file operations.
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { action, path: path.to_owned(), error }
    }

    /// A row that CSV cannot hold, or a write that failed.
    fn csv(path: &Path, error: csv::Error) -> Self {
        match error.into_kind() {
            csv::ErrorKind::Io(error) => Self::io("write", path)(error),
            kind => Self::Encode { to: path.display().to_string(), reason: csv_reason(&kind) },
        }
    }
}

fn csv_reason(kind: &csv::ErrorKind) -> String {
    match kind {
        csv::ErrorKind::Serialize(reason) => {
            format!(
                "{reason}; CSV rows must be flat: map them to a struct of plain fields, with MapSink, or name the columns"
            )
        }
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} fields and there are {expected_len} columns")
        }
        kind => format!("{kind:?}"),
    }
}
