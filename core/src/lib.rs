//! Headwater: the model of Spark Structured Streaming in fixed memory.
//!
//! A stream is a table that only grows. A query over it reads like a batch query, and the engine keeps its answer up to
//! date as rows arrive: event time, watermarks, tumbling, sliding and session windows, output modes. It needs no heap, never
//! reads a clock and never blocks, and a checkpoint log over raw flash carries it through power cuts: nothing accepted is
//! lost and nothing is counted twice.
//!
//! ```
//! use headwater::checkpoint::{Log, RamFlash};
//! use headwater::{QueryPlan, Span, Stream, Timestamp, WindowState};
//! use headwater::{aggregate::{Count, Mean, count, mean}, window::Tumbling};
//!
//! struct Reading { device: u16, at: Timestamp, celsius: f32 }
//!
//! let plan = Stream::<Reading>::new()
//!     .filter(|r| r.celsius.is_finite())
//!     .with_watermark(|r| r.at, Span::secs(30))
//!     .group_by(|r| r.device)
//!     .window(Tumbling::of(Span::mins(10)))
//!     .aggregate((count(), mean(|r: &Reading| r.celsius)))
//!     .append();
//!
//! // What the query may hold is in this type; a `static` in firmware.
//! let mut state = WindowState::<u16, (Count, Mean), 32>::EMPTY;
//! let mut log = Log::<_, 256>::open(RamFlash::<8192, 4, 1024>::new())?;
//!
//! let mut query = plan.bind(&mut state);
//! let resumed_at: Option<u64> = query.restore(&mut log)?;
//! assert_eq!(resumed_at, None);
//!
//! query.push(Reading { device: 7, at: Timestamp::from_secs(10), celsius: 20.0 })?;
//! query.push(Reading { device: 7, at: Timestamp::from_secs(700), celsius: 21.0 })?;
//! query.trigger(Timestamp::EPOCH, |row| {
//!     // The watermark is at 670 s: the window up to 600 s has closed.
//!     assert_eq!((row.key, row.value), (7, (1, Some(20.0))));
//! })?;
//! query.commit(&mut log, &2_u64)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layers
//! Each module uses those before it: [`Timestamp`] and [`Span`], [`watermark`], [`window`], [`aggregate`], [`state`],
//! [`operator`], [`checkpoint`], and on top the query ([`Stream`], [`Plan`], [`Query`]).
//!
//! # Features
//! - `alloc`: state whose capacity is chosen at start and allocated once, and `QueryPlan::batch`.
//! - `fault-injection`: storage that loses power, for tests.
//! - `defmt`: `defmt::Format` for errors, results and reports. Without it nothing here holds a string that is only logged.
//! - `small-crc-table`: the CRC of the checkpoint log from a table of 64 bytes instead of 16 KiB, with the same values and some 12
//!   instructions a byte.
//! - `small-code`: what keeps the records of tables in order is compiled once for all tables and asks for their times through pointers: less
//!   code, and slower.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(test, doctest))]
extern crate std;

pub mod aggregate;
pub mod checkpoint;
mod codec;
mod crc;
#[cfg(feature = "defmt")]
mod log_format;
pub mod operator;
mod query;
#[cfg(all(test, feature = "alloc"))]
mod random;
pub mod state;
mod time;
pub mod watermark;
pub mod window;

pub use operator::{
    Buffered, Context, CountPaneRecord, CountWindowRow, Either, EventTimeRecord, EventTimeRow,
    ExpiringRecord, GroupRecord, GroupRow, JoinKey, JoinType, KeyedProcess, LookAheadRow, OnFull, OutputMode,
    PaneRecord, Process, ProcessRecord, SeenRecord, SessionRecord, Side, StateWindowRecord, StateWindowRow,
    TimeRange, TimersFull, WindowRecord, WindowRow, process_of,
};
pub use query::{
    After, AtOnce, CommitError, CommitHead, Difference, EachEventTime, EpochEnd, Grouped, Identity, Join,
    Joined, JoinedAsOf, JoinedStatic, LeavesInTime, LoadError, ModeAtRunTime, ModeRefused, NamedPolicy,
    NoEventTime, OperatorProgress, Plan, PlansPolicy, Prefix, Progress, PushError, Query, QueryPlan,
    RestoreError, Results, RowCounts, RowWindowKind, RowWindowed, RunsOver, SaveError, SeedError, SinkAnswer,
    Start, Stream, Timed, TriggerError, Unreadable, WhenClosed, WindowKind, Windowed, WithEventTime,
    WithWatermark,
};
pub use time::{EventTime, Span, Timestamp};

use operator::{Candidate, CandidateKey, MomentRecord, Waiting};
use state::Inline;

