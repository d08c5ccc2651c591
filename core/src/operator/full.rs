//! What operators do when a row needs a record and every slot is taken.

use super::results::time_of;
use super::{Epoch, OnFull, Refused, Side, WindowRow};
use crate::state::{Key, Record, SlotIndex, Table};

/// Follows the epoch's policy: hands the row back, drops it (`false`), or makes room with `evict` (`true`).
pub(super) fn make_room<T: ?Sized, O, D: Side<T, O>>(
    epoch: &Epoch,
    row: &T,
    side: &mut D,
    evict: impl FnOnce(&mut D) -> Result<(), Refused>,
) -> Result<bool, Refused> {
    match epoch.full_policy() {
        OnFull::Refuse => Err(Refused::NoRoom),
        OnFull::Drop => {
            side.dropped(row);
            Ok(false)
        }
        OnFull::EvictOldest => evict(side).map(|()| true),
    }
}

/// Whether a new record has room in a table that none can leave early; without room follows the epoch's policy as [`make_room`] does.
pub(super) fn has_room<K: Key, V: Record, I: SlotIndex, T: ?Sized, O, D: Side<T, O>>(
    table: &Table<'_, K, V, I>,
    epoch: &Epoch,
    row: &T,
    side: &mut D,
) -> Result<bool, Refused> {
    Ok(table.len() < table.capacity() || make_room(epoch, row, side, |_| Err(Refused::NoRoom))?)
}

/// Gives the window that closes first to the side output, as `result` makes it, and removes it.
pub(super) fn evict_earliest<T: ?Sized, K: Key, V: Record, I: SlotIndex, O, D: Side<T, WindowRow<K, O>>>(
    table: &mut Table<'_, K, V, I>,
    side: &mut D,
    result: impl FnOnce(&K, &V) -> WindowRow<K, O>,
) -> Result<(), Refused> {
    let earliest = table.earliest().ok_or(Refused::NoRoom)?;
    let (key, value) = table.record(earliest).ok_or(Refused::NoRoom)?;
    let row = result(key, value);
    let at = time_of(row.window);
    side.early_at(row, at)?;
    table.discard(earliest);
    Ok(())
}
