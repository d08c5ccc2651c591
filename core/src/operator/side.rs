//! What leaves an operator while a row is pushed.

use core::fmt;

use super::Refused;
use crate::time::Timestamp;

/// A row that came too late for at least one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LateRow<'a, T: ?Sized> {
    /// The row as the operator saw it.
    pub row: &'a T,
    /// Its event time.
    pub at: Timestamp,
    /// How many windows it missed.
    pub late_windows: u64,
    /// Whether it missed all its windows. A row of sliding windows may be late for some and in time for others.
    pub dropped: bool,
}

/// Takes what leaves a query while a row is pushed: results that a row alone makes, late rows, dropped rows, and windows given out
/// early.
///
/// Every method has a default, so `()` is a side that looks at nothing.
pub trait Side<T: ?Sized, O> {
    /// A row came too late for some or all of its windows. It is counted in any case.
    fn late(&mut self, row: LateRow<'_, T>) {
        let _ = row;
    }

    /// A row was dropped because state is full ([`OnFull::Drop`](super::OnFull::Drop)). It is counted in any case.
    fn dropped(&mut self, row: &T) {
        let _ = row;
    }

    /// A window leaves early to make room ([`OnFull::EvictOldest`](super::OnFull::EvictOldest)).
    ///
    /// # Errors
    /// [`NotNow`] keeps the window; the row that needed room is then handed back as under [`OnFull::Refuse`](super::OnFull::Refuse).
    fn early(&mut self, row: O) -> Result<(), NotNow> {
        let _ = row;
        Err(NotNow)
    }

    /// A result that the row alone makes: of deduplication, of a query without state, of windows that count rows or that rows open and
    /// close.
    ///
    /// # Errors
    /// [`NotNow`] hands the row back.
    fn give(&mut self, row: O) -> Result<(), NotNow> {
        let _ = row;
        Err(NotNow)
    }

    /// [`Side::early`] with the event time of the result. For operators in a row.
    ///
    /// # Errors
    /// Why it was not taken.
    #[doc(hidden)]
    fn early_at(&mut self, row: O, at: Option<Timestamp>) -> Result<(), Refused> {
        let _ = at;
        self.early(row).map_err(|NotNow| Refused::NoRoom)
    }

    /// [`Side::give`] with the event time of the result. For operators in a row.
    ///
    /// # Errors
    /// Why it was not taken.
    #[doc(hidden)]
    fn give_at(&mut self, row: O, at: Option<Timestamp>) -> Result<(), Refused> {
        let _ = at;
        self.give(row).map_err(|NotNow| Refused::NotNow)
    }
}

impl<T: ?Sized, O> Side<T, O> for () {}

/// A side output cannot take a row now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotNow;

impl fmt::Display for NotNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the side output cannot take a row now")
    }
}

impl core::error::Error for NotNow {}
