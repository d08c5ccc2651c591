//! What can go wrong with a push or a trigger.

use core::fmt;

use crate::operator::Full;

/// A row was not taken; it comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PushError<R> {
    /// State is full and the policy is to refuse. A trigger that closes windows makes room.
    Full(R),
    /// A result that the row makes at once could not be taken: push the row again later.
    Blocked(R),
    /// As [`PushError::Full`] or [`PushError::Blocked`], but a stage makes several rows of this one, and some of those have been taken. It
    /// must be pushed again, before any other row; what has been taken is passed over then, also after a restart.
    Partly(R),
    /// The sink refused a result in the last trigger; [`Query::trigger`](crate::Query::trigger) must be called again first.
    Unfinished(R),
}

impl<R> PushError<R> {
    /// The row.
    pub fn into_row(self) -> R {
        match self {
            Self::Full(row) | Self::Blocked(row) | Self::Partly(row) | Self::Unfinished(row) => row,
        }
    }

    /// The same error with another row.
    pub(super) fn with<U>(self, row: U) -> PushError<U> {
        match self {
            Self::Full(_) => PushError::Full(row),
            Self::Blocked(_) => PushError::Blocked(row),
            Self::Partly(_) => PushError::Partly(row),
            Self::Unfinished(_) => PushError::Unfinished(row),
        }
    }
}

/// Without the row, so that rows need no `Debug`.
impl<R> fmt::Debug for PushError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full",
            Self::Blocked(_) => "Blocked",
            Self::Partly(_) => "Partly",
            Self::Unfinished(_) => "Unfinished",
        })
    }
}

impl<R> fmt::Display for PushError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "state is full, the row was refused",
            Self::Blocked(_) => "what the row makes could not be taken, the row was refused",
            Self::Partly(_) => "the row was taken in part: push it again before any other",
            Self::Unfinished(_) => "a trigger is unfinished: call it again before pushing rows",
        })
    }
}

impl<R> core::error::Error for PushError<R> {}

/// A trigger stopped in the middle. Nothing is lost: the next one begins with the result that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum TriggerError<E> {
    /// The sink could not take a result.
    Sink(E),
    /// An operator has no room for a result of the one before it. Only a larger state, or another policy for full state, helps.
    Full,
}

impl<E> From<Full> for TriggerError<E> {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

impl<E: fmt::Display> fmt::Display for TriggerError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sink(error) => write!(f, "the sink could not take a result: {error}"),
            Self::Full => f.write_str(
                "state is full: an operator has no room for a result of the one before it; raise its capacity",
            ),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for TriggerError<E> {}

/// What a sink may answer: nothing, or a `Result` whose error says that it cannot take the row now.
pub trait SinkAnswer {
    /// The reason.
    type Error;

    /// The answer as a `Result`.
    ///
    /// # Errors
    /// The sink's own.
    fn into_result(self) -> Result<(), Self::Error>;
}

impl SinkAnswer for () {
    type Error = core::convert::Infallible;

    fn into_result(self) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl<E> SinkAnswer for Result<(), E> {
    type Error = E;

    fn into_result(self) -> Self {
        self
    }
}
