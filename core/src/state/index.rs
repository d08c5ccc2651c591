//! Slot numbers, and the integers they are stored in.

/// The number of a slot in a table, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SlotId(u32);

impl SlotId {
    /// The slot `number`, or `None` past what a table can hold.
    #[must_use]
    pub fn new(number: usize) -> Option<Self> {
        u32::try_from(number).ok().filter(|number| *number < u32::MAX).map(Self)
    }

    /// The number, for slices.
    #[must_use]
    pub const fn number(self) -> usize {
        self.0 as usize
    }

    /// The number, for the checkpoint.
    #[must_use]
    pub const fn as_u32(self) -> u32 {
        self.0
    }
}

/// An integer that stores `Option<SlotId>` as the number plus one, 0 for none, so that empty state is all zero bytes.
pub trait SlotIndex: Copy + Default + PartialEq + core::fmt::Debug + private::Sealed + 'static {
    /// The most slots a table with this integer has.
    const SLOTS_MAX: usize;
    /// How many bits it has: of a hash so many are kept.
    const BITS: u32;
    /// No slot.
    const NONE: Self;

    /// Stores a slot number.
    fn encode(slot: Option<SlotId>) -> Self;
    /// Gives it back.
    fn decode(self) -> Option<SlotId>;
    /// Stores the top [`SlotIndex::BITS`] bits of a hash.
    fn from_hash(hash: u32) -> Self;
    /// Stores the low [`SlotIndex::BITS`] bits of a word.
    fn from_bits(word: u32) -> Self;
    /// Gives the bits back.
    fn to_bits(self) -> u32;
}

mod private {
    // Out of reach on purpose: that is what seals the trait.
    #[allow(unnameable_types)]
    pub trait Sealed {}
    impl Sealed for u16 {}
    impl Sealed for u32 {}
}

impl SlotIndex for u16 {
    // Twice as many buckets must be told apart by 16 bits of hash.
    const SLOTS_MAX: usize = 32_767;
    const BITS: u32 = Self::BITS;
    const NONE: Self = 0;

    #[inline]
    fn encode(slot: Option<SlotId>) -> Self {
        slot.and_then(|slot| Self::try_from(slot.0.wrapping_add(1)).ok()).unwrap_or(0)
    }

    #[inline]
    fn decode(self) -> Option<SlotId> {
        self.checked_sub(1).map(|number| SlotId(u32::from(number)))
    }

    #[inline]
    fn from_hash(hash: u32) -> Self {
        (hash >> 16) as Self
    }

    #[inline]
    fn from_bits(word: u32) -> Self {
        word as Self
    }

    #[inline]
    fn to_bits(self) -> u32 {
        u32::from(self)
    }
}

impl SlotIndex for u32 {
    const SLOTS_MAX: usize = 0x7fff_ffff;
    const BITS: u32 = Self::BITS;
    const NONE: Self = 0;

    #[inline]
    fn encode(slot: Option<SlotId>) -> Self {
        slot.map_or(0, |slot| slot.0.wrapping_add(1))
    }

    #[inline]
    fn decode(self) -> Option<SlotId> {
        self.checked_sub(1).map(SlotId)
    }

    #[inline]
    fn from_hash(hash: u32) -> Self {
        hash
    }

    #[inline]
    fn from_bits(word: u32) -> Self {
        word
    }

    #[inline]
    fn to_bits(self) -> u32 {
        self
    }
}