/// State for tumbling windows: `N` open windows, counted over all keys `K`, of the aggregate states `A`.
pub type WindowState<K, A, const N: usize> = Inline<K, WindowRecord<A>, N>;
/// State for sliding windows: `N` panes, counted over all keys `K`, of the aggregate states `A`.
pub type SlidingState<K, A, const N: usize> = Inline<K, PaneRecord<A>, N>;
/// State for sessions: `N` open sessions, counted over all keys `K`, of the aggregate states `A`.
pub type SessionState<K, A, const N: usize> = Inline<K, SessionRecord<A>, N>;
/// State without windows: `N` keys `K` with the aggregate states `A`.
pub type GroupState<K, A, const N: usize> = Inline<K, GroupRecord<A>, N>;
/// State for aggregates `A` over all rows.
pub type GlobalState<A> = Inline<(), GroupRecord<A>, 1>;
/// State for deduplication that never forgets: `N` keys `K`. A key costs its own bytes, a tag with padding, and 12.
pub type DedupState<K, const N: usize> = Inline<K, SeenRecord, N>;
/// State for deduplication by event time or within the watermark: `N` keys `K`. A key costs 12 bytes, and their padding, more than in
/// [`DedupState`].
pub type ExpiringDedupState<K, const N: usize> = Inline<K, ExpiringRecord, N>;
/// State for groups by event time: `N` groups, counted over all keys `K` and event times, of the aggregate states `A`. A group costs key,
/// `A`, 8 bytes of event time, a tag with padding, and 12.
pub type EventTimeState<K, A, const N: usize> = Inline<K, EventTimeRecord<A>, N>;
/// State for windows of so many rows: `N` panes, counted over all keys `K`, of the aggregate states `A`. A key needs one pane where
/// windows do not overlap, else [`CountWindow::panes_max`](window::CountWindow::panes_max); a pane costs key, `A`, 20 bytes, a tag with padding, and 16.
pub type CountState<K, A, const N: usize> = Inline<K, CountPaneRecord<A>, N>;
/// State for windows that rows open and close: `N` open windows, one at most for each key `K`, of the aggregate states `A`. A window
/// costs key, `A`, 8 bytes of event time, a tag with padding, and 12.
pub type StateWindowState<K, A, const N: usize> = Inline<K, StateWindowRecord<A>, N>;
/// State of [`Stream::as_of_join`]: `N` left rows `L` that wait, and `M` right rows `R`, of each key those that wait and one more. A left row
/// costs its size, that of an `Option<K>`, and 8 and 16 bytes; a right row its size, that of the key, and 24 and 16 bytes; each with tags
/// and padding.
pub type AsOfState<K, L, R, const N: usize, const M: usize> =
    (Inline<Option<K>, Waiting<L>, N>, Inline<CandidateKey<K>, Candidate<R>, M>);
/// State for windows around each row ([`window::LookAhead`]): `N` moments at which a key `K` has rows, counted over all keys, with the
/// aggregate states `A` over these rows. Each costs the size of key and aggregate states, and 20 and 16 bytes, with tags and padding.
pub type LookAheadState<K, A, const N: usize> = Inline<K, MomentRecord<A>, N>;
/// State for a join of streams within a range of time: `N_LEFT` rows `L` and `N_RIGHT` rows `R`, with keys `K`.
///
/// A row costs 16 bytes, its key as `Option<K>`, the row itself, 8 bytes for its time and one for whether it has had a match, each with its
/// padding: 56 bytes for a row of 16 bytes and a `u16` key. For a `static`, [`Empty`](state::Empty) makes one.
pub type JoinState<K, L, R, const N_LEFT: usize, const N_RIGHT: usize> =
    (Inline<Option<K>, Buffered<L>, N_LEFT>, Inline<Option<K>, Buffered<R>, N_RIGHT>);
/// State for a join of streams without a range of time. As [`JoinState`], with 16 bytes more for each row: its number in order of arrival,
/// which says which one is the oldest.
pub type BufferedJoinState<K, L, R, const N_LEFT: usize, const N_RIGHT: usize> = (
    Inline<Option<K>, Buffered<L, operator::ByArrival>, N_LEFT>,
    Inline<Option<K>, Buffered<R, operator::ByArrival>, N_RIGHT>,
);
/// State of [`process`](Grouped::process): `N` keys `K`, each with a state `S` of the user's and at most `TIMERS` timers.
///
/// Bytes per key: those of `K` and `S`, 8 for each timer, 26 and padding, and the table's 12.
pub type ProcessState<K, S, const TIMERS: usize, const N: usize> = Inline<K, ProcessRecord<S, TIMERS>, N>;
