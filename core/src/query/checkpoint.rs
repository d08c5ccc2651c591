//! Commit and restore: a query's state in the checkpoint log.
//!
//! The bytes are specified in `docs/FORMAT.md`.

use core::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::identity::{Difference, Identity};
use super::plan::QueryPlan;
use super::progress::RowCounts;
use super::run::{MarksOf, Phase, Query};
use crate::checkpoint::{self, EpochKind, EpochWriter, Log, LogStorage, Record, ReplayError};
use crate::operator::{Operator, Taken};
use crate::state::{EntryError, EntrySink, SlotIndex, Tables};
use crate::time::Timestamp;

/// What a commit record says of the query, before the caller's offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitHead {
    /// Epochs ended.
    pub epoch: u64,
    /// The watermark.
    pub watermark: Option<Timestamp>,
    /// The processing time of the last trigger.
    pub now: Option<Timestamp>,
    /// Rows that the first operator has taken.
    pub arrived: u64,
    /// Of the next row, how many of the rows that the stages make of it have been taken already.
    pub taken: u32,
    /// What became of those.
    pub became: Option<Taken>,
    /// What became of the rows.
    pub rows: RowCounts,
}

impl CommitHead {
    /// The head in a commit record ([`Record::Commit`]), and the bytes behind it: the marks and the caller's offset. `None` if it is no query's.
    #[must_use]
    pub fn decode(payload: &[u8]) -> Option<(Self, &[u8])> {
        postcard::take_from_bytes(payload).ok()
    }
}

