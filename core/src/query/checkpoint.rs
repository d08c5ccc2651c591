//! Commit and restore: a query's state in the checkpoint log.
//!
//! The bytes are specified in `docs/FORMAT.md`. What a query's types decide is behind [`Checkpointed`], so that the rest is compiled once
//! for each kind of log and not once for each query.

use core::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::identity::{self, Difference, Identified, IdentityOf};
use super::phase::Phase;
use super::plan::QueryPlan;
use super::progress::RowCounts;
use super::run::{MarksOf, Query};
use crate::checkpoint::{self, EpochKind, Log, LogStorage, Past, Record, ReplayError};
use crate::codec::{self, DecodeError, Decoder, Encode, EncodeError, Encoder};
use crate::operator::{Operator, OperatorIdentity, OutputMode, Taken};
use crate::state::{EntryError, EntrySink, SlotIndex, Stopped, Tables, fingerprint};
use crate::time::Timestamp;

/// What a commit record says of the query, before the caller's offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CommitHead {
    /// Epochs ended.
    pub epoch: u64,
    /// The watermark.
    pub watermark: Option<Timestamp>,
    /// The processing time of the last trigger.
    pub now: Option<Timestamp>,
    /// Rows that the first operator has taken: the number in the order of arrival of the last one.
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
        codec::take(payload).ok()
    }

    /// Encodes as its `Serialize` does; the counts in a loop, which is less code.
    fn encode_fields(&self, encoder: &mut Encoder<'_>) -> Result<(), EncodeError> {
        self.epoch.encode(encoder)?;
        self.watermark.encode(encoder)?;
        self.now.encode(encoder)?;
        self.arrived.encode(encoder)?;
        self.taken.encode(encoder)?;
        self.became.encode(encoder)?;
        let mut rows = self.rows;
        rows.in_order().into_iter().try_for_each(|count| count.encode(encoder))
    }

    /// Takes what [`CommitHead::encode_fields`] has encoded, each field to its place.
    fn take_fields(&mut self, decoder: &mut Decoder<'_>) -> Result<(), DecodeError> {
        self.epoch = decoder.take()?;
        self.watermark = decoder.take()?;
        self.now = decoder.take()?;
        self.arrived = decoder.take()?;
        self.taken = decoder.take()?;
        self.became = decoder.take()?;
        self.rows.in_order().into_iter().try_for_each(|count| {
            *count = decoder.take()?;
            Ok(())
        })
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
        let kind = commit(self, self.committed, log, &offset)?;
        self.committed = log.past();
        self.tables.committed();
        Ok(kind)
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
        let mut last = None;
        restore(self, log, &mut |payload| take_offset(payload, &mut last))?;
        self.committed = log.past();
        Ok(last)
    }

    /// Whether it has taken rows, ended epochs or been restored.
    pub(super) fn has_started(&self) -> bool {
        self.head.rows.rows_in > 0 || self.committed.is_some() || self.head.epoch > 0
    }
}

/// Takes the caller's offset, which must be all that is left of a commit.
pub(super) fn take_offset<O: DeserializeOwned>(
    payload: &[u8],
    offset: &mut Option<O>,
) -> Result<(), DecodeError> {
    let (taken, rest) = codec::take(payload)?;
    *offset = Some(taken);
    if rest.is_empty() { Ok(()) } else { Err(DecodeError) }
}

/// A query as commit and restore see it.
pub(super) trait Checkpointed: Identified {
    fn head(&self) -> &CommitHead;
    fn head_mut(&mut self) -> &mut CommitHead;

    fn encode_marks(&self, encoder: &mut Encoder<'_>) -> Result<(), EncodeError>;
    /// Takes the marks from the front of a payload.
    fn take_marks<'b>(&mut self, payload: &'b [u8]) -> Result<&'b [u8], DecodeError>;

    fn write_tables(&self, all: bool, sink: &mut EntrySink<'_>) -> Result<(), Stopped>;
    fn read_table(&mut self, table: u8, payload: &[u8]) -> Result<(), EntryError>;

    /// Empties the tables, also of what was seeded.
    fn clear(&mut self);
    /// Works out what is not in the log.
    fn rebuild(&mut self);
    /// Back to the beginning.
    fn reset(&mut self);
}

impl<P: QueryPlan, I: SlotIndex> Identified for Query<'_, P, I> {
    fn name(&self) -> (&str, u32) {
        self.plan.name()
    }

    fn mode(&self) -> OutputMode {
        self.plan.mode()
    }

    fn inputs(&self) -> u32 {
        fingerprint::<MarksOf<P>>()
    }

    fn operators(&self, tell: &mut dyn FnMut(OperatorIdentity)) {
        self.plan.operator().identify(&mut |operator| tell(operator));
    }
}

impl<P: QueryPlan, I: SlotIndex> Checkpointed for Query<'_, P, I> {
    fn head(&self) -> &CommitHead {
        &self.head
    }

    fn head_mut(&mut self) -> &mut CommitHead {
        &mut self.head
    }

    fn encode_marks(&self, encoder: &mut Encoder<'_>) -> Result<(), EncodeError> {
        self.marks.encode(encoder)
    }

    fn take_marks<'b>(&mut self, payload: &'b [u8]) -> Result<&'b [u8], DecodeError> {
        let (marks, rest) = codec::take(payload)?;
        self.marks = marks;
        Ok(rest)
    }

    fn write_tables(&self, all: bool, sink: &mut EntrySink<'_>) -> Result<(), Stopped> {
        self.tables.write(all, 0, sink)
    }

    fn read_table(&mut self, table: u8, payload: &[u8]) -> Result<(), EntryError> {
        self.tables.read(table, payload)
    }

    fn clear(&mut self) {
        self.tables.clear();
    }

    fn rebuild(&mut self) {
        let epoch = self.epoch_at(self.head.watermark, self.head.watermark);
        self.plan.operator().restored(&mut self.tables, &epoch);
        self.tables.rebuild();
    }

    fn reset(&mut self) {
        Query::reset(self);
    }
}

