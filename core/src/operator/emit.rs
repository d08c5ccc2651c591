//! The end of a query without state: rows are results as they come.

use super::{Arriving, Epoch, Modes, Operator, OperatorIdentity, Refused, Side, Taken, WindowShape};
use crate::state::{NoTables, SlotIndex, Stateless};

/// Gives each row as it is, at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Emit;

impl<T: Clone> Operator<T> for Emit {
    type Shape = Stateless;
    type Output = T;
    const GIVES_AT_PUSH: bool = true;
    const STATELESS: bool = true;
    const MODES: Modes = Modes::ONCE;

    fn identify(&self, tell: &mut impl FnMut(OperatorIdentity)) {
        tell(OperatorIdentity::of::<Stateless>(WindowShape { kind: 5, micros: [0; 3] }));
    }

    fn push<I: SlotIndex, D: Side<T, T>>(
        &self,
        _tables: &mut NoTables,
        arriving: &Arriving<'_, T>,
        _epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, Refused> {
        side.give_at(arriving.row.clone(), arriving.at)?;
        Ok(Taken::Used { late_windows: 0 })
    }
}
