//! What can go wrong, one enum per operation.

use core::fmt;

/// A storage whose sizes the log cannot work with, or a log written with other sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum GeometryError {
    /// `READ_SIZE` in bytes: must be a power of two of at most 64.
    ReadSize(usize),
    /// `WRITE_SIZE` in bytes: must be a power of two of at most 16.
    WriteSize(usize),
    /// `ERASE_SIZE` in bytes: must be a power of two from 256 B to 1 MiB.
    EraseSize(usize),
    /// The capacity in bytes: must be 2 to 65,535 whole erase sectors below 4 GiB.
    Capacity(usize),
    /// The log on this storage was written with other sizes (all in bytes, `sectors` in number).
    Written {
        /// `WRITE_SIZE` of the storage it was written on.
        write_size: u8,
        /// `ERASE_SIZE` of the storage it was written on.
        erase_size: u32,
        /// Number of erase sectors of the storage it was written on.
        sectors: u16,
    },
}

impl fmt::Display for GeometryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadSize(found) => write!(f, "read size of {found} B, need a power of two up to 64 B"),
            Self::WriteSize(found) => write!(f, "write size of {found} B, need a power of two up to 16 B"),
            Self::EraseSize(found) => {
                write!(f, "erase size of {found} B, need a power of two from 256 B to 1 MiB")
            }
            Self::Capacity(found) => {
                write!(f, "capacity of {found} B, need 2 to 65535 whole erase sectors below 4 GiB")
            }
            Self::Written { write_size, erase_size, sectors } => write!(
                f,
                "the log was written on {sectors} sectors of {erase_size} B with a write size of {write_size} B"
            ),
        }
    }
}

impl core::error::Error for GeometryError {}

/// Why a log cannot be opened. The storage is left as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OpenError<E> {
    /// The storage does not suit, or the log was written on one of other sizes.
    Geometry(GeometryError),
    /// Written by a later release.
    NewerFormat {
        /// Format version of the log.
        found: u16,
        /// Newest format version this release reads.
        supported: u16,
    },
    /// A record holds more bytes than this log's `BUFFER`.
    BufferTooSmall {
        /// Bytes of the record.
        needed: u16,
        /// Bytes of the buffer.
        buffer: u32,
    },
    /// Damage that no power cut can have caused, or not a log at all.
    Corrupted {
        /// Number of the erase sector, from 0.
        sector: u32,
        /// Offset in the sector, in bytes.
        offset: u32,
    },
    /// The storage failed.
    Storage(E),
}

impl<E: fmt::Debug> fmt::Display for OpenError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Geometry(error) => write!(f, "the storage does not fit the checkpoint log: {error}"),
            Self::NewerFormat { found, supported } => {
                write!(f, "the checkpoint log has format {found}, this release reads up to {supported}")
            }
            Self::BufferTooSmall { needed, buffer } => {
                write!(f, "the checkpoint log holds a record of {needed} B, the buffer has {buffer} B")
            }
            Self::Corrupted { sector, offset } => {
                write!(f, "the checkpoint log is damaged in sector {sector} at byte {offset}")
            }
            Self::Storage(error) => write!(f, "the storage of the checkpoint log failed: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for OpenError<E> {}

/// Why an epoch was not committed. The log stays usable at its last commit: drop the writer and begin again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum CommitError<E> {
    /// A delta has no room left (or the log has no snapshot yet): begin a snapshot instead.
    NeedsSnapshot,
    /// The snapshot is larger than half of the log, the most one may take; see the sizing rule in
    /// `docs/FORMAT.md`. The last commit is intact.
    Full {
        /// Room for one snapshot in bytes, records and their headers together.
        room: u32,
    },
    /// One value takes more bytes than a record can hold.
    EntryTooLarge {
        /// The most bytes one value may take.
        limit: u32,
    },
    /// `Serialize` itself failed (for example a sequence of unknown length).
    NotSerializable,
    /// The identity is not the first record of a snapshot.
    IdentityMisplaced,
    /// An earlier call on this writer failed; the epoch is given up.
    Abandoned,
    /// More than 2^32 sectors have been opened in the life of this log.
    Exhausted,
    /// The storage failed.
    Storage(E),
}

impl<E: fmt::Debug> fmt::Display for CommitError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeedsSnapshot => write!(f, "no room for a delta, a snapshot is needed"),
            Self::Full { room } => {
                write!(f, "the state does not fit: a snapshot may take {room} B of this checkpoint log")
            }
            Self::EntryTooLarge { limit } => write!(f, "a value takes more than the {limit} B of a record"),
            Self::NotSerializable => write!(f, "a value cannot be serialized"),
            Self::IdentityMisplaced => write!(f, "an identity must be the first record of a snapshot"),
            Self::Abandoned => write!(f, "the epoch was given up after an earlier error"),
            Self::Exhausted => write!(f, "the checkpoint log has used up its sector numbers"),
            Self::Storage(error) => write!(f, "the storage of the checkpoint log failed: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for CommitError<E> {}

/// Why a replay stopped: `R` is the error of the caller's closure, `E` that of the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ReplayError<R, E> {
    /// The caller's closure refused a record.
    Record(R),
    /// The log was valid when it was opened and is not any more.
    Corrupted {
        /// Number of the erase sector, from 0.
        sector: u32,
        /// Offset in the sector, in bytes.
        offset: u32,
    },
    /// The storage failed.
    Storage(E),
}

impl<R: fmt::Display, E: fmt::Debug> fmt::Display for ReplayError<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(error) => write!(f, "a record of the checkpoint log was refused: {error}"),
            Self::Corrupted { sector, offset } => {
                write!(f, "the checkpoint log is damaged in sector {sector} at byte {offset}")
            }
            Self::Storage(error) => write!(f, "the storage of the checkpoint log failed: {error:?}"),
        }
    }
}

impl<R: fmt::Debug + fmt::Display, E: fmt::Debug> core::error::Error for ReplayError<R, E> {}
