//! Finding the rows that match, each pair once.
//!
//! Rows that came in the epoch are in the tables' lists of changes. First each new right row meets the left rows that are not new, then
//! each new left row meets all right rows. A row leaves its list when it has met all, so what is left of the lists says where to go on.

use super::super::Cursor;
use super::StreamJoin;
use super::buffered::{BufferOrder, Buffered};
use super::kind::{JoinKind, JoinType};
use super::range::{JoinRange, Positions};
use crate::aggregate::Stored;
use crate::state::{Key, SlotId, SlotIndex, Table};
use crate::time::Timestamp;

/// The rows of one side. A key is null only on a side whose rows come out without a match too.
pub(super) type Rows<'s, K, T, W, I> = Table<'s, Option<K>, Buffered<T, <W as JoinRange>::Order>, I>;

/// A result and its event time.
type Timed<O> = (O, Option<Timestamp>);

impl<KL, KR, C, W: JoinRange, J> StreamJoin<KL, KR, C, W, J> {
    /// Gives the pairs of a new right row and the left rows that are not new.
    pub(super) fn meet_new_right<K, L, R, I, E>(
        &self,
        right: SlotId,
        (lefts, rights): (&mut Rows<'_, K, L, W, I>, &mut Rows<'_, K, R, W, I>),
        cursor: &mut Cursor,
        sink: &mut impl FnMut(J::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E>
    where
        K: Key,
        L: Stored,
        R: Stored,
        C: Fn(&L, &R) -> bool,
        J: JoinKind<L, R>,
        I: SlotIndex,
    {
        let Some((key, within)) = key_and(rights, right, |at| self.range.lefts_of(at)) else { return Ok(()) };
        let mut candidate = begun(cursor).or_else(|| lefts.last_of(key));
        for _ in 0..lefts.len() {
            let Some(left) = latest_within(lefts, candidate, within) else { break };
            candidate = lefts.before(left);
            if lefts.is_changed(left) {
                continue;
            }
            let Some((result, at)) = self.result(lefts, left, rights, right) else { continue };
            cursor.slot = left.number().saturating_add(1);
            sink(result, at)?;
            self.matched::<K, L, R, I>((lefts, left), (rights, right));
        }
        cursor.slot = 0;
        Ok(())
    }

    /// Gives the pairs of a new left row and all right rows.
    pub(super) fn meet_new_left<K, L, R, I, E>(
        &self,
        left: SlotId,
        (lefts, rights): (&mut Rows<'_, K, L, W, I>, &mut Rows<'_, K, R, W, I>),
        cursor: &mut Cursor,
        sink: &mut impl FnMut(J::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E>
    where
        K: Key,
        L: Stored,
        R: Stored,
        C: Fn(&L, &R) -> bool,
        J: JoinKind<L, R>,
        I: SlotIndex,
    {
        let Some((key, within)) = key_and(lefts, left, |at| self.range.rights_of(at)) else { return Ok(()) };
        let mut candidate = begun(cursor).or_else(|| rights.last_of(key));
        for _ in 0..rights.len() {
            let Some(right) = latest_within(rights, candidate, within) else { break };
            candidate = rights.before(right);
            let Some((result, at)) = self.result(lefts, left, rights, right) else { continue };
            cursor.slot = right.number().saturating_add(1);
            sink(result, at)?;
            self.matched::<K, L, R, I>((lefts, left), (rights, right));
            if self.kind.join_type() == JoinType::LeftSemi {
                break;
            }
        }
        cursor.slot = 0;
        Ok(())
    }

    /// Whether a pair with this left row has not been given yet, since one of the two is new.
    pub(super) fn left_waits<K, L, R, I>(
        &self,
        left: SlotId,
        lefts: &Rows<'_, K, L, W, I>,
        rights: &Rows<'_, K, R, W, I>,
    ) -> bool
    where
        K: Key,
        L: Stored,
        R: Stored,
        C: Fn(&L, &R) -> bool,
        I: SlotIndex,
    {
        let Some((key, within)) = key_and(lefts, left, |at| self.range.rights_of(at)) else { return false };
        let is_new = lefts.is_changed(left);
        any_within(rights, key, within, |right| {
            (is_new || rights.is_changed(right)) && self.pair(lefts, left, rights, right).is_some()
        })
    }

    /// Whether a pair with this right row has not been given yet, since one of the two is new.
    pub(super) fn right_waits<K, L, R, I>(
        &self,
        right: SlotId,
        lefts: &Rows<'_, K, L, W, I>,
        rights: &Rows<'_, K, R, W, I>,
    ) -> bool
    where
        K: Key,
        L: Stored,
        R: Stored,
        C: Fn(&L, &R) -> bool,
        I: SlotIndex,
    {
        let Some((key, within)) = key_and(rights, right, |at| self.range.lefts_of(at)) else { return false };
        let is_new = rights.is_changed(right);
        any_within(lefts, key, within, |left| {
            (is_new || lefts.is_changed(left)) && self.pair(lefts, left, rights, right).is_some()
        })
    }

    /// Two rows of one key and in range, if the condition holds for them.
    fn pair<'t, K, L, R, I>(
        &self,
        lefts: &'t Rows<'_, K, L, W, I>,
        left: SlotId,
        rights: &'t Rows<'_, K, R, W, I>,
        right: SlotId,
    ) -> Option<(&'t Buffered<L, W::Order>, &'t Buffered<R, W::Order>)>
    where
        K: Key,
        L: Stored,
        R: Stored,
        C: Fn(&L, &R) -> bool,
        I: SlotIndex,
    {
        let ((_, left), (_, right)) = (lefts.record(left)?, rights.record(right)?);
        (self.condition)(&left.row, &right.row).then_some((left, right))
    }

    /// The result for two rows that match. Its event time is the left row's, or else the right row's.
    fn result<K, L, R, I>(
        &self,
        lefts: &Rows<'_, K, L, W, I>,
        left: SlotId,
        rights: &Rows<'_, K, R, W, I>,
        right: SlotId,
    ) -> Option<Timed<J::Output>>
    where
        K: Key,
        L: Stored,
        R: Stored,
        C: Fn(&L, &R) -> bool,
        J: JoinKind<L, R>,
        I: SlotIndex,
    {
        let (left, right) = self.pair(lefts, left, rights, right)?;
        Some((self.kind.pair(&left.row, &right.row), left.at().or(right.at())))
    }

    /// Remembers that a pair has been given.
    fn matched<K, L, R, I>(
        &self,
        (lefts, left): (&mut Rows<'_, K, L, W, I>, SlotId),
        (rights, right): (&mut Rows<'_, K, R, W, I>, SlotId),
    ) where
        K: Key,
        L: Stored,
        R: Stored,
        J: JoinKind<L, R>,
        I: SlotIndex,
    {
        let kind = self.kind.join_type();
        if kind.keeps_left() {
            mark_matched(lefts, left);
        }
        if kind.keeps_right() {
            mark_matched(rights, right);
        }
        if kind == JoinType::LeftSemi {
            lefts.remove(left);
        }
    }
}

/// The key of a row and where its partners are; `None` if it can have none.
fn key_and<'t, K: Key, T: Stored, O: BufferOrder, I: SlotIndex>(
    table: &'t Table<'_, Option<K>, Buffered<T, O>, I>,
    slot: SlotId,
    partners: impl FnOnce(Option<Timestamp>) -> Option<Positions>,
) -> Option<(&'t Option<K>, Positions)> {
    let (key, held) = table.record(slot)?;
    key.as_ref()?;
    Some((key, partners(held.at())?))
}

/// The partner that a sink refused, where an interrupted row goes on.
fn begun(cursor: &Cursor) -> Option<SlotId> {
    cursor.slot.checked_sub(1).and_then(SlotId::new)
}

/// Going back from `candidate` over rows of one key, the first whose position is in the range.
fn latest_within<K: Key, T: Stored, O: BufferOrder, I: SlotIndex>(
    table: &Table<'_, Option<K>, Buffered<T, O>, I>,
    mut candidate: Option<SlotId>,
    (from, to): Positions,
) -> Option<SlotId> {
    use crate::state::Record;
    for _ in 0..table.len() {
        let slot = candidate?;
        let position = table.record(slot)?.1.position();
        if position <= to {
            return (position >= from).then_some(slot);
        }
        candidate = table.before(slot);
    }
    None
}

/// Whether something holds for any row of `key` in the range.
fn any_within<K: Key, T: Stored, O: BufferOrder, I: SlotIndex>(
    table: &Table<'_, Option<K>, Buffered<T, O>, I>,
    key: &Option<K>,
    within: Positions,
    holds: impl Fn(SlotId) -> bool,
) -> bool {
    let mut candidate = table.last_of(key);
    for _ in 0..table.len() {
        let Some(slot) = latest_within(table, candidate, within) else { return false };
        if holds(slot) {
            return true;
        }
        candidate = table.before(slot);
    }
    false
}

/// Writes down that a row has had a match, the first time.
fn mark_matched<K: Key, T: Stored, O: BufferOrder, I: SlotIndex>(
    table: &mut Table<'_, Option<K>, Buffered<T, O>, I>,
    slot: SlotId,
) {
    if table.record(slot).is_some_and(|(_, held)| !held.matched)
        && let Some(held) = table.edit_unlisted(slot)
    {
        held.matched = true;
    }
}
