//! One snapshot as a stream of bytes: the records of a log without a flash under them.
//!
//! Bytes: `docs/FORMAT.md`, *Stream*.

use core::fmt;

use embedded_io::{Read, ReadExactError, Write};

use super::frame::{COMMIT_BYTES, CommitFields, FRAME_HEADER_BYTES, Frame, FrameKind, Place};
use super::log::EpochKind;
use super::replay::{self, Record};
use super::sector::{u16_at, u32_at};
use crate::codec::{Encode, EncodeEach, Encoder, One};
use crate::crc::Crc;

/// Version of the stream's format.
pub const STREAM_VERSION: u16 = 1;

const MAGIC: [u8; 4] = *b"HWST";
const HEADER_BYTES: usize = 12;
/// What a snapshot can be told with: a commit and some entries.
const BUFFER_BYTES_MIN: usize = 64;

/// A snapshot could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum StreamWriteError<E> {
    /// The buffer has fewer than 64 bytes.
    BufferTooSmall,
    /// One value takes more bytes than the buffer has.
    EntryTooLarge {
        /// The most bytes one value may take.
        limit: u32,
    },
    /// `Serialize` itself failed (for example a sequence of unknown length).
    NotSerializable,
    /// More than 4 GiB.
    TooLong,
    /// The writer failed.
    Writer(E),
}

impl<E: fmt::Debug> fmt::Display for StreamWriteError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall => write!(f, "the buffer has less than {BUFFER_BYTES_MIN} B"),
            Self::EntryTooLarge { limit } => write!(f, "a value takes more than the {limit} B of the buffer"),
            Self::NotSerializable => f.write_str("a value cannot be serialized"),
            Self::TooLong => f.write_str("the state takes more than 4 GiB"),
            Self::Writer(error) => write!(f, "the writer failed: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for StreamWriteError<E> {}

/// A stream cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum StreamReadError<E> {
    /// It does not begin as a saved state.
    NotAState,
    /// Written by a later release.
    NewerFormat {
        /// Version of the stream.
        found: u16,
        /// Newest version this release reads.
        supported: u16,
    },
    /// It ends before its commit, or the length of a record is damaged.
    CutOff {
        /// Where the record begins that is not whole, in bytes.
        at: u32,
    },
    /// A record is damaged.
    Damaged {
        /// Where it begins, in bytes.
        at: u32,
    },
    /// A record holds more bytes than the buffer, or its length is damaged.
    BufferTooSmall {
        /// Bytes of the record.
        needed: u16,
    },
    /// The reader failed.
    Reader(E),
}

impl<E: fmt::Debug> fmt::Display for StreamReadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAState => f.write_str("it does not begin as a saved state"),
            Self::NewerFormat { found, supported } => {
                write!(f, "it has format {found}, this release reads up to {supported}")
            }
            Self::CutOff { at } => write!(f, "it ends in the record at byte {at}: the rest is missing"),
            Self::Damaged { at } => write!(f, "the record at byte {at} is damaged"),
            Self::BufferTooSmall { needed } => {
                write!(f, "it holds a record of {needed} B: give a buffer of that or more")
            }
            Self::Reader(error) => write!(f, "the reader failed: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for StreamReadError<E> {}

/// Writes one snapshot. Values gather in the buffer; a full one goes out as a record.
pub(crate) struct StreamWriter<'b, W> {
    writer: W,
    buffer: &'b mut [u8],
    /// Kind and table of the record that gathers in the buffer.
    pending: Option<(FrameKind, u8)>,
    pending_bytes: usize,
    offset: u32,
    frames: u32,
    frames_crc: Crc,
}

impl<'b, W: Write> StreamWriter<'b, W> {
    /// Begins a stream. Of `buffer`, 32,768 bytes are used at most.
    pub(crate) fn begin(mut writer: W, buffer: &'b mut [u8]) -> Result<Self, StreamWriteError<W::Error>> {
        let length = buffer.len().min(usize::from(super::frame::PAYLOAD_BYTES_MAX));
        let buffer = buffer.get_mut(..length).unwrap_or_default();
        if buffer.len() < BUFFER_BYTES_MIN {
            return Err(StreamWriteError::BufferTooSmall);
        }
        writer.write_all(&header()).map_err(StreamWriteError::Writer)?;
        let frames_crc = Crc::new();
        let offset = HEADER_BYTES as u32;
        Ok(Self { writer, buffer, pending: None, pending_bytes: 0, offset, frames: 0, frames_crc })
    }

