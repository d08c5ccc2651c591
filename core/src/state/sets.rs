//! Sets of slots: one bit for each slot, and above them bits that say which words below are not empty.
//!
//! So the lowest slot of a set, or the next one behind another, is found in as many steps as there are levels, and going through a set costs what is in
//! it, never capacity (van Emde Boas' idea, with words of 16 or 32 bits for the tree). The top level is a root of 64 bits: a table of up to 64 slots
//! is all root. The sets of a table stand interleaved, so that what is known of a slot lies together.

use super::cohorts::{COHORTS, Cohort};
use super::index::{SlotId, SlotIndex};
use super::web::Web;

/// One of the sets that each table keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Set(usize);

impl Set {
    /// Used before and vacant now.
    pub(super) const FREE: Self = Self(0);
    /// Changed since the last commit.
    pub(super) const DIRTY: Self = Self(1);
    /// Changed since the last results.
    pub(super) const CHANGED: Self = Self(2);

    /// The slots of a cohort.
    pub(super) const fn of(cohort: Cohort) -> Self {
        Self(cohort.number().wrapping_add(3))
    }
}

/// How many sets there are.
const SETS: usize = 3 + COHORTS;
/// Bits of a root.
const ROOT_BITS: usize = u64::BITS as usize;
/// Whether the ways that are taken most have code of their own.
const HAS_SHORT_WAYS: bool = !cfg!(feature = "small-code");
/// Levels below the root: 2^31 slots take five of 32 bits, 2^15 slots three of 16.
const LEVELS_MAX: usize = 5;

/// The top level of each set.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Roots {
    bits: [u64; SETS],
    /// Of each set a number that no slot in it is below. So what is taken from the front again and again is found without a way from the root.
    lowest: [u32; SETS],
}

impl Roots {
    pub(super) const EMPTY: Self = Self { bits: [0; SETS], lowest: [0; SETS] };

    /// Of each cohort the top level, zero if it has no slot.
    #[inline]
    pub(super) fn of_cohorts(&self) -> impl Iterator<Item = u64> + '_ {
        self.bits.iter().skip(SETS.saturating_sub(COHORTS)).copied()
    }
}

/// How many words of `bits` bits the sets of a table with `capacity` slots take.
#[cfg(feature = "alloc")]
pub(super) fn words(capacity: usize, bits: usize) -> usize {
    let (mut below, mut words) = (capacity, 0_usize);
    while below > ROOT_BITS {
        below = below.div_ceil(bits);
        words = words.saturating_add(below.saturating_mul(SETS));
    }
    words
}

/// The half of a root that holds a bit. A processor of 32 bits takes ten instructions to shift one of 64.
#[inline]
const fn half_of(root: u64, bit: usize) -> u32 {
    (if bit & 32 == 0 { root } else { root >> 32 }) as u32
}

/// A bit of a root.
#[inline]
const fn root_bit(bit: usize) -> u64 {
    let half = (1_u32 << (bit % u32::BITS as usize)) as u64;
    if bit & 32 == 0 { half } else { half << 32 }
}

/// A level of the tree below the root: where its words begin, and how many bits it has.
#[derive(Clone, Copy, Default)]
struct Level {
    first_word: usize,
    bits: usize,
}

