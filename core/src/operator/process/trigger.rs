//! What a process does at a trigger: the end of the epoch for each key with rows, then expiry and timers.
//!
//! Between triggers the table's list of changed slots holds the keys whose [`KeyedProcess::on_epoch`] is owed. While timers fire it also
//! holds those with timers that wait for the next trigger; they are put in force when all others have fired. So a timer that
//! sets another in the past fires it once per trigger, and every trigger ends.

use super::context::Moment;
use super::logic::KeyedProcess;
use super::mode::{Mode, TimeMode};
use super::operator::ProcessOperator;
use super::record::{Expiry, ProcessRecord};
use crate::aggregate::Stored;
use crate::operator::Epoch;
use crate::state::{Key, Record, SlotId, SlotIndex, Table};
use crate::time::{Span, Timestamp};

type TableOf<'s, T, L, const TIMERS: usize, I> =
    Table<'s, <L as KeyedProcess<T>>::Key, ProcessRecord<<L as KeyedProcess<T>>::State, TIMERS>, I>;

impl<KF, L, M: Mode, const TIMERS: usize> ProcessOperator<KF, L, M, TIMERS> {
    /// Gives what is owed of the rows of the epoch, in order of slots, up to a key with waiting timers.
    pub(super) fn end_epoch<T: ?Sized, I: SlotIndex, E>(
        &self,
        table: &mut TableOf<'_, T, L, TIMERS, I>,
        epoch: &Epoch,
        sink: &mut impl FnMut(L::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E>
    where
        L: KeyedProcess<T>,
    {
        while let Some(slot) = table.first_changed() {
            self.end_epoch_of(table, slot, epoch, sink)?;
            if table.record(slot).is_some_and(|(_, record)| record.has_waiting()) {
                break;
            }
            table.pop_changed();
        }
        Ok(())
    }

    /// Expires and fires what is due, the earliest first.
    pub(super) fn fire<T: ?Sized, I: SlotIndex, E>(
        &self,
        table: &mut TableOf<'_, T, L, TIMERS, I>,
        epoch: &Epoch,
        sink: &mut impl FnMut(L::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E>
    where
        L: KeyedProcess<T>,
    {
        let Some(until) = self.due_until(epoch) else { return Ok(()) };
        // Each round an expiry or a timer in force is gone, and none that is due comes in its place.
        while let Some(slot) = table.earliest() {
            let Some((_, record)) = table.record(slot).filter(|(_, record)| record.deadline() <= until)
            else {
                break;
            };
            let (expiry, timer) = (record.expiry, record.first_timer());
            if record.has_rows {
                self.end_epoch_of(table, slot, epoch, sink)?;
            } else if expiry == Expiry::NOT_KNOWN {
                table.edit_deadline(slot, |record| record.expiry = self.expiry(Self::reached(epoch)));
            } else if expiry.0 <= until {
                self.expire(table, slot);
            } else if let Some(timer) = timer {
                self.fire_one(table, slot, (timer, until), epoch, sink)?;
            }
        }
        Ok(())
    }

    /// Puts timers in force that were set in the past while others fired.
    pub(super) fn put_in_force<T: ?Sized, I: SlotIndex, E>(
        &self,
        table: &mut TableOf<'_, T, L, TIMERS, I>,
        epoch: &Epoch,
        sink: &mut impl FnMut(L::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E>
    where
        L: KeyedProcess<T>,
    {
        while let Some(slot) = table.first_changed() {
            // Rows may have come in between when a trigger that a sink interrupted goes on as a drain.
            self.end_epoch_of(table, slot, epoch, sink)?;
            if table.record(slot).is_some_and(|(_, record)| record.has_waiting()) {
                table.edit_deadline(slot, ProcessRecord::release_waiting);
            }
            table.pop_changed();
        }
        Ok(())
    }

    /// The end of the epoch for a key, if it has had rows.
    fn end_epoch_of<T: ?Sized, I: SlotIndex, E>(
        &self,
        table: &mut TableOf<'_, T, L, TIMERS, I>,
        slot: SlotId,
        epoch: &Epoch,
        sink: &mut impl FnMut(L::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E>
    where
        L: KeyedProcess<T>,
    {
        if table.record(slot).is_none_or(|(_, record)| !record.has_rows) {
            return Ok(());
        }
        let logic = &self.process.logic;
        let call = |key: &L::Key, record: &mut ProcessRecord<L::State, TIMERS>| {
            let latest = record.take_rows();
            let moment = Moment::before_trigger(latest, epoch);
            let (output, forgets) = record.call(moment, |context, state| logic.on_epoch(context, key, state));
            (output.map(|output| (output, latest.map(|at| in_time(at, epoch)))), forgets)
        };
        change(table, slot, call, sink)
    }

    /// State goes; a key with timers keeps its place until the last of them is gone.
    fn expire<T: ?Sized, I: SlotIndex>(&self, table: &mut TableOf<'_, T, L, TIMERS, I>, slot: SlotId)
    where
        L: KeyedProcess<T>,
    {
        let Some((key, record)) = table.record(slot) else { return };
        if record.times.is_empty() {
            table.remove(slot);
            return;
        }
        let initial = self.process.logic.initial(key);
        table.edit_deadline(slot, |record| {
            record.state = initial;
            record.expiry = Expiry::NEVER;
        });
    }

    /// Whether the state has expired and no row has come since.
    fn has_expired<S>(&self, record: &ProcessRecord<S, TIMERS>) -> bool {
        self.process.time_to_live.is_some() && record.expiry == Expiry::NEVER
    }

    fn fire_one<T: ?Sized, I: SlotIndex, E>(
        &self,
        table: &mut TableOf<'_, T, L, TIMERS, I>,
        slot: SlotId,
        (timer, until): (Timestamp, Timestamp),
        epoch: &Epoch,
        sink: &mut impl FnMut(L::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E>
    where
        L: KeyedProcess<T>,
    {
        let logic = &self.process.logic;
        let event_time = (M::MODE == TimeMode::EventTime).then_some(timer);
        let moment =
            Moment { event_time, watermark: epoch.closing, now: epoch.now, firing_until: Some(until) };
        let call = |key: &L::Key, record: &mut ProcessRecord<L::State, TIMERS>| {
            record.take_timer(timer);
            let (output, forgets) =
                record.call(moment, |context, state| logic.on_timer(context, key, state, timer));
            let is_over = self.has_expired(record) && record.times.is_empty();
            (output.map(|output| (output, event_time.map(|at| in_time(at, epoch)))), forgets || is_over)
        };
        change(table, slot, call, sink)
    }
}

/// The event time of a result, which must not be late for what stands behind: a timer set in the past is.
fn in_time(at: Timestamp, epoch: &Epoch) -> Timestamp {
    epoch.watermark.map_or(at, |watermark| at.max(watermark + Span::micros(1)))
}

/// Makes a call on a copy of a record, gives what it answers, and only then keeps the change.
fn change<K: Key, S: Stored, const TIMERS: usize, I: SlotIndex, O, E>(
    table: &mut Table<'_, K, ProcessRecord<S, TIMERS>, I>,
    slot: SlotId,
    call: impl FnOnce(&K, &mut ProcessRecord<S, TIMERS>) -> (Option<(O, Option<Timestamp>)>, bool),
    sink: &mut impl FnMut(O, Option<Timestamp>) -> Result<(), E>,
) -> Result<(), E> {
    let Some((key, record)) = table.record(slot) else { return Ok(()) };
    let mut changed = record.clone();
    let (output, forgets) = call(key, &mut changed);
    if let Some((output, at)) = output {
        sink(output, at)?;
    }
    if forgets {
        table.remove(slot);
        return Ok(());
    }
    table.track_changed(changed.has_waiting());
    table.edit_deadline(slot, |record| *record = changed);
    table.track_changed(false);
    Ok(())
}
