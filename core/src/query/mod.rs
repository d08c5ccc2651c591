//! Queries: a plan built with Spark's verbs, state bound to it, and the life of its epochs.

mod builder;
mod checkpoint;
mod error;
mod identity;
mod phase;
mod plan;
mod progress;
mod run;
mod transfer;

pub use builder::{
    After, AtOnce, EachEventTime, Grouped, Join, Joined, JoinedAsOf, JoinedStatic, LeavesInTime,
    ModeAtRunTime, ModeRefused, NamedPolicy, NoEventTime, PlansPolicy, Prefix, Results, RowWindowKind,
    RowWindowed, RunsOver, SeedError, Start, Stream, Timed, WhenClosed, WindowKind, Windowed, WithEventTime,
    WithWatermark,
};
pub use checkpoint::{CommitError, CommitHead, RestoreError, Unreadable};
pub use error::{PushError, SinkAnswer, TriggerError};
pub use identity::{Difference, Identity};
pub use plan::{Plan, QueryPlan};
pub use progress::{OperatorProgress, Progress, RowCounts};
pub use run::{EpochEnd, Query};
pub use transfer::{LoadError, SaveError};
