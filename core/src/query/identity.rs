//! What makes a query the same query: a log of another one is not read.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::plan::QueryPlan;
use super::shape::fingerprint;
use crate::operator::{Operator, OutputMode, WindowShape};

/// The identity of a query, as it stands at the start of each snapshot.
///
/// Delay, filters and the policy for full state are not part of it: they may change between runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity<'a> {
    /// The query's name.
    pub name: &'a str,
    /// The query's version.
    pub version: u32,
    /// Which results it gives.
    pub mode: OutputMode,
    /// The kind and lengths of its windows.
    pub window: WindowShape,
    /// The CRC-32 of the shape of its key type.
    pub key: u32,
    /// The CRC-32 of the shape of its records: aggregates and what the operator keeps with them.
    pub record: u32,
}

impl Identity<'static> {
    /// The identity of a plan.
    #[must_use]
    pub fn of<P: QueryPlan>(plan: &P) -> Self {
        let (name, version) = plan.name();
        Self {
            name,
            version,
            mode: plan.mode(),
            window: plan.operator().shape(),
            key: fingerprint::<P::Key>(),
            record: fingerprint::<P::Value>(),
        }
    }
}

impl Identity<'_> {
    /// The first thing in which `other` is another query.
    #[must_use]
    pub fn difference(&self, other: &Identity<'_>) -> Option<Difference> {
        let differences = [
            (self.mode != other.mode, Difference::OutputMode),
            (self.name != other.name, Difference::Name),
            (self.version != other.version, Difference::Version),
            (self.window != other.window, Difference::Window),
            (self.key != other.key, Difference::Key),
            (self.record != other.record, Difference::Aggregates),
        ];
        differences.iter().find(|(differs, _)| *differs).map(|(_, difference)| *difference)
    }
}

/// In what two queries differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// The name.
    Name,
    /// The version.
    Version,
    /// The output mode: state of one mode does not say what another has given out.
    OutputMode,
    /// The kind of windows, or their size, slide, offset or gap.
    Window,
    /// The type of the key.
    Key,
    /// The aggregates or the types they keep.
    Aggregates,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Version => "version",
            Self::OutputMode => "output mode",
            Self::Window => "windows",
            Self::Key => "key type",
            Self::Aggregates => "aggregates",
        })
    }
}
