//! The operator: rows change the state of their key at once, results come when the epoch ends.

use super::context::Moment;
use super::logic::{KeyedProcess, Process};
use super::mode::{Mode, TimeMode};
use super::record::{Expiry, ProcessRecord};
use crate::operator::full::has_room;
use crate::operator::{
    Arriving, Cursor, Epoch, Full, Modes, Operator, OperatorIdentity, Refused, Side, Taken, WindowShape,
};
use crate::state::{Key, Keyed, Record, SlotIndex, Table, TableFull};
use crate::time::{Span, Timestamp};

/// The process `L` over rows grouped by `KF`.
#[derive(Debug, Clone)]
pub struct ProcessOperator<KF, L, M, const TIMERS: usize> {
    pub(crate) key: KF,
    pub(crate) process: Process<L, M, TIMERS>,
}

impl<KF, L, M: Mode, const TIMERS: usize> ProcessOperator<KF, L, M, TIMERS> {
    /// The time that a trigger has come to, in the operator's mode.
    pub(super) fn reached(epoch: &Epoch) -> Option<Timestamp> {
        match M::MODE {
            TimeMode::None => None,
            TimeMode::EventTime => epoch.closing,
            TimeMode::ProcessingTime => epoch.now,
        }
    }

    /// The latest moment that is due. [`Timestamp::MAX`] is never: it stands for nothing being due.
    pub(super) fn due_until(&self, epoch: &Epoch) -> Option<Timestamp> {
        let last = Timestamp::MAX - Span::micros(1);
        Self::reached(epoch).map(|reached| (reached - self.beyond()).min(last))
    }

    /// How far the watermark must be beyond what is due.
    fn beyond(&self) -> Span {
        if self.process.fires_behind_watermark { Span::micros(1) } else { Span::ZERO }
    }

    /// The watermark at which something is due, if ever.
    fn due_at(&self, moment: Timestamp) -> Option<Timestamp> {
        (moment != Timestamp::MAX).then(|| moment + self.beyond())
    }

    /// The expiry of state whose last row came at a moment in the operator's mode.
    pub(super) fn expiry(&self, last_row: Option<Timestamp>) -> Expiry {
        match self.process.time_to_live {
            None => Expiry::NEVER,
            Some(span) => last_row.map_or(Expiry::NOT_KNOWN, |at| Expiry::after(at, span)),
        }
    }

    /// What a row does to its key's record. Says whether the key is to be forgotten.
    fn take_row<T: ?Sized>(
        &self,
        record: &mut ProcessRecord<L::State, TIMERS>,
        &Arriving { row, at, .. }: &Arriving<'_, T>,
        epoch: &Epoch,
    ) -> bool
    where
        L: KeyedProcess<T>,
    {
        let time = if M::MODE == TimeMode::EventTime { at.or(epoch.watermark) } else { epoch.now };
        record.expiry = record.expiry.renewed(self.expiry(time));
        if L::ON_EPOCH {
            record.note_row(at);
        }
        let logic = &self.process.logic;
        let moment = Moment::before_trigger(at, epoch);
        record.call(moment, |context, state| logic.on_row(context, state, row)).1
    }

    /// Gives a key its state before the first row.
    pub(crate) fn seed<T: ?Sized, I: SlotIndex>(
        &self,
        table: &mut Table<'_, L::Key, ProcessRecord<L::State, TIMERS>, I>,
        (key, state): (L::Key, L::State),
        epoch: &Epoch,
    ) -> Result<(), TableFull>
    where
        L: KeyedProcess<T>,
    {
        let mut record = ProcessRecord::new(state);
        record.expiry = self.expiry(None);
        let (logic, moment) = (&self.process.logic, Moment::before_trigger(None, epoch));
        let (_, forgets) = record.call(moment, |context, state| logic.on_seed(context, &key, state));
        if forgets { Ok(()) } else { table.insert(key, record).map(|_| ()) }
    }
}

