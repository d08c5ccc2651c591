//! The checkpoint log: epochs on NOR flash that survive a power cut at any byte.
//!
//! A [`Log`] is a ring of erase sectors over any [`LogStorage`] (a flash chip, a file, [`RamFlash`]). It
//! stores *epochs*: an epoch is a run of records closed by a commit record. After a cut, [`Log::open`] finds
//! the last committed epoch, and [`Log::replay`] hands out the records that lead to it: the last snapshot
//! and every delta since. The log knows nothing of queries; what the records mean is the caller's business.
//!
//! ```
//! use headwater::checkpoint::{EpochKind, Log, RamFlash, Record};
//!
//! let mut log = Log::<_, 256>::open(RamFlash::<4096, 4, 1024>::new())?;
//! let mut epoch = log.begin(EpochKind::Snapshot)?;
//! epoch.identity(&"thermometers v1")?;
//! epoch.entry(0, &(7u16, 21.5f32))?;
//! epoch.commit(1, &1000u64)?;
//!
//! // Started again, the log is where it was.
//! let mut log = Log::<_, 256>::open(log.into_storage())?;
//! assert_eq!(log.epoch(), Some(1));
//! let mut entries = 0;
//! log.replay(|record| {
//!     if let Record::Entries { .. } = record {
//!         entries += 1;
//!     }
//!     Ok::<_, core::convert::Infallible>(())
//! })?;
//! assert_eq!(entries, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The bytes, the promises after a cut or after damage, and the sizing rule are written in
//! `docs/FORMAT.md`.

mod commit_interval;
mod error;
#[cfg(feature = "fault-injection")]
mod fault;
mod frame;
mod geometry;
mod image;
mod log;
mod open;
mod ram;
mod replay;
mod search;
mod sector;
mod storage;
mod stream;
mod wear;
mod write;

pub use commit_interval::CommitInterval;
pub use error::{CommitError, GeometryError, OpenError, ReplayError};
#[cfg(feature = "fault-injection")]
pub use fault::{FaultError, FaultyStorage};
pub use frame::CommitFields;
pub use geometry::Geometry;
pub use image::{BeyondImage, FoundRecord, ImageBytes, LastCommit, LogImage, SectorSlots, UnreadablePiece};
pub(crate) use log::Past;
pub use log::{EpochKind, Log};
pub use ram::{RamFlash, RamFlashError};
pub use replay::Record;
pub use sector::{FORMAT_VERSION, HeaderState, SectorHeader, SlotState};
pub use storage::LogStorage;
pub use stream::{STREAM_VERSION, StreamReadError, StreamWriteError};
pub(crate) use stream::{StreamError, StreamWriter, read as read_stream};
pub use wear::Wear;
pub use write::EpochWriter;