    pub(crate) fn identity(&mut self, value: &dyn Encode) -> Result<(), StreamWriteError<W::Error>> {
        self.push(FrameKind::Identity, 0, &mut One(value))
    }

    pub(crate) fn entries(
        &mut self,
        table: u8,
        values: &mut dyn EncodeEach,
    ) -> Result<(), StreamWriteError<W::Error>> {
        self.push(FrameKind::Entries, table, values)
    }

    /// Ends the stream, and flushes the writer.
    pub(crate) fn commit(mut self, epoch: u64, value: &dyn Encode) -> Result<(), StreamWriteError<W::Error>> {
        self.flush()?;
        let (bytes, true) = self.encode(&mut One(value), COMMIT_BYTES)? else {
            let limit = self.buffer.len().saturating_sub(COMMIT_BYTES) as u32;
            return Err(StreamWriteError::EntryTooLarge { limit });
        };
        let frames_crc = self.frames_crc.value();
        let fields = CommitFields { epoch, kind: EpochKind::Snapshot, frames: self.frames, frames_crc };
        fields.encode(self.buffer.get_mut(..COMMIT_BYTES).unwrap_or_default());
        self.write_frame(FrameKind::Commit, 0, bytes.saturating_add(COMMIT_BYTES))?;
        self.writer.flush().map_err(StreamWriteError::Writer)
    }

    fn push(
        &mut self,
        kind: FrameKind,
        table: u8,
        values: &mut dyn EncodeEach,
    ) -> Result<(), StreamWriteError<W::Error>> {
        if self.pending.is_some_and(|pending| pending != (kind, table)) {
            self.flush()?;
        }
        // Each round but the first puts a value into an empty buffer, or is the last.
        loop {
            let empty = self.pending.is_none();
            let (bytes, all) = self.encode(values, self.pending_bytes)?;
            if bytes > 0 || all {
                self.pending = Some((kind, table));
                self.pending_bytes = self.pending_bytes.saturating_add(bytes);
            } else if empty {
                return Err(StreamWriteError::EntryTooLarge { limit: self.buffer.len() as u32 });
            }
            if all {
                return Ok(());
            }
            self.flush()?;
        }
    }

    /// Encodes into the buffer from `at`. Returns the bytes it took, and whether those were all values.
    fn encode(
        &mut self,
        values: &mut dyn EncodeEach,
        at: usize,
    ) -> Result<(usize, bool), StreamWriteError<W::Error>> {
        let mut encoder = Encoder::new(self.buffer.get_mut(at..).unwrap_or_default());
        let all = values.encode_each(&mut encoder).map_err(|_| StreamWriteError::NotSerializable)?;
        Ok((encoder.used(), all))
    }

    fn flush(&mut self) -> Result<(), StreamWriteError<W::Error>> {
        let Some((kind, table)) = self.pending.take() else { return Ok(()) };
        let crc = self.write_frame(kind, table, self.pending_bytes)?;
        self.pending_bytes = 0;
        self.frames = self.frames.saturating_add(1);
        self.frames_crc.update_u32(crc);
        Ok(())
    }

    fn write_frame(
        &mut self,
        kind: FrameKind,
        table: u8,
        length: usize,
    ) -> Result<u32, StreamWriteError<W::Error>> {
        let payload = self.buffer.get(..length).unwrap_or(&[]);
        let frame = Frame::new(kind, table, 0, place(self.offset), payload);
        let offset = self.offset.checked_add(FRAME_HEADER_BYTES.saturating_add(length as u32));
        self.offset = offset.ok_or(StreamWriteError::TooLong)?;
        for part in [&frame.prefix()[..], &frame.crc.to_le_bytes(), payload] {
            self.writer.write_all(part).map_err(StreamWriteError::Writer)?;
        }
        Ok(frame.crc)
    }
}