impl<P: QueryPlan, I: SlotIndex> Query<'_, P, I> {
    /// Makes everything so far durable in one step, together with `offset`: what the caller needs to go on from here, such as the
    /// position of its source and its sink. Returns what was written: the slots changed since the last commit, or all.
    ///
    /// When this returns, the source may be told that its rows are safe. A power cut before that recovers to the commit
    /// before.
    ///
    /// # Errors
    /// [`CommitError`]; the last commit stays as it is, and so does the query: it can be tried again.
    pub fn commit<O: Serialize, S: LogStorage, const BUFFER: usize>(
        &mut self,
        log: &mut Log<S, BUFFER>,
        offset: &O,
    ) -> Result<EpochKind, CommitError<S::Error>> {
        // Which groups have changed results is not in the log.
        if self.phase != Phase::Idle || self.tables.has_changed() {
            return Err(CommitError::Unfinished);
        }
        if !log.is_empty() && !self.is_past_of(log)? {
            return Err(CommitError::NotRestored);
        }
        let kind =
            if log.is_empty() || log.wants_snapshot() { EpochKind::Snapshot } else { EpochKind::Delta };
        let written = match self.write(log, kind, offset) {
            Err(checkpoint::CommitError::NeedsSnapshot) => {
                self.write(log, EpochKind::Snapshot, offset).map(|()| EpochKind::Snapshot)
            }
            written => written.map(|()| kind),
        };
        let kind = written.map_err(CommitError::Log)?;
        self.committed = log.epoch();
        self.tables.committed();
        Ok(kind)
    }

    /// Whether what the log holds is this query, as it was at its last commit.
    fn is_past_of<S: LogStorage, const BUFFER: usize>(
        &self,
        log: &mut Log<S, BUFFER>,
    ) -> Result<bool, CommitError<S::Error>> {
        let mut same = false;
        // Looks at the first record, the identity, and no further.
        let looked = log.replay(|record| {
            if let Record::Identity(payload) = record {
                same = Identity::decode(payload) == Some(Identity::of(self.plan));
            }
            Err(())
        });
        match looked {
            Err(ReplayError::Storage(error)) => {
                Err(CommitError::Log(checkpoint::CommitError::Storage(error)))
            }
            _ => Ok(same && log.epoch() == self.committed),
        }
    }

    fn write<O: Serialize, S: LogStorage, const BUFFER: usize>(
        &self,
        log: &mut Log<S, BUFFER>,
        kind: EpochKind,
        offset: &O,
    ) -> Result<(), checkpoint::CommitError<S::Error>> {
        let number = self.committed.map_or(1, |last| last.wrapping_add(1));
        let mut writer = log.begin(kind)?;
        if kind == EpochKind::Snapshot {
            writer.identity(&Identity::of(self.plan))?;
        }
        self.tables.write(kind == EpochKind::Snapshot, 0, &mut Entries(&mut writer))?;
        let head = self.head();
        writer.commit(number, &(head, self.marks, offset))
    }

    /// What a commit says of the query now.
    pub(super) fn head(&self) -> CommitHead {
        CommitHead {
            epoch: self.epoch,
            watermark: self.watermark,
            now: self.now,
            arrived: self.arrived,
            taken: self.taken,
            became: self.became,
            rows: self.rows,
        }
    }

    /// Brings back the last committed state, and returns the offset committed with it; `None` from an empty log.
    ///
    /// The query goes on as if it had never stopped. Records are decoded one by one into the bound state.
    ///
    /// # Errors
    /// [`RestoreError`]; the log is as it was, and the query as [`bind`](QueryPlan::bind) made it, or untouched if it had started.
    pub fn restore<O: DeserializeOwned, S: LogStorage, const BUFFER: usize>(
        &mut self,
        log: &mut Log<S, BUFFER>,
    ) -> Result<Option<O>, RestoreError<S::Error>> {
        if self.has_started() {
            return Err(RestoreError::Started);
        }
        if log.is_empty() {
            return Ok(None);
        }
        // Of what was seeded.
        self.tables.clear();
        match self.read(log) {
            Ok((head, marks, offset)) => {
                self.go_on_from(&head, marks);
                self.committed = log.epoch();
                Ok(Some(offset))
            }
            Err(error) => {
                self.reset();
                Err(error)
            }
        }
    }

    fn read<O: DeserializeOwned, S: LogStorage, const BUFFER: usize>(
        &mut self,
        log: &mut Log<S, BUFFER>,
    ) -> Result<(CommitHead, MarksOf<P>, O), RestoreError<S::Error>> {
        let mut last = None;
        let replayed = log.replay(|record| {
            if let Some(commit) = self.take(record)? {
                last = Some(commit);
            }
            Ok(())
        });
        match replayed {
            Ok(()) => last.ok_or(RestoreError::Unreadable(Unreadable::Offset)),
            Err(ReplayError::Record(Unreadable::Other(difference))) => {
                Err(RestoreError::OtherQuery(difference))
            }
            Err(ReplayError::Record(unreadable)) => Err(RestoreError::Unreadable(unreadable)),
            Err(ReplayError::Corrupted { sector, offset }) => Err(RestoreError::Corrupted { sector, offset }),
            Err(ReplayError::Storage(error)) => Err(RestoreError::Storage(error)),
        }
    }

    /// Whether it has taken rows, ended epochs or been restored.
    pub(super) fn has_started(&self) -> bool {
        self.rows.rows_in > 0 || self.committed.is_some() || self.epoch > 0
    }

    /// Takes a record of its past; gives back what a commit says.
    pub(super) fn take<O: DeserializeOwned>(
        &mut self,
        record: Record<'_>,
    ) -> Result<Option<(CommitHead, MarksOf<P>, O)>, Unreadable> {
        match record {
            Record::Identity(payload) => self.check_identity(payload)?,
            Record::Entries { operator, payload } => {
                self.tables.read(operator, payload).map_err(|error| match error {
                    EntryError::Unreadable => Unreadable::Entry,
                    EntryError::TooSmall { slots } => Unreadable::TooSmall { slots },
                })?;
            }
            Record::Commit { payload, .. } => {
                let (commit, rest) = postcard::take_from_bytes(payload).map_err(|_| Unreadable::Offset)?;
                if !rest.is_empty() {
                    return Err(Unreadable::Offset);
                }
                return Ok(Some(commit));
            }
        }
        Ok(None)
    }

    /// Goes on where a commit says that the query was, once all records are in the tables.
    pub(super) fn go_on_from(&mut self, head: &CommitHead, marks: MarksOf<P>) {
        self.epoch = head.epoch;
        self.watermark = head.watermark;
        self.now = head.now;
        self.arrived = head.arrived;
        self.taken = head.taken;
        self.became = head.became;
        self.rows = head.rows;
        self.marks = marks;
        let epoch = self.epoch_at(self.watermark, self.watermark);
        self.plan.operator().restored(&mut self.tables, &epoch);
        self.tables.rebuild();
    }

    fn check_identity(&self, payload: &[u8]) -> Result<(), Unreadable> {
        let found = Identity::decode(payload).ok_or(Unreadable::Identity)?;
        match Identity::of(self.plan).difference(&found) {
            Some(difference) => Err(Unreadable::Other(difference)),
            None => Ok(()),
        }
    }
}

