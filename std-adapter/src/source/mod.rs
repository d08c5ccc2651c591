//! Sources: where rows come from, and how each finds its place again.
//!
//! A [`Source`] hands over one row at a time and can name its [position](Source::Position) after the last of them. The
//! running query commits that position together with the state the rows made, and only then calls
//! [`Source::committed`], so that the origin (a broker, say) may forget them.
//!
//! | source | rows again after a crash | rows lost |
//! |---|---|---|
//! | [`file::FileSource`] | never | never, as long as the files stay |
//! | [`mqtt::MqttSource`] with a producer's [`Identity`](mqtt::Identity) | never | never at QoS 1 while the broker keeps the session |
//! | [`mqtt::MqttSource`] without, over a broker that keeps packet ids and sets DUP (mosquitto) | never | as above |
//! | [`mqtt::MqttSource`] without, over another broker (rumqttd) | possible: at least once | as above |
//! | [`rate::RateSource`] | never | never |

pub mod file;
pub mod mqtt;
pub mod rate;
mod reject;

use core::time::Duration;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use reject::RejectPosition;

/// A stream of rows with a position that can be committed.
pub trait Source {
    /// What a row is.
    type Row;
    /// Where the source is, written into every commit: small, a few hundred bytes.
    type Position: Serialize + DeserializeOwned + Clone;

    /// Starts at `committed`, or at the very beginning for `None`. Called once, before anything else.
    ///
    /// # Errors
    /// When the origin cannot be reached, or is not the one the position was taken from.
    fn open(&mut self, committed: Option<Self::Position>) -> Result<(), SourceError>;

    /// Ends the stream with what is there now: later rows are left for another run. Called after [`Source::open`] for
    /// the triggers [`AvailableNow`](crate::Trigger::AvailableNow) and [`Once`](crate::Trigger::Once).
    ///
    /// # Errors
    /// When what is there cannot be found out.
    fn limit_to_available(&mut self) -> Result<(), SourceError>;

    /// The next row, waiting at most about `wait` for it. A zero `wait` looks without waiting.
    ///
    /// # Errors
    /// Only for what the source cannot mend itself; the query then commits what it was given before, with
    /// [`Source::prepare`] and [`Source::committed`], and stops. A row that cannot be read is not an error: it is counted, kept in the reject file if there is one, and passed over.
    fn next(&mut self, wait: Duration) -> Result<Next<Self::Row>, SourceError>;

    /// Makes durable what belongs to the rows returned so far (the rejects between them) and gives the position after
    /// them, for the commit.
    ///
    /// # Errors
    /// When the rejects cannot be written.
    fn prepare(&mut self) -> Result<Self::Position, SourceError>;

    /// The commit with `position` is durable: what lies before it may be acknowledged.
    ///
    /// # Errors
    /// As [`Source::next`].
    fn committed(&mut self, position: &Self::Position) -> Result<(), SourceError>;

    /// Whether a commit is needed for the stream to go on well, for instance because the broker stops sending at a number
    /// of unacknowledged messages.
    fn wants_commit(&self) -> bool {
        false
    }

    /// One line that says which source this is.
    fn description(&self) -> String;

    /// What has been counted since [`Source::open`].
    fn metrics(&self) -> SourceMetrics;
}

/// What [`Source::next`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next<Row> {
    /// A row.
    Row(Row),
    /// Nothing came within the time given; there may be more later.
    Idle,
    /// The stream has ended and no row will follow.
    End,
}

/// Counters of a source since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SourceMetrics {
    /// Rows handed over.
    pub rows: u64,
    /// Lines or messages that could not be read as a row.
    pub rejected: u64,
    /// Messages dropped because they had been delivered before.
    pub redelivered: u64,
    /// Connections made after the first.
    pub reconnects: u64,
    /// Times the broker had forgotten the session, and with it the messages it held.
    pub lost_sessions: u64,
    /// Files not read because files of a later name were already finished.
    pub ignored_files: u64,
    /// Finished files that grew later: what was added to them is not read.
    pub grown_files: u64,
}

/// Why a source cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A file or directory could not be used.
    #[error("cannot {action} {}: {error}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        error: io::Error,
    },
    /// A file is not as the committed position left it.
    #[error("cannot go on in {} at byte {offset}: {reason}", path.display())]
    Position {
        /// The file.
        path: PathBuf,
        /// The committed position in it, bytes from its start.
        offset: u64,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The columns of a CSV file lack one that rows need, so no line of it can be read.
    #[error("the columns of {} are `{columns}`: {reason}; name them as the fields of the row type, or give them where the file has no header line", path.display())]
    Columns {
        /// The file.
        path: PathBuf,
        /// The columns found in its header, or given.
        columns: String,
        /// Which field has none.
        reason: String,
    },
    /// An option has a value that cannot work.
    #[error("option {option}: {reason}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The broker did not answer at the start, or refused too often later.
    #[error("broker {broker}: {reason}")]
    Broker {
        /// Host and port.
        broker: String,
        /// What happened, how often, and what to do.
        reason: String,
    },
    /// The broker does not let the client subscribe as needed.
    #[error("broker {broker}, topic {topic}: {reason}")]
    Subscription {
        /// Host and port.
        broker: String,
        /// The topic filter.
        topic: String,
        /// What the broker answered.
        reason: String,
    },
    /// An error of a source written by the user.
    #[error(transparent)]
    Other(Box<dyn core::error::Error + Send + Sync>),
}

impl SourceError {
    /// For `map_err` on file operations.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { action, path: path.to_owned(), error }
    }
}
