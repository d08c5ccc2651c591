//! The engine's own modes and policies under the names they have in a declaration.

use headwater::{OnFull, OutputMode};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(remote = "OutputMode", rename_all = "snake_case")]
pub(super) enum OutputModeName {
    Append,
    Update,
    Complete,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "OnFull", rename_all = "snake_case")]
pub(super) enum OnFullName {
    Refuse,
    EvictOldest,
    Drop,
}
