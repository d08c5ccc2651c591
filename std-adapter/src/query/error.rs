//! Why a query stopped.

use std::io;
use std::path::PathBuf;

use headwater::checkpoint::{CommitError as LogError, OpenError};
use headwater::{CommitError, RestoreError};

use crate::checkpoint::CheckpointError;
use crate::sink::SinkError;
use crate::source::SourceError;
use crate::storage::StorageError;

/// Why a query cannot start or go on. The last commit stays good in every case: starting again goes on from it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The checkpoint directory cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint log cannot be opened.
    #[error("cannot open the checkpoint {}: {error}", path.display())]
    Open {
        /// The directory.
        path: PathBuf,
        /// What is wrong with the log.
        error: OpenError<StorageError>,
    },
    /// The checkpoint holds something else than this query's state.
    #[error("cannot go on from the checkpoint {}: {error}", path.display())]
    Restore {
        /// The directory.
        path: PathBuf,
        /// What is wrong; for another query's state, in what it differs.
        error: RestoreError<StorageError>,
    },
    /// An epoch could not be committed.
    #[error("cannot commit to the checkpoint {}: {error}{}", path.display(), advice(error))]
    Commit {
        /// The directory.
        path: PathBuf,
        /// What went wrong.
        error: CommitError<StorageError>,
    },
    /// The source failed.
    #[error("source: {0}")]
    Source(#[from] SourceError),
    /// The sink failed.
    #[error("sink: {0}")]
    Sink(#[from] SinkError),
    /// State is full and the policy is to refuse: the row that did not fit is not acknowledged.
    #[error(
        "state is full: {capacity} records are in use and ending the epoch freed none; raise the capacity, shorten the watermark's \
         delay, or choose another policy for full state"
    )]
    StateFull {
        /// The records that the state can hold.
        capacity: usize,
    },
    /// The thread could not be started.
    #[error("cannot start the query's thread: {0}")]
    Thread(#[source] io::Error),
    /// The query's thread panicked.
    #[error("the query's thread panicked; this is a bug")]
    Panicked,
}

/// What to do where the engine, which knows nothing of files, cannot say it.
fn advice(error: &CommitError<StorageError>) -> &'static str {
    match error {
        CommitError::Log(LogError::Full { .. }) => {
            "; start again with larger log_bytes: the checkpoint then moves into a log of that size"
        }
        _ => "",
    }
}
