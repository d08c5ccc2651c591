//! What makes an operator the same after a restart, and which output modes it can run in.

use serde::{Deserialize, Serialize};

use super::OutputMode;
use crate::state::Shape;

/// Which output modes an operator can run in. Append also needs a watermark, where results wait for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes {
    /// Each result once.
    pub append: bool,
    /// Changed groups again.
    pub update: bool,
    /// The whole table.
    pub complete: bool,
}

impl Modes {
    /// Every mode.
    pub const ALL: Self = Self { append: true, update: true, complete: true };
    /// Rows that come once: update is the same as append (Spark's rule).
    pub const ONCE: Self = Self { append: true, update: true, complete: false };

    /// Whether results come once and are never given again, whatever the mode.
    #[must_use]
    pub const fn is_once(self) -> bool {
        self.append && self.update && !self.complete
    }

    /// Whether `mode` is one of them.
    #[must_use]
    pub const fn has(self, mode: OutputMode) -> bool {
        match mode {
            OutputMode::Append => self.append,
            OutputMode::Update => self.update,
            OutputMode::Complete => self.complete,
        }
    }
}

/// What makes an operator the same operator after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorIdentity {
    /// Its kind and the lengths that belong to it.
    pub window: WindowShape,
    /// The CRC-32 of the shape of its key types.
    pub key: u32,
    /// The CRC-32 of the shape of its record types.
    pub record: u32,
}

impl OperatorIdentity {
    /// The identity of an operator that keeps the tables `S`.
    #[must_use]
    pub fn of<S: Shape>(window: WindowShape) -> Self {
        Self { window, key: S::key_fingerprint(), record: S::record_fingerprint() }
    }
}

/// The kind of an operator and its windows' lengths in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowShape {
    /// 0 groups without windows, 1 tumbling, 2 sliding, 3 session, 4 session with a gap per row, 5 no state, 6 deduplication,
    /// 7 join, 8 as-of join, 9 process, 10 count window, 11 state window, 12 look-ahead, 13 groups by event time.
    pub kind: u8,
    /// Size, slide and offset; the gap; 0 where there is none.
    pub micros: [i64; 3],
}
