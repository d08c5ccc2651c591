//! Finding the rows that match, each pair once.
//!
//! Rows that came in the epoch are in the tables' sets of changed slots. First each new right row meets the left rows that are not new, then
//! each new left row meets all right rows. A row leaves its set when it has met all, so what is left of the sets says where to go on.

use super::super::Cursor;
use super::StreamJoin;
use super::buffered::{BufferOrder, Buffered};
use super::half::Half;
use super::kind::{JoinKind, JoinType};
use super::range::{JoinRange, Positions};
use crate::aggregate::Stored;
use crate::state::{Key, Record, SlotId, SlotIndex, Table};
use crate::time::Timestamp;

/// The rows of one half. A key is null only in a half whose rows come out without a match too.
pub(super) type Rows<'s, K, T, W, I> = Table<'s, Option<K>, Buffered<T, <W as JoinRange>::Order>, I>;

/// Two rows of one key and in range, the left one first.
type Pair<'t, H, O> = (&'t Buffered<<H as Half>::Left, O>, &'t Buffered<<H as Half>::Right, O>);

impl<KL, KR, C, W: JoinRange, J> StreamJoin<KL, KR, C, W, J> {
    /// Gives the pairs of a new row: for a left row with all right rows, for a right row with the left rows that are not new.
    pub(super) fn meet<H, K, I, E>(
        &self,
        own: SlotId,
        (owns, others): (&mut Rows<'_, K, H::Own, W, I>, &mut Rows<'_, K, H::Other, W, I>),
        cursor: &mut Cursor,
        sink: &mut impl FnMut(J::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E>
    where
        H: Half,
        K: Key,
        C: Fn(&H::Left, &H::Right) -> bool,
        J: JoinKind<H::Left, H::Right>,
        I: SlotIndex,
    {
        let Some((key, within)) = self.partners::<H, K, I>(owns, own) else { return Ok(()) };
        let mut candidate = begun(cursor).or_else(|| others.last_of(key));
        for _ in 0..others.len() {
            let Some(other) = latest_within(others, candidate, within) else { break };
            candidate = others.before(other);
            if !H::IS_LEFT && others.is_changed(other) {
                continue;
            }
            let Some((left, right)) = self.pair::<H, K, I>((owns, own), (others, other)) else { continue };
            // The result's event time is the left row's, or else the right row's.
            let (result, at) = (self.kind.pair(&left.row, &right.row), left.at().or(right.at()));
            cursor.slot = other.number().saturating_add(1);
            sink(result, at)?;
            self.matched::<H, K, I>((owns, own), (others, other));
            if H::IS_LEFT && self.kind.join_type() == JoinType::LeftSemi {
                break;
            }
        }
        cursor.slot = 0;
        Ok(())
    }

    /// Whether a pair with this row has not been given yet, since one of the two is new.
    pub(super) fn waits<H, K, I>(
        &self,
        own: SlotId,
        owns: &Rows<'_, K, H::Own, W, I>,
        others: &Rows<'_, K, H::Other, W, I>,
    ) -> bool
    where
        H: Half,
        K: Key,
        C: Fn(&H::Left, &H::Right) -> bool,
        I: SlotIndex,
    {
        let Some((key, within)) = self.partners::<H, K, I>(owns, own) else { return false };
        let is_new = owns.is_changed(own);
        any_within(others, key, within, |other| {
            (is_new || others.is_changed(other))
                && self.pair::<H, K, I>((owns, own), (others, other)).is_some()
        })
    }

    /// The key of a row and where its partners are; `None` if it can have none.
    fn partners<'t, H: Half, K: Key, I: SlotIndex>(
        &self,
        owns: &'t Rows<'_, K, H::Own, W, I>,
        own: SlotId,
    ) -> Option<(&'t Option<K>, Positions)> {
        let (key, held) = owns.record(own)?;
        key.as_ref()?;
        Some((key, H::partners(&self.range, held.at())?))
    }

    /// Two rows of one key and in range, if the condition holds for them.
    fn pair<'t, H, K, I>(
        &self,
        (owns, own): (&'t Rows<'_, K, H::Own, W, I>, SlotId),
        (others, other): (&'t Rows<'_, K, H::Other, W, I>, SlotId),
    ) -> Option<Pair<'t, H, W::Order>>
    where
        H: Half,
        K: Key,
        C: Fn(&H::Left, &H::Right) -> bool,
        I: SlotIndex,
    {
        let ((_, own), (_, other)) = (owns.record(own)?, others.record(other)?);
        let (left, right) = H::in_order(own, other);
        (self.condition)(&left.row, &right.row).then_some((left, right))
    }

    /// Remembers that a pair has been given.
    fn matched<H, K, I>(
        &self,
        (owns, own): (&mut Rows<'_, K, H::Own, W, I>, SlotId),
        (others, other): (&mut Rows<'_, K, H::Other, W, I>, SlotId),
    ) where
        H: Half,
        K: Key,
        J: JoinKind<H::Left, H::Right>,
        I: SlotIndex,
    {
        let kind = self.kind.join_type();
        if H::keeps(kind) {
            mark_matched(owns, own);
        }
        if H::Opposite::keeps(kind) {
            mark_matched(others, other);
        }
        match kind {
            JoinType::LeftSemi if H::IS_LEFT => drop(owns.remove(own)),
            JoinType::LeftSemi => drop(others.remove(other)),
            _ => {}
        }
    }
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
