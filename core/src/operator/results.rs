//! Ways through a table that operators share: what changed, everything, and what is due.

use super::{Cursor, Epoch, OutputMode};
use crate::state::{Key, Record, SlotId, SlotIndex, Table};
use crate::time::Timestamp;
use crate::window::Window;

/// Gives each changed record and takes it off the list once it is accepted.
fn each_changed<K: Key, V: Record, I: SlotIndex, E>(
    table: &mut Table<'_, K, V, I>,
    mut give: impl FnMut(&K, &V) -> Result<(), E>,
) -> Result<(), E> {
    while let Some(slot) = table.first_changed() {
        if let Some((key, value)) = table.record(slot) {
            give(key, value)?;
        }
        table.pop_changed();
    }
    Ok(())
}

/// Gives each record from the cursor on, in order of slots.
fn each<K: Key, V: Record, I: SlotIndex, E>(
    table: &Table<'_, K, V, I>,
    cursor: &mut Cursor,
    mut give: impl FnMut(&K, &V) -> Result<(), E>,
) -> Result<(), E> {
    for slot in table.occupied_from(cursor.slot) {
        cursor.slot = slot.number();
        if let Some((key, value)) = table.record(slot) {
            give(key, value)?;
        }
        cursor.slot = slot.number().saturating_add(1);
    }
    Ok(())
}

/// Gives what the output mode wants of the epoch's rows: nothing, each changed record, or all.
pub(super) fn by_mode<K: Key, V: Record, I: SlotIndex, E>(
    table: &mut Table<'_, K, V, I>,
    mode: OutputMode,
    cursor: &mut Cursor,
    give: impl FnMut(&K, &V) -> Result<(), E>,
) -> Result<(), E> {
    match mode {
        OutputMode::Append => Ok(()),
        OutputMode::Update => each_changed(table, give),
        OutputMode::Complete => each(table, cursor, give),
    }
}

/// The event time of a window's result: its last microsecond (Spark's rule).
pub(super) fn time_of(window: Window) -> Option<Timestamp> {
    Some(Timestamp::from_micros(window.end.as_micros().saturating_sub(1)))
}

/// Removes each record whose end the watermark has reached, in order of deadline; gives it first in append mode.
pub(super) fn close_due<K: Key, V: Record, I: SlotIndex, E>(
    table: &mut Table<'_, K, V, I>,
    epoch: &Epoch,
    end: impl Fn(&V) -> Timestamp,
    mut give: impl FnMut(&K, &V) -> Result<(), E>,
) -> Result<(), E> {
    while let Some(slot) = table.earliest() {
        let Some((key, value)) = table.record(slot) else { break };
        if !epoch.is_due(end(value)) {
            break;
        }
        if epoch.mode == OutputMode::Append {
            give(key, value)?;
        }
        table.remove(slot);
    }
    Ok(())
}

/// The latest of all records' ends.
pub(super) fn last_end<K: Key, V: Record, I: SlotIndex>(
    table: &Table<'_, K, V, I>,
    end: impl Fn(&V) -> Timestamp,
) -> Option<Timestamp> {
    table.occupied_from(0).filter_map(|slot| table.record(slot)).map(|(_, value)| end(value)).max()
}

/// The record of `key` at exactly `position`, going back from the last one.
pub(super) fn record_at<K: Key, V: Record, I: SlotIndex>(
    table: &Table<'_, K, V, I>,
    key: &K,
    position: Timestamp,
) -> Option<SlotId> {
    let mut candidate = table.last_of(key);
    for _ in 0..table.len() {
        let slot = candidate?;
        let found = table.record(slot)?.1.position();
        if found <= position {
            return (found == position).then_some(slot);
        }
        candidate = table.before(slot);
    }
    None
}
