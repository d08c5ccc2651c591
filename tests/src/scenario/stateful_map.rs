//! The recorded function with state per key: `count_until_silent`.
//!
//! User code cannot be declared as data, so the query is written by hand over rows whose columns are known at run time.

use super::engine::{Engine, StartError};
use super::query::MapApi;
use headwater_std::declared::Input;

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
    Err(StartError::Failed(format!("`count_until_silent` over `{}` has no query", map.input.name)))
}