/// Reads one snapshot and hands out its records, each verified: an identity, entries, and at last the commit, which is given to `take` only
/// if all before it is there. Reads no further than that.
pub(crate) fn read<R: Read, T>(
    mut reader: R,
    buffer: &mut [u8],
    mut take: impl FnMut(Record<'_>) -> Result<(), T>,
) -> Result<(), StreamError<T, R::Error>> {
    read_header(&mut reader)?;
    let (mut frames, mut frames_crc) = (0_u32, Crc::new());
    let mut at = HEADER_BYTES as u32;
    // Ends with the commit or the stream: each record takes bytes of it, and none begins beyond 4 GiB.
    while at < u32::MAX {
        let frame = read_frame(&mut reader, at, buffer)?;
        let damaged = StreamError::Stream(StreamReadError::Damaged { at });
        if frame.tag != 0 || (frames == 0) != (frame.kind == FrameKind::Identity) {
            return Err(damaged);
        }
        let record = replay::record(&frame, buffer);
        if frame.kind == FrameKind::Commit {
            let fields = CommitFields::decode(&frame, buffer);
            let whole = |fields: CommitFields| {
                fields.kind == EpochKind::Snapshot
                    && fields.frames == frames
                    && fields.frames_crc == frames_crc.value()
            };
            let record = record.filter(|_| fields.is_some_and(whole));
            let Some(record) = record else { return Err(damaged) };
            return take(record).map_err(StreamError::Taken);
        }
        let Some(record) = record else { return Err(damaged) };
        take(record).map_err(StreamError::Taken)?;
        frames = frames.saturating_add(1);
        frames_crc.update_u32(frame.crc);
        at = at.saturating_add(FRAME_HEADER_BYTES).saturating_add(u32::from(frame.length));
    }
    Err(StreamError::Stream(StreamReadError::Damaged { at }))
}

/// The stream's error or the closure's.
pub(crate) enum StreamError<T, E> {
    Taken(T),
    Stream(StreamReadError<E>),
}

fn header() -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    let mut crc = Crc::new();
    let fields = MAGIC.into_iter().chain(STREAM_VERSION.to_le_bytes()).chain([0, 0]);
    for (place, byte) in bytes.iter_mut().zip(fields) {
        crc.update(&[byte]);
        *place = byte;
    }
    super::storage::copy(bytes.get_mut(8..).unwrap_or_default(), &crc.value().to_le_bytes());
    bytes
}

fn read_header<R: Read, T>(reader: &mut R) -> Result<(), StreamError<T, R::Error>> {
    let mut found = [0; HEADER_BYTES];
    read_exact(reader, &mut found, 0)?;
    let mut crc = Crc::new();
    crc.update(found.get(..8).unwrap_or_default());
    let version = u16_at(&found, 4);
    Err(StreamError::Stream(if !found.starts_with(&MAGIC) || crc.value() != u32_at(&found, 8) {
        StreamReadError::NotAState
    } else if version > STREAM_VERSION {
        StreamReadError::NewerFormat { found: version, supported: STREAM_VERSION }
    } else if found == header() {
        return Ok(());
    } else {
        StreamReadError::NotAState
    }))
}

fn read_frame<R: Read, T>(
    reader: &mut R,
    at: u32,
    buffer: &mut [u8],
) -> Result<Frame, StreamError<T, R::Error>> {
    let mut header = [0; FRAME_HEADER_BYTES as usize];
    read_exact(reader, &mut header, at)?;
    let damaged = || StreamError::Stream(StreamReadError::Damaged { at });
    let frame = Frame::decode(&header).ok_or_else(damaged)?;
    let payload = buffer.get_mut(..usize::from(frame.length));
    let payload =
        payload.ok_or(StreamError::Stream(StreamReadError::BufferTooSmall { needed: frame.length }))?;
    read_exact(reader, payload, at)?;
    let same = Frame::new(frame.kind, frame.operator, frame.tag, place(at), payload);
    if same == frame { Ok(frame) } else { Err(damaged()) }
}

fn read_exact<R: Read, T>(reader: &mut R, bytes: &mut [u8], at: u32) -> Result<(), StreamError<T, R::Error>> {
    reader.read_exact(bytes).map_err(|error| {
        StreamError::Stream(match error {
            ReadExactError::UnexpectedEof => StreamReadError::CutOff { at },
            ReadExactError::Other(error) => StreamReadError::Reader(error),
        })
    })
}

/// A record is valid only where it was written: at this offset of the stream.
fn place(offset: u32) -> Place {
    Place { sector: 0, sequence: 0, offset }
}
