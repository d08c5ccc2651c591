//! What a faulty storage answers.

use core::fmt;

use embedded_storage::nor_flash::{NorFlashError, NorFlashErrorKind};

/// What a [`FaultyStorage`](super::FaultyStorage) answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FaultError<E> {
    /// The power is off.
    PowerLost,
    /// An error that was asked for; the power is on.
    Injected,
    /// The wrapped storage failed by itself.
    Storage(E),
}

impl<E: fmt::Debug> fmt::Display for FaultError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerLost => write!(f, "the power is off"),
            Self::Injected => write!(f, "injected error"),
            Self::Storage(error) => write!(f, "the storage failed: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for FaultError<E> {}

impl<E: NorFlashError> NorFlashError for FaultError<E> {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Storage(error) => error.kind(),
            Self::PowerLost | Self::Injected => NorFlashErrorKind::Other,
        }
    }
}
