//! What can go wrong with a push or a trigger.

use core::fmt;

/// A row was not taken; it comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PushError<R> {
    /// State is full and the policy is to refuse. A trigger that closes windows makes room.
    Full(R),
    /// The sink refused a result in the last trigger; [`Query::trigger`](crate::Query::trigger) must be called again first.
    Unfinished(R),
}

impl<R> PushError<R> {
    /// The row.
    pub fn into_row(self) -> R {
        match self {
            Self::Full(row) | Self::Unfinished(row) => row,
        }
    }
}

/// Without the row, so that rows need no `Debug`.
impl<R> fmt::Debug for PushError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full",
            Self::Unfinished(_) => "Unfinished",
        })
    }
}

impl<R> fmt::Display for PushError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "state is full, the row was refused",
            Self::Unfinished(_) => "a trigger is unfinished: call it again before pushing rows",
        })
    }
}

impl<R> core::error::Error for PushError<R> {}

/// The sink could not take a result. Nothing is lost: the next trigger begins with that result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TriggerError<E>(pub E);

impl<E: fmt::Display> fmt::Display for TriggerError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the sink could not take a result: {}", self.0)
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
