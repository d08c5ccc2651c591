//! Save and load: a running query moves from one machine to another as a stream of bytes.
//!
//! The bytes are specified in `docs/FORMAT.md`, *Stream*.

use core::fmt;

use embedded_io::{Read, Write};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::checkpoint::{Checkpointed, CommitPayload, Unreadable, take_offset, take_record};
use super::identity::{Difference, IdentityOf};
use super::phase::Phase;
use super::plan::QueryPlan;
use super::run::Query;
use crate::checkpoint::{StreamError, StreamReadError, StreamWriteError, StreamWriter, read_stream};
use crate::state::{SlotIndex, Stopped, Tables};

impl<P: QueryPlan, I: SlotIndex> Query<'_, P, I> {
    /// Writes the whole state and `offset`, what the caller needs to go on from here, to `writer`, and flushes it.
    ///
    /// The query is as it was: it can go on here, and its next commit writes what it would have written. Values go through `buffer`, at
    /// least 64 bytes; its length, at most 32,768, is that of the longest record, which [`Query::load`] must have room for. 256 bytes suffice for
    /// what the query says of itself in any case (186, and its inputs' marks), if the offset and each entry of the state are small.
    ///
    /// ```
    /// use headwater::aggregate::{Count, count};
    /// use headwater::{QueryPlan, Span, Stream, Timestamp, WindowState, window::Tumbling};
    ///
    /// let plan = Stream::<Timestamp>::new()
    ///     .with_watermark(|at| *at, Span::secs(5))
    ///     .window(Tumbling::of(Span::mins(1)))
    ///     .aggregate(count())
    ///     .append();
    /// let mut on_the_device = WindowState::<(), Count, 4>::default();
    /// let mut query = plan.bind(&mut on_the_device);
    /// query.push(Timestamp::from_secs(10))?;
    ///
    /// let mut wire = [0; 256];
    /// let room = wire.len();
    /// let mut writer = wire.as_mut_slice();
    /// query.save(&mut writer, &mut [0; 64], &1_u32)?;
    /// let used = room - writer.len();
    ///
    /// // Elsewhere, with room for more.
    /// let mut on_the_desktop = WindowState::<(), Count, 100>::default();
    /// let mut query = plan.bind(&mut on_the_desktop);
    /// let next_row: u32 = query.load(&wire[..used], &mut [0; 64])?;
    /// assert_eq!(next_row, 1);
    /// query.push(Timestamp::from_secs(20))?;
    /// let mut counted = Vec::new();
    /// query.drain(Timestamp::EPOCH, |window| counted.push(window.value))?;
    /// assert_eq!(counted, [2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SaveError`]; what has been written until then is no whole stream, and is refused by [`Query::load`].
    pub fn save<O: Serialize, W: Write>(
        &self,
        writer: W,
        buffer: &mut [u8],
        offset: &O,
    ) -> Result<(), SaveError<W::Error>> {
        // As for a commit: which groups have changed results is not in the stream.
        if self.phase != Phase::Idle || self.tables.has_changed() {
            return Err(SaveError::Unfinished);
        }
        let number = self.committed.map_or(0, |past| past.epoch);
        self.write_stream(writer, buffer, number, offset).map_err(SaveError::Stream)
    }

    fn write_stream<O: Serialize, W: Write>(
        &self,
        writer: W,
        buffer: &mut [u8],
        number: u64,
        offset: &O,
    ) -> Result<(), StreamWriteError<W::Error>> {
        let mut writer = StreamWriter::begin(writer, buffer)?;
        writer.identity(&IdentityOf(self))?;
        let mut written = Ok(());
        let stopped = self.write_tables(true, &mut |table, entries| {
            written = writer.entries(table, entries);
            if written.is_ok() { Ok(()) } else { Err(Stopped) }
        });
        // The sink stops for no other reason than its own error.
        if stopped.is_err() {
            return written;
        }
        writer.commit(number, &CommitPayload { query: self, offset: &offset })
    }

    /// Takes over what [`Query::save`] wrote, of the same query with state of any capacity that has the highest slot in use, and returns the offset saved
    /// with it. Reads no further than that.
    ///
    /// The query goes on as the saved one would have. Records are decoded one by one into the bound state. The query belongs to no log
    /// yet: its first commit must go to an empty one.
    ///
    /// # Errors
    /// [`LoadError`]; the query is as [`bind`](QueryPlan::bind) made it, or untouched if it had started.
    pub fn load<O: DeserializeOwned, R: Read>(
        &mut self,
        reader: R,
        buffer: &mut [u8],
    ) -> Result<O, LoadError<R::Error>> {
        if self.has_started() {
            return Err(LoadError::Started);
        }
        // Of what was seeded.
        self.tables.clear();
        let mut offset = None;
        let read = read_stream(reader, buffer, |record| {
            take_record(self, record, &mut |payload| take_offset(payload, &mut offset)).map(|_| ())
        });
        let error = match (read, offset) {
            (Ok(()), Some(offset)) => {
                self.rebuild();
                return Ok(offset);
            }
            (Ok(()), None) => LoadError::Unreadable(Unreadable::Offset),
            (Err(StreamError::Taken(Unreadable::Other(difference))), _) => LoadError::OtherQuery(difference),
            (Err(StreamError::Taken(unreadable)), _) => LoadError::Unreadable(unreadable),
            (Err(StreamError::Stream(error)), _) => LoadError::Stream(error),
        };
        self.reset();
        Err(error)
    }
}

/// State was not saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SaveError<E> {
    /// A trigger is unfinished, or in update mode results wait for one: call [`Query::trigger`] first.
    Unfinished,
    /// The stream could not be written.
    Stream(StreamWriteError<E>),
}

impl<E: fmt::Debug> fmt::Display for SaveError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfinished => f.write_str("results wait for a trigger: call it before saving"),
            Self::Stream(error) => write!(f, "the state cannot be saved: {error}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for SaveError<E> {}

/// State could not be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LoadError<E> {
    /// The query has taken rows or ended epochs: it can only be loaded right after it was bound.
    Started,
    /// The stream holds another query.
    OtherQuery(Difference),
    /// A record is intact but cannot be used.
    Unreadable(Unreadable),
    /// The stream is damaged, cut off, or none at all.
    Stream(StreamReadError<E>),
}

impl<E: fmt::Debug> fmt::Display for LoadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => f.write_str("the query has started: load it right after it is bound"),
            Self::OtherQuery(difference) => {
                write!(f, "the saved state is another query's: not the same {difference}")
            }
            Self::Unreadable(unreadable) => write!(f, "the saved state cannot be used: {unreadable}"),
            Self::Stream(error) => write!(f, "the saved state cannot be read: {error}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for LoadError<E> {}
