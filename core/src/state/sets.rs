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
            return self.root(set) >> (bit % ROOT_BITS) & 1 != 0;
        }
        self.word(level, set, bit) >> (bit % Self::BITS) & 1 != 0
    }

    /// Puts a slot into a set; it need not be out of it.
    #[inline]
    pub(super) fn add_to(&mut self, set: Set, slot: SlotId) {
        if let Some(lowest) = self.meta.roots.lowest.get_mut(set.0) {
            *lowest = slot.as_u32().min(*lowest);
        }
        let (level, bit) = (self.slots_level(), slot.number());
        if level.bits > ROOT_BITS
            && let Some(word) = self.words.get_mut(Self::word_at(level, set, bit))
            && word.to_bits() != 0
        {
            // The levels above know of a word that was not empty.
            *word = I::from_bits(word.to_bits() | 1 << (bit % Self::BITS));
            return;
        }
        self.add_first(set, level, bit);
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
            *root |= 1 << (bit % ROOT_BITS);
        }
    }

    /// Takes a slot out of a set; it need not be in it.
    #[inline]
    pub(super) fn take_from(&mut self, set: Set, slot: SlotId) {
        let (level, bit) = (self.slots_level(), slot.number());
        let bits = 1 << (bit % Self::BITS);
        if level.bits > ROOT_BITS
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
            *root &= !(1 << (bit % ROOT_BITS));
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
        if level.bits > ROOT_BITS
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
