//! Deduplication: the first row of each key is a result, at once; the others are left out.

use serde::{Deserialize, Serialize};

use super::full::make_room;
use super::results::{discard_due, record_at};
use super::stored_time::StoredTime;
use super::{
    Arriving, Epoch, Full, Modes, Operator, OperatorIdentity, OutputMode, Refused, Side, Taken, WindowShape,
};
use crate::state::{ByKey, InOrder, Key, Keyed, OnePerKey, Record, Schedule, SlotId, SlotIndex, Table};
use crate::time::{Span, Timestamp};

/// A key that has been seen, and stays for ever. It takes no byte besides the key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SeenRecord;

impl Record for SeenRecord {
    type Lookup = OnePerKey;
    const SCHEDULE: Schedule = Schedule::Never;

    fn position(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    fn deadline(&self) -> Timestamp {
        Timestamp::MAX
    }
}

/// A key that has been seen, until the watermark forgets it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExpiringRecord {
    /// None for a row without event time: never.
    expires: StoredTime,
}

impl Record for ExpiringRecord {
    type Lookup = InOrder;
    const SCHEDULE: Schedule = Schedule::InNoOrder;

    fn position(&self) -> Timestamp {
        self.expires.order()
    }

    fn deadline(&self) -> Timestamp {
        self.expires.order()
    }
}

/// When a key is forgotten: [`ForEver`], [`UntilEventTime`], [`UntilDelay`], or one of them chosen at run time.
pub trait Expiry {
    /// What is kept of a key.
    type Record: Record<Lookup: ByKey>;
    /// What tells this from the others in the identity of a query.
    const NUMBER: i64;

    /// What is kept of a row with the event time `at`.
    fn record(&self, at: Option<Timestamp>) -> Self::Record;

    /// The record of a row like one with this key and event time.
    fn find<K: Key, I: SlotIndex>(
        &self,
        table: &Table<'_, K, Self::Record, I>,
        key: &K,
        at: Option<Timestamp>,
    ) -> Option<SlotId> {
        let _ = at;
        table.last_of(key)
    }
}

/// Keys are never forgotten.
#[derive(Debug, Clone, Copy)]
pub struct ForEver;

impl Expiry for ForEver {
    type Record = SeenRecord;
    const NUMBER: i64 = 0;

    fn record(&self, _at: Option<Timestamp>) -> SeenRecord {
        SeenRecord
    }
}

/// The event time is part of the key, which is forgotten when the watermark reaches it.
#[derive(Debug, Clone, Copy)]
pub struct UntilEventTime;

impl Expiry for UntilEventTime {
    type Record = ExpiringRecord;
    const NUMBER: i64 = 1;

    fn record(&self, at: Option<Timestamp>) -> ExpiringRecord {
        ExpiringRecord { expires: StoredTime::of(at) }
    }

    fn find<K: Key, I: SlotIndex>(
        &self,
        table: &Table<'_, K, ExpiringRecord, I>,
        key: &K,
        at: Option<Timestamp>,
    ) -> Option<SlotId> {
        record_at(table, key, StoredTime::of(at).order())
    }
}

/// A key is forgotten when the watermark reaches the event time of its first row plus the watermark's delay.
#[derive(Debug, Clone, Copy)]
pub struct UntilDelay(pub Span);

impl Expiry for UntilDelay {
    type Record = ExpiringRecord;
    const NUMBER: i64 = 2;

    fn record(&self, at: Option<Timestamp>) -> ExpiringRecord {
        ExpiringRecord { expires: StoredTime::of(at.map(|at| at + self.0)) }
    }
}

/// The first row of each key that `K` reads from rows, forgotten as `X` says.
///
/// A row costs one look-up, and a new record if it is the first; with [`UntilEventTime`] a row costs a step more for each record of its
/// own key with a later event time.
#[derive(Debug, Clone)]
pub struct Deduplicate<K, X> {
    pub(crate) key: K,
    pub(crate) expiry: X,
}

/// The record that expires first, if any does.
fn first_to_expire<K: Key, V: Record, I: SlotIndex>(table: &Table<'_, K, V, I>) -> Option<SlotId> {
    let slot = table.earliest()?;
    let (_, record) = table.record(slot)?;
    (record.deadline() < Timestamp::MAX).then_some(slot)
}

impl<T, K, KF, X> Operator<T> for Deduplicate<KF, X>
where
    T: Clone,
    K: Key,
    KF: Fn(&T) -> K,
    X: Expiry,
{
    type Shape = Keyed<K, X::Record>;
    type Output = T;
    const GIVES_AT_PUSH: bool = true;
    const MODES: Modes = Modes::ONCE;

    fn identify(&self, tell: &mut impl FnMut(OperatorIdentity)) {
        tell(OperatorIdentity::of::<Keyed<K, X::Record>>(WindowShape { kind: 6, micros: [X::NUMBER, 0, 0] }));
    }

    fn push<I: SlotIndex, D: Side<T, T>>(
        &self,
        table: &mut Table<'_, K, X::Record, I>,
        arriving: &Arriving<'_, T>,
        epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, Refused> {
        if let Some(late) = arriving.late(epoch, side) {
            return Ok(late);
        }
        let &Arriving { row, at, .. } = arriving;
        let key = (self.key)(row);
        if self.expiry.find(table, &key, at).is_some() {
            return Ok(Taken::Duplicate);
        }
        let mut forgotten = None;
        if table.len() >= table.capacity() {
            forgotten = first_to_expire(table);
            // A key may leave in update mode too: it is the same as append mode here.
            let epoch = Epoch { mode: OutputMode::Append, ..*epoch };
            let room = make_room(&epoch, row, side, |_| forgotten.map(|_| ()).ok_or(Refused::NoRoom))?;
            if !room {
                return Ok(Taken::Dropped);
            }
        }
        side.give_at(row.clone(), at)?;
        if let Some(slot) = forgotten {
            table.remove(slot);
        }
        table.insert(key, self.expiry.record(at)).map_err(|_| Refused::NoRoom)?;
        Ok(Taken::Used { late_windows: 0 })
    }

    /// Keys are forgotten silently: no result waits for a watermark, and a drain leaves it where it is.
    fn close<I: SlotIndex, E: From<Full>>(
        &self,
        table: &mut Table<'_, K, X::Record, I>,
        epoch: &Epoch,
        _sink: &mut impl FnMut(T, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(watermark) = epoch.due_up_to() {
            discard_due(table, watermark);
        }
        Ok(())
    }
}
