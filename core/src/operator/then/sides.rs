//! Where what leaves two operators in a row goes.

use core::marker::PhantomData;

use crate::operator::{Full, LateRow, Refused, Side};
use crate::time::Timestamp;

/// The side of the first operator: its late and dropped rows go to the query's side, what it gives goes on. `O` is what the second
/// one gives.
pub(super) struct Onward<'d, D, G, O> {
    pub(super) side: &'d mut D,
    pub(super) give: G,
    /// Windows given early.
    pub(super) early: u64,
    pub(super) results: PhantomData<fn(O)>,
}

impl<T, X, O, D, G> Side<T, X> for Onward<'_, D, G, O>
where
    T: ?Sized,
    D: Side<T, O>,
    G: FnMut(X, Option<Timestamp>, bool, &mut D) -> Result<(), Refused>,
{
    fn late(&mut self, row: LateRow<'_, T>) {
        self.side.late(row);
    }

    fn dropped(&mut self, row: &T) {
        self.side.dropped(row);
    }

    fn early_at(&mut self, row: X, at: Option<Timestamp>) -> Result<(), Refused> {
        (self.give)(row, at, true, self.side)?;
        self.early = self.early.wrapping_add(1);
        Ok(())
    }

    fn give_at(&mut self, row: X, at: Option<Timestamp>) -> Result<(), Refused> {
        (self.give)(row, at, false, self.side)
    }
}

/// The side of the second operator while rows are pushed: results go to the query's side. Its late and dropped rows are not the query's
/// rows; they are counted in [`LinkCounts`](crate::state::LinkCounts).
pub(super) struct Results<'d, D, T: ?Sized> {
    pub(super) side: &'d mut D,
    /// Whether what is given is a window that leaves early.
    pub(super) early: bool,
    pub(super) rows: PhantomData<fn(&T)>,
}

impl<T: ?Sized, U, O, D: Side<T, O>> Side<U, O> for Results<'_, D, T> {
    fn early_at(&mut self, row: O, at: Option<Timestamp>) -> Result<(), Refused> {
        self.side.early_at(row, at)
    }

    fn give_at(&mut self, row: O, at: Option<Timestamp>) -> Result<(), Refused> {
        if self.early { self.side.early_at(row, at) } else { self.side.give_at(row, at) }
    }
}

/// The side of the second operator while an epoch ends: results go to the sink.
pub(super) struct IntoSink<'f, F, E> {
    sink: &'f mut F,
    answered: Option<E>,
}

impl<T, O, E, F: FnMut(O, Option<Timestamp>) -> Result<(), E>> Side<T, O> for IntoSink<'_, F, E> {
    fn early_at(&mut self, row: O, at: Option<Timestamp>) -> Result<(), Refused> {
        Side::<T, O>::give_at(self, row, at)
    }

    fn give_at(&mut self, row: O, at: Option<Timestamp>) -> Result<(), Refused> {
        (self.sink)(row, at).map_err(|error| {
            self.answered = Some(error);
            Refused::NotNow
        })
    }
}

/// Does something whose results go to the sink; what stops it is the sink's answer or a full state.
pub(super) fn into_sink<F, E: From<Full>>(
    sink: &mut F,
    act: impl FnOnce(&mut IntoSink<'_, F, E>) -> Result<(), Refused>,
) -> Result<(), E> {
    let mut side = IntoSink { sink, answered: None };
    let acted = act(&mut side);
    acted.map_err(|_| side.answered.unwrap_or_else(|| Full.into()))
}

/// Counts windows that leave early.
pub(super) struct CountedEarly<'d, D> {
    pub(super) side: &'d mut D,
    pub(super) early: u64,
}

impl<T, O, D: Side<T, O>> Side<T, O> for CountedEarly<'_, D> {
    fn late(&mut self, row: LateRow<'_, T>) {
        self.side.late(row);
    }

    fn dropped(&mut self, row: &T) {
        self.side.dropped(row);
    }

    fn early_at(&mut self, row: O, at: Option<Timestamp>) -> Result<(), Refused> {
        self.side.early_at(row, at)?;
        self.early = self.early.wrapping_add(1);
        Ok(())
    }

    fn give_at(&mut self, row: O, at: Option<Timestamp>) -> Result<(), Refused> {
        self.side.give_at(row, at)
    }
}
