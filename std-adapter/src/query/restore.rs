//! Opening the checkpoint log: restoring the query from it, and moving it where a larger one is asked for.

use headwater::checkpoint::Log;
use headwater::state::SlotIndex;
use headwater::{Query, QueryPlan};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Options;
use super::error::QueryError;
use super::run::RECORD_BYTES_MAX;
use crate::checkpoint::CheckpointDirectory;
use crate::storage::FileStorage;

type FileLog = Log<FileStorage, RECORD_BYTES_MAX>;

/// The log, and the positions of the last commit.
pub(super) fn restore<P: QueryPlan, I: SlotIndex, O: Serialize + DeserializeOwned>(
    query: &mut Query<'_, P, I>,
    directory: &CheckpointDirectory,
    options: &Options,
) -> Result<(FileLog, Option<O>), QueryError> {
    let path = || options.checkpoint.clone();
    let open = |storage| Log::open(storage).map_err(|error| QueryError::Open { path: path(), error });
    let mut log: FileLog = open(directory.log(options.log_bytes)?)?;
    let restored: Option<O> =
        query.restore(&mut log).map_err(|error| QueryError::Restore { path: path(), error })?;
    let Some(larger) = directory.larger_log(log.storage(), options.log_bytes)? else {
        return Ok((log, restored));
    };
    tracing::info!(query = options.name, bytes = options.log_bytes, "the checkpoint moves into a larger log");
    let mut larger: FileLog = open(larger)?;
    if let Some(positions) = &restored {
        // An empty log takes any query's snapshot.
        query.commit(&mut larger, positions).map_err(|error| QueryError::Commit { path: path(), error })?;
    }
    // Closed before the rename, and opened again under its name.
    drop((log, larger));
    directory.put_larger_log_in_place()?;
    Ok((open(directory.log(options.log_bytes)?)?, restored))
}