impl<I: SlotIndex> Web<'_, I> {
    const BITS: usize = I::BITS as usize;

    fn slots_level(&self) -> Level {
        Level { first_word: 0, bits: self.links.len() }
    }

    #[inline]
    fn above(level: Level) -> Level {
        let words = level.bits.div_ceil(Self::BITS);
        Level { first_word: level.first_word.wrapping_add(words.wrapping_mul(SETS)), bits: words }
    }

    #[inline]
    fn word_at(level: Level, set: Set, bit: usize) -> usize {
        level.first_word.wrapping_add((bit / Self::BITS).wrapping_mul(SETS)).wrapping_add(set.0)
    }

    #[inline]
    fn root(&self, set: Set) -> u64 {
        self.meta.roots.bits.get(set.0).copied().unwrap_or(0)
    }

    #[inline]
    fn root_mut(&mut self, set: Set) -> Option<&mut u64> {
        self.meta.roots.bits.get_mut(set.0)
    }

    #[inline]
    fn word(&self, level: Level, set: Set, bit: usize) -> u32 {
        self.words.get(Self::word_at(level, set, bit)).map_or(0, |word| word.to_bits())
    }

    /// Whether a slot is in a set.
    #[inline]
    pub(super) fn is_in(&self, set: Set, slot: SlotId) -> bool {
        let (level, bit) = (self.slots_level(), slot.number());
        if level.bits <= ROOT_BITS {
            return bit < level.bits && half_of(self.root(set), bit) >> (bit % u32::BITS as usize) & 1 != 0;
        }
        self.word(level, set, bit) >> (bit % Self::BITS) & 1 != 0
    }

    /// Puts a slot into a set; it need not be out of it.
    #[inline]
    pub(super) fn add_to(&mut self, set: Set, slot: SlotId) {
        self.note_lowest(set, slot);
        let (level, bit) = (self.slots_level(), slot.number());
        if HAS_SHORT_WAYS
            && level.bits > ROOT_BITS
            && let Some(word) = self.words.get_mut(Self::word_at(level, set, bit))
            && word.to_bits() != 0
        {
            // The levels above know of a word that was not empty.
            *word = I::from_bits(word.to_bits() | 1 << (bit % Self::BITS));
            return;
        }
        self.add_first(set, level, bit);
    }

    /// Puts a slot into two sets, whose words lie side by side.
    // Inlined, so that the two sets are constants.
    #[inline(always)]
    pub(super) fn add_to_both(&mut self, one: Set, other: Set, slot: SlotId) {
        if !HAS_SHORT_WAYS {
            self.add_to(one, slot);
            self.add_to(other, slot);
            return;
        }
        let (level, bit) = (self.slots_level(), slot.number());
        let first = Self::word_at(level, Set(0), bit);
        if level.bits > ROOT_BITS
            && let Some(words) = self.words.get_mut(first..first.wrapping_add(SETS))
            && let Ok([one, other]) = words.get_disjoint_mut([one.0, other.0])
            && one.to_bits() != 0
            && other.to_bits() != 0
        {
            let own = 1 << (bit % Self::BITS);
            *one = I::from_bits(one.to_bits() | own);
            *other = I::from_bits(other.to_bits() | own);
        } else {
            self.add_first(one, level, bit);
            self.add_first(other, level, bit);
        }
        self.note_lowest(one, slot);
        self.note_lowest(other, slot);
    }

    #[inline]
    fn note_lowest(&mut self, set: Set, slot: SlotId) {
        if let Some(lowest) = self.meta.roots.lowest.get_mut(set.0) {
            *lowest = slot.as_u32().min(*lowest);
        }
    }

    /// Puts a bit into a word that was empty, and tells the levels above.
    #[inline(never)]
    fn add_first(&mut self, set: Set, mut level: Level, mut bit: usize) {
        for _ in 0..LEVELS_MAX {
            if level.bits <= ROOT_BITS {
                break;
            }
            let Some(word) = self.words.get_mut(Self::word_at(level, set, bit)) else { return };
            let before = word.to_bits();
            *word = I::from_bits(before | 1 << (bit % Self::BITS));
            if before != 0 {
                return;
            }
            (level, bit) = (Self::above(level), bit / Self::BITS);
        }
        if let Some(root) = self.root_mut(set) {
            *root |= root_bit(bit);
        }
    }

    /// Takes a slot out of a set; it need not be in it.
    #[inline]
    pub(super) fn take_from(&mut self, set: Set, slot: SlotId) {
        let (level, bit) = (self.slots_level(), slot.number());
        let bits = 1 << (bit % Self::BITS);
        if HAS_SHORT_WAYS
            && level.bits > ROOT_BITS
            && let Some(word) = self.words.get_mut(Self::word_at(level, set, bit))
            && word.to_bits() & !bits != 0
        {
            *word = I::from_bits(word.to_bits() & !bits);
            return;
        }
        self.clear_bits(set, level, bit, bits);
    }

    /// Clears bits of the word that holds `bit`, and what the levels above know of it.
    #[inline(never)]
    fn clear_bits(&mut self, set: Set, mut level: Level, mut bit: usize, bits: u32) {
        let mut bits = bits;
        for _ in 0..LEVELS_MAX {
            if level.bits <= ROOT_BITS {
                break;
            }
            let Some(word) = self.words.get_mut(Self::word_at(level, set, bit)) else { return };
            *word = I::from_bits(word.to_bits() & !bits);
            if word.to_bits() != 0 {
                return;
            }
            (level, bit) = (Self::above(level), bit / Self::BITS);
            bits = 1 << (bit % Self::BITS);
        }
        if let Some(root) = self.root_mut(set) {
            *root &= !root_bit(bit);
        }
    }

    /// The lowest slot of a set.
    #[inline]
    pub(super) fn first_of(&self, set: Set) -> Option<SlotId> {
        if self.is_empty_set(set) {
            return None;
        }
        self.next_of(set, self.meta.roots.lowest.get(set.0).map_or(0, |lowest| *lowest as usize))
    }

    /// Takes the lowest slot out of a set.
    #[inline]
    pub(super) fn pop_first(&mut self, set: Set) -> Option<SlotId> {
        let (level, from) =
            (self.slots_level(), self.meta.roots.lowest.get(set.0).map_or(0, |lowest| *lowest as usize));
        // Mostly the lowest is in the word it was in the last time, and not alone.
        if HAS_SHORT_WAYS
            && level.bits > ROOT_BITS
            && let Some(word) = self.words.get_mut(Self::word_at(level, set, from))
            && let bits = word.to_bits()
            && bits & bits.wrapping_sub(1) != 0
            && let Some(lowest) = self.meta.roots.lowest.get_mut(set.0)
        {
            *word = I::from_bits(bits & bits.wrapping_sub(1));
            let slot = (from & !(Self::BITS.wrapping_sub(1))).wrapping_add(bits.trailing_zeros() as usize);
            *lowest = (slot as u32).wrapping_add(1);
            return SlotId::new(slot);
        }
        self.pop_first_further(set)
    }

    #[inline(never)]
    fn pop_first_further(&mut self, set: Set) -> Option<SlotId> {
        let slot = self.first_of(set)?;
        self.take_from(set, slot);
        if let Some(lowest) = self.meta.roots.lowest.get_mut(set.0) {
            *lowest = slot.as_u32().wrapping_add(1);
        }
        Some(slot)
    }

    /// Whether a set has no slot.
    #[inline]
    pub(super) fn is_empty_set(&self, set: Set) -> bool {
        self.root(set) == 0
    }

    /// The lowest slot of a set from number `from` on.
    #[inline]
    pub(super) fn next_of(&self, set: Set, from: usize) -> Option<SlotId> {
        let level = self.slots_level();
        if level.bits <= ROOT_BITS {
            return self.next_in_root(set, from).and_then(SlotId::new);
        }
        if from >= level.bits {
            return None;
        }
        // Mostly it is in the same word.
        let rest = self.word(level, set, from) >> (from % Self::BITS);
        if rest != 0 {
            return SlotId::new(from.wrapping_add(rest.trailing_zeros() as usize));
        }
        self.next_further(set, from)
    }

    /// The lowest slot of a set from number `from` on, past the word that holds it.
    #[inline(never)]
    fn next_further(&self, set: Set, from: usize) -> Option<SlotId> {
        let mut levels = [Level::default(); LEVELS_MAX];
        let (mut level, mut bit, mut height) = (self.slots_level(), from, 0_usize);
        // Up, to the first level where something follows in the same word, or in the root.
        let mut found = None;
        for place in &mut levels {
            if level.bits <= ROOT_BITS {
                break;
            }
            if bit >= level.bits {
                return None;
            }
            let rest = self.word(level, set, bit) >> (bit % Self::BITS);
            if rest != 0 {
                found = Some(bit.wrapping_add(rest.trailing_zeros() as usize));
                break;
            }
            *place = level;
            height = height.wrapping_add(1);
            (level, bit) = (Self::above(level), (bit / Self::BITS).wrapping_add(1));
        }
        let mut found = match found {
            Some(found) => found,
            None => self.next_in_root(set, bit)?,
        };
        // Down again, to the first bit of each word that is not empty.
        for level in levels.get(..height)?.iter().rev() {
            let first = found.wrapping_mul(Self::BITS);
            let word = self.word(*level, set, first);
            found = first.wrapping_add(word.trailing_zeros() as usize);
        }
        SlotId::new(found)
    }

    #[inline]
    fn next_in_root(&self, set: Set, bit: usize) -> Option<usize> {
        if bit >= ROOT_BITS {
            return None;
        }
        let rest = self.root(set) >> bit;
        (rest != 0).then(|| bit.wrapping_add(rest.trailing_zeros() as usize))
    }

    /// The slots of a set, lowest first.
    pub(super) fn all_of(&self, set: Set) -> impl Iterator<Item = SlotId> + '_ {
        let mut next = self.first_of(set);
        core::iter::from_fn(move || {
            let slot = next?;
            next = self.next_of(set, slot.number().wrapping_add(1));
            Some(slot)
        })
    }

    /// Empties a set, word by word. Costs what is in it.
    pub(super) fn empty(&mut self, set: Set) {
        let level = self.slots_level();
        if level.bits <= ROOT_BITS {
            self.root_mut(set).into_iter().for_each(|root| *root = 0);
            return;
        }
        // Each round empties a word.
        for _ in 0..self.words.len() {
            let Some(slot) = self.first_of(set) else { break };
            self.clear_bits(set, level, slot.number(), u32::MAX);
        }
    }
}

