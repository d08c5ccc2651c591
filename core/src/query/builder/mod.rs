//! The builder: [`Stream`] and the steps that lead from it to a [`Plan`](super::Plan).
//!
//! What Spark refuses when a query starts is a method that does not exist here, or does not compile: event-time windows before
//! `with_watermark` or `with_event_time`, append output of an aggregate without a watermark or without windows, update output of
//! sessions, two aggregates in a row with another output than append. One thing more is possible: sessions without a key.

mod as_of_join;
mod by_time;
mod dedup;
mod grouped;
mod join;
mod look_ahead;
mod passed_on;
mod prefix;
mod process;
mod results;
mod row_windows;
mod static_join;
mod stream;

pub use as_of_join::JoinedAsOf;
pub use by_time::EachEventTime;
pub use grouped::{Grouped, WindowKind, Windowed};
pub use join::{Join, Joined, LeavesInTime, NamedPolicy, PlansPolicy};
pub use prefix::{After, Prefix, Start};
pub use process::{RunsOver, SeedError};
pub use results::{AtOnce, ModeAtRunTime, ModeRefused, Results, WhenClosed};
pub use row_windows::{RowWindowKind, RowWindowed};
pub use static_join::JoinedStatic;
pub use stream::{NoEventTime, Stream, Timed, WithEventTime, WithWatermark};