impl<T, K, KF, L, M, const TIMERS: usize> Operator<T> for ProcessOperator<KF, L, M, TIMERS>
where
    T: ?Sized,
    K: Key,
    KF: Fn(&T) -> K,
    L: KeyedProcess<T, Key = K>,
    M: Mode,
{
    type Shape = Keyed<K, ProcessRecord<L::State, TIMERS>>;
    type Output = L::Output;
    const MODES: Modes = Modes::ONCE;

    fn identify(&self, tell: &mut impl FnMut(OperatorIdentity)) {
        let time_to_live = self.process.time_to_live.unwrap_or_default().as_micros();
        let window = WindowShape { kind: 9, micros: [time_to_live, 0, M::MODE as i64] };
        tell(OperatorIdentity::of::<Keyed<K, ProcessRecord<L::State, TIMERS>>>(window));
    }

    fn push<I: SlotIndex, D: Side<T, Self::Output>>(
        &self,
        table: &mut Table<'_, K, ProcessRecord<L::State, TIMERS>, I>,
        arriving: &Arriving<'_, T>,
        epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, Refused> {
        if M::MODE == TimeMode::EventTime
            && let Some(late) = arriving.late(epoch, side)
        {
            return Ok(late);
        }
        let key = (self.key)(arriving.row);
        let found = table.last_of(&key);
        if found.is_none() && !has_room(table, epoch, arriving.row, side)? {
            return Ok(Taken::Dropped);
        }
        // Only keys whose epoch has an end to be told of are listed as changed.
        table.track_changed(L::ON_EPOCH);
        let taken = match found {
            Some(slot) => {
                let mut forgets = false;
                table.edit_deadline(slot, |record| forgets = self.take_row(record, arriving, epoch));
                if forgets {
                    table.remove(slot);
                }
                Ok(())
            }
            None => {
                let mut record = ProcessRecord::new(self.process.logic.initial(&key));
                let forgets = self.take_row(&mut record, arriving, epoch);
                if forgets { Ok(()) } else { table.insert(key, record).map(|_| ()) }
            }
        };
        table.track_changed(false);
        taken.map(|()| Taken::Used { late_windows: 0 }).map_err(|_| Refused::NoRoom)
    }

    fn results<I: SlotIndex, E: From<Full>>(
        &self,
        table: &mut Table<'_, K, ProcessRecord<L::State, TIMERS>, I>,
        epoch: &Epoch,
        _cursor: &mut Cursor,
        sink: &mut impl FnMut(Self::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.end_epoch(table, epoch, sink)
    }

    fn close<I: SlotIndex, E: From<Full>>(
        &self,
        table: &mut Table<'_, K, ProcessRecord<L::State, TIMERS>, I>,
        epoch: &Epoch,
        sink: &mut impl FnMut(Self::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.end_epoch(table, epoch, sink)?;
        self.fire(table, epoch, sink)?;
        self.put_in_force(table, epoch, sink)
    }

    fn next_close<I: SlotIndex>(
        &self,
        table: &Table<'_, K, ProcessRecord<L::State, TIMERS>, I>,
    ) -> Option<Timestamp> {
        let (_, record) = table.record(table.earliest()?)?;
        self.due_at(record.deadline()).filter(|_| M::MODE == TimeMode::EventTime)
    }

    /// Of timers: state that expires gives nothing.
    fn last_close<I: SlotIndex>(
        &self,
        table: &Table<'_, K, ProcessRecord<L::State, TIMERS>, I>,
    ) -> Option<Timestamp> {
        if M::MODE != TimeMode::EventTime {
            return None;
        }
        let records = table.occupied_from(0).filter_map(|slot| table.record(slot));
        records.filter_map(|(_, record)| self.due_at(record.last_timer()?)).max()
    }

    fn next_timer<I: SlotIndex>(
        &self,
        table: &Table<'_, K, ProcessRecord<L::State, TIMERS>, I>,
    ) -> Option<Timestamp> {
        let (_, record) = table.record(table.earliest()?)?;
        self.due_at(record.deadline()).filter(|_| M::MODE == TimeMode::ProcessingTime)
    }
}