/// What a commit frame holds after the log's own fields.
pub(super) struct CommitPayload<'c> {
    pub(super) query: &'c dyn Checkpointed,
    pub(super) offset: &'c dyn Encode,
}

impl Encode for CommitPayload<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) -> Result<(), EncodeError> {
        self.query.head().encode_fields(encoder)?;
        self.query.encode_marks(encoder)?;
        self.offset.encode(encoder)
    }
}

fn commit<S: LogStorage, const BUFFER: usize>(
    query: &dyn Checkpointed,
    committed: Option<Past>,
    log: &mut Log<S, BUFFER>,
    offset: &dyn Encode,
) -> Result<EpochKind, CommitError<S::Error>> {
    // What the log ends with is this query's last commit, or there is nothing: so it is no other query's.
    if !log.is_empty() && log.past() != committed {
        return Err(CommitError::NotRestored);
    }
    let number = committed.map_or(1, |last| last.epoch.wrapping_add(1));
    let mut kind =
        if log.is_empty() || log.wants_snapshot() { EpochKind::Snapshot } else { EpochKind::Delta };
    loop {
        match write(query, number, log, kind, offset) {
            Err(checkpoint::CommitError::NeedsSnapshot) if kind == EpochKind::Delta => {
                kind = EpochKind::Snapshot;
            }
            written => return written.map(|()| kind).map_err(CommitError::Log),
        }
    }
}

fn write<S: LogStorage, const BUFFER: usize>(
    query: &dyn Checkpointed,
    number: u64,
    log: &mut Log<S, BUFFER>,
    kind: EpochKind,
    offset: &dyn Encode,
) -> Result<(), checkpoint::CommitError<S::Error>> {
    let mut writer = log.begin(kind)?;
    if kind == EpochKind::Snapshot {
        writer.encode_identity(&IdentityOf(query))?;
    }
    let mut written = Ok(());
    let stopped = query.write_tables(kind == EpochKind::Snapshot, &mut |table, entries| {
        written = writer.encode_entries(table, entries);
        if written.is_ok() { Ok(()) } else { Err(Stopped) }
    });
    // The sink stops for no other reason than its own error.
    if stopped.is_err() {
        return written;
    }
    writer.encode_commit(number, &CommitPayload { query, offset })
}

/// Takes the offset from what is left of a commit's payload.
pub(super) type TakeOffset<'t> = dyn FnMut(&[u8]) -> Result<(), DecodeError> + 't;

fn restore<S: LogStorage, const BUFFER: usize>(
    query: &mut dyn Checkpointed,
    log: &mut Log<S, BUFFER>,
    take_offset: &mut TakeOffset<'_>,
) -> Result<(), RestoreError<S::Error>> {
    if log.is_empty() {
        return Ok(());
    }
    query.clear();
    let mut committed = false;
    let replayed = log.replay_to(&mut |record| {
        committed |= take_record(query, record, take_offset)?;
        Ok(())
    });
    let error = match replayed {
        Ok(()) if committed => {
            query.rebuild();
            return Ok(());
        }
        Ok(()) => RestoreError::Unreadable(Unreadable::Offset),
        Err(ReplayError::Record(Unreadable::Other(difference))) => RestoreError::OtherQuery(difference),
        Err(ReplayError::Record(unreadable)) => RestoreError::Unreadable(unreadable),
        Err(ReplayError::Corrupted { sector, offset }) => RestoreError::Corrupted { sector, offset },
        Err(ReplayError::Storage(error)) => RestoreError::Storage(error),
    };
    query.reset();
    Err(error)
}

/// Takes a record of the query's past, and says whether it was a commit. What is not in the records is worked out by
/// [`Checkpointed::rebuild`], once all are taken.
pub(super) fn take_record(
    query: &mut dyn Checkpointed,
    record: Record<'_>,
    take_offset: &mut TakeOffset<'_>,
) -> Result<bool, Unreadable> {
    match record {
        Record::Identity(payload) => match identity::difference(query, payload) {
            None => Ok(false),
            Some(difference) => Err(Unreadable::Other(difference)),
        },
        Record::Entries { operator, payload } => {
            query.read_table(operator, payload).map(|()| false).map_err(|error| match error {
                EntryError::Unreadable => Unreadable::Entry,
                EntryError::TooSmall { slots } => Unreadable::TooSmall { slots },
            })
        }
        Record::Commit { payload, .. } => {
            read_commit(query, payload, take_offset).map(|()| true).map_err(|DecodeError| Unreadable::Offset)
        }
    }
}

#[inline(never)]
fn read_commit(
    query: &mut dyn Checkpointed,
    payload: &[u8],
    take_offset: &mut TakeOffset<'_>,
) -> Result<(), DecodeError> {
    let mut decoder = Decoder::new(payload);
    query.head_mut().take_fields(&mut decoder)?;
    take_offset(query.take_marks(decoder.rest())?)
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
