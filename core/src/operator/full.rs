//! What operators do when a row needs a record and every slot is taken.

use super::{Epoch, NoRoom, OnFull, Side};
use crate::state::{Key, Record, SlotIndex, Table};

/// Follows the epoch's policy: hands the row back, drops it (`false`), or makes room with `evict` (`true`).
pub(super) fn make_room<T: ?Sized, O, D: Side<T, O>>(
    epoch: &Epoch,
    row: &T,
    side: &mut D,
    evict: impl FnOnce(&mut D) -> Result<(), NoRoom>,
) -> Result<bool, NoRoom> {
    match epoch.on_full {
        OnFull::Refuse => Err(NoRoom),
        OnFull::Drop => {
            side.dropped(row);
            Ok(false)
        }
        OnFull::EvictOldest => evict(side).map(|()| true),
    }
}

/// Gives the record that closes first to the side output, as `result` makes it, and removes it.
pub(super) fn evict_earliest<T: ?Sized, K: Key, V: Record, I: SlotIndex, O, D: Side<T, O>>(
    table: &mut Table<'_, K, V, I>,
    side: &mut D,
    result: impl FnOnce(&K, &V) -> O,
) -> Result<(), NoRoom> {
    let earliest = table.earliest().ok_or(NoRoom)?;
    let (key, value) = table.record(earliest).ok_or(NoRoom)?;
    side.early(result(key, value)).map_err(|_| NoRoom)?;
    table.remove(earliest);
    Ok(())
}