#[cfg(all(test, feature = "alloc"))]
#[allow(clippy::indexing_slicing, clippy::expect_used, reason = "a test may panic")]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::random::Random;
    use crate::state::{Allocated, Inline, OnePerKey, Record, Schedule, State};
    use crate::time::Timestamp;

    extern crate std;

    use std::collections::BTreeSet;
    use std::vec::Vec;

    /// Of no size worth mentioning, so that tables of a hundred thousand are quick.
    #[derive(Serialize, Deserialize)]
    struct Mark;

    impl Record for Mark {
        type Lookup = OnePerKey;
        const SCHEDULE: Schedule = Schedule::Never;

        fn position(&self) -> Timestamp {
            Timestamp::EPOCH
        }

        fn deadline(&self) -> Timestamp {
            Timestamp::EPOCH
        }
    }

    /// The first set, one amid the others, and the last: neighbours in memory must not touch each other.
    const TRIED: [Set; 3] = [Set::FREE, Set::CHANGED, Set::of(Cohort(COHORTS - 1))];

    fn numbers<I: SlotIndex>(web: &Web<'_, I>, set: Set) -> Vec<usize> {
        web.all_of(set).map(SlotId::number).collect()
    }

    fn check_all<I: SlotIndex>(web: &Web<'_, I>, models: &[BTreeSet<usize>; 3]) {
        for (set, model) in TRIED.into_iter().zip(models) {
            assert!(numbers(web, set).iter().eq(model), "{set:?}");
            assert_eq!(web.is_empty_set(set), model.is_empty(), "{set:?}");
        }
        // Nobody has touched these.
        assert!(web.is_empty_set(Set::DIRTY));
        assert!((0..COHORTS - 1).all(|cohort| web.is_empty_set(Set::of(Cohort(cohort)))));
    }

    /// Adds, takes and looks, more often than not near the ends of words and levels.
    fn agrees_with_ordered_sets<I: SlotIndex>(web: &mut Web<'_, I>) {
        let capacity = web.links.len();
        let mut random = Random(capacity as u64);
        let mut models = [const { BTreeSet::new() }; 3];
        let steps = 3 * capacity.clamp(400, 10_000);
        for step in 0..steps {
            let place = match random.below(4) {
                0 => random.below(capacity),
                1 => random.below(capacity.div_ceil(64)) * 64 + random.below(2) * 63,
                2 => random.below(capacity.div_ceil(1_024)) * 1_024,
                _ => capacity - 1 - random.below(capacity.min(3)),
            };
            let place = place.min(capacity - 1);
            let chosen = random.below(3);
            let (set, model) = (TRIED[chosen], &mut models[chosen]);
            let slot = SlotId::new(place).expect("a slot");
            // Fuller and fuller, then emptier and emptier.
            if random.below(steps) >= step {
                web.add_to(set, slot);
                model.insert(place);
            } else {
                let taken = model.range(random.below(capacity)..).next().copied().unwrap_or(place);
                web.take_from(set, SlotId::new(taken).expect("a slot"));
                model.remove(&taken);
            }
            assert_eq!(web.is_in(set, slot), model.contains(&place), "{place} of {set:?}");
            assert_eq!(web.first_of(set).map(SlotId::number), model.first().copied(), "{set:?}");
            for from in [place, place + 1, random.below(capacity + 2)] {
                let next = web.next_of(set, from).map(SlotId::number);
                assert_eq!(next, model.range(from..).next().copied(), "from {from} of {set:?}");
            }
            if step % (steps / 8) == 0 {
                check_all(web, &models);
                web.empty(set);
                models[chosen].clear();
                check_all(web, &models);
            }
        }
        check_all(web, &models);
        fills_and_empties(web, models);
    }

    /// A set of all slots, taken from either end, beside others that stay as they are.
    fn fills_and_empties<I: SlotIndex>(web: &mut Web<'_, I>, mut models: [BTreeSet<usize>; 3]) {
        let slots: Vec<SlotId> = (0..web.links.len()).filter_map(SlotId::new).collect();
        slots.iter().for_each(|slot| web.add_to(TRIED[1], *slot));
        models[1] = (0..slots.len()).collect();
        check_all(web, &models);
        for slot in slots.iter().rev().take(slots.len() / 2) {
            web.take_from(TRIED[1], *slot);
            models[1].remove(&slot.number());
            assert_eq!(web.next_of(TRIED[1], slot.number()), None);
        }
        check_all(web, &models);
        while let Some(first) = web.first_of(TRIED[1]) {
            assert_eq!(Some(first.number()), models[1].pop_first());
            web.take_from(TRIED[1], first);
        }
        check_all(web, &models);
    }

    fn allocated(capacity: usize) {
        let mut state = Allocated::<u32, Mark>::with_capacity(capacity);
        agrees_with_ordered_sets(&mut state.tables().web);
    }

    fn inline<const N: usize>() {
        let mut state = std::boxed::Box::new(Inline::<u32, Mark, N>::EMPTY);
        agrees_with_ordered_sets(&mut state.tables().web);
    }

    #[test]
    fn of_32_bits_to_a_word() {
        for capacity in [1, 2, 63, 64, 65, 1_024, 1_025, 2_048, 2_049, 65_537, 100_000] {
            allocated(capacity);
        }
    }

    #[test]
    fn of_16_bits_to_a_word() {
        inline::<1>();
        inline::<63>();
        inline::<64>();
        inline::<65>();
        inline::<1_024>();
        inline::<1_025>();
        inline::<2_049>();
        inline::<16_385>();
        inline::<32_767>();
    }

    /// Inline state keeps as many words as slots, allocated state as many as it takes.
    #[test]
    fn inline_state_has_the_words_it_takes() {
        for capacity in 1..=<u16 as SlotIndex>::SLOTS_MAX {
            assert!(words(capacity, u16::BITS as usize) <= capacity, "{capacity}");
        }
    }

    /// What the documentation of [`Allocated`] leaves out of its 21 bytes.
    #[test]
    fn a_slot_of_allocated_state_has_a_byte_of_sets() {
        let bits = words(1_000_000, u32::BITS as usize) * u32::BITS as usize;
        // A bit for each set, and of the levels above a 32nd, and a 32nd of that.
        assert!((8_000_000..8_270_000).contains(&bits), "{bits}");
    }

    #[test]
    fn a_slot_past_the_last_is_in_no_set() {
        for capacity in [1, 64, 65] {
            let mut state = Allocated::<u32, Mark>::with_capacity(capacity);
            let web = &mut state.tables().web;
            SlotId::new(0).into_iter().for_each(|slot| web.add_to(Set::CHANGED, slot));
            for past in (capacity..capacity + 200).filter_map(SlotId::new) {
                assert!(!web.is_in(Set::CHANGED, past), "{past:?} of {capacity}");
            }
        }
    }
}