/// The tables' entries, on their way into the log.
struct Entries<'w, 'l, S, const BUFFER: usize>(&'w mut EpochWriter<'l, S, BUFFER>);

impl<S: LogStorage, const BUFFER: usize> EntrySink for Entries<'_, '_, S, BUFFER> {
    type Error = checkpoint::CommitError<S::Error>;

    fn entry<T: Serialize>(&mut self, table: u8, entry: &T) -> Result<(), Self::Error> {
        self.0.entry(table, entry)
    }
}

/// A commit did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CommitError<E> {
    /// A trigger is unfinished, or in update mode results wait for one: call [`Query::trigger`] first.
    Unfinished,
    /// The log holds epochs that are not this query's past: another query's, or its own from before a restart that left
    /// [`Query::restore`] out. An empty log takes any query.
    NotRestored,
    /// The log could not take it.
    Log(checkpoint::CommitError<E>),
}

impl<E: fmt::Debug> fmt::Display for CommitError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfinished => f.write_str("results wait for a trigger: call it before the commit"),
            Self::NotRestored => f.write_str("the log holds epochs that are not this query's past: restore from it at the start, or use another log"),
            Self::Log(error) => write!(f, "the checkpoint log could not take the epoch: {error}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for CommitError<E> {}

/// Why a payload of the log cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Unreadable {
    /// The identity of the query is no such thing.
    Identity,
    /// An entry of the state is not of this query's types.
    Entry,
    /// A commit record is not of this query's offset type. Types whose bytes look alike (`u32` and `u64`) cannot be told apart.
    Offset,
    /// The state has fewer slots than the log needs.
    TooSmall {
        /// A slot of this number, counted from 1, is in use in the log.
        slots: u32,
    },
    /// The log is another query's.
    Other(Difference),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity => f.write_str("the record that names the query cannot be decoded"),
            Self::Entry => f.write_str("an entry of the state cannot be decoded"),
            Self::Offset => {
                f.write_str("a commit record cannot be decoded: it was made with another type of offset")
            }
            Self::TooSmall { slots } => {
                write!(
                    f,
                    "the log has a record in slot {slots}: raise the capacity of the state to that or more"
                )
            }
            Self::Other(difference) => write!(f, "it belongs to a query with another {difference}"),
        }
    }
}

/// State could not be brought back. The log is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RestoreError<E> {
    /// The query has taken rows or ended epochs: it can only be restored right after it was bound.
    Started,
    /// The log belongs to another query.
    OtherQuery(Difference),
    /// A record is intact but cannot be used.
    Unreadable(Unreadable),
    /// The log has been damaged since it was opened.
    Corrupted {
        /// The sector.
        sector: u32,
        /// The byte in it.
        offset: u32,
    },
    /// The storage could not be read.
    Storage(E),
}

impl<E: fmt::Debug> fmt::Display for RestoreError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => f.write_str("the query has started: restore it right after it is bound"),
            Self::OtherQuery(difference) => {
                write!(f, "the log belongs to another query: not the same {difference}")
            }
            Self::Unreadable(unreadable) => write!(f, "the log cannot be used: {unreadable}"),
            Self::Corrupted { sector, offset } => {
                write!(f, "the log is damaged in sector {sector} at byte {offset}")
            }
            Self::Storage(error) => write!(f, "the log's storage cannot be read: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for RestoreError<E> {}
