//! How the records of a key are found, as a type, so that a table has no more links than its operator needs.

use super::index::SlotIndex;
use super::slot::Siblings;

/// How the records of a key are found: [`OnePerKey`], [`ByPosition`] or [`InOrder`].
pub trait Lookup: private::Sealed + 'static {
    /// What a slot keeps to find the other records of its key.
    type Links<I: SlotIndex>: SiblingLinks<I>;
    /// Whether the index looks at positions too.
    const BY_POSITION: bool;
    /// Whether the records of a key hang together in order of position.
    const IN_ORDER: bool;
}

/// A key has one record at most.
#[derive(Debug, Clone, Copy)]
pub enum OnePerKey {}

/// A key has one record at most for each position, and each is found at once. They are in no order.
#[derive(Debug, Clone, Copy)]
pub enum ByPosition {}

/// The records of a key are linked in order of position, and found from the one with the highest. 4 bytes more a record in inline state, 8 in
/// allocated state.
#[derive(Debug, Clone, Copy)]
pub enum InOrder {}

impl Lookup for OnePerKey {
    type Links<I: SlotIndex> = ();
    const BY_POSITION: bool = false;
    const IN_ORDER: bool = false;
}

impl Lookup for ByPosition {
    type Links<I: SlotIndex> = ();
    const BY_POSITION: bool = true;
    const IN_ORDER: bool = false;
}

impl Lookup for InOrder {
    type Links<I: SlotIndex> = Siblings<I>;
    const BY_POSITION: bool = false;
    const IN_ORDER: bool = true;
}

/// A [`Lookup`] that finds a key without a position.
pub trait ByKey: Lookup {}

impl ByKey for OnePerKey {}
impl ByKey for InOrder {}

/// The links to other records of a key, or nothing in their place.
#[allow(unnameable_types)]
pub trait SiblingLinks<I>: Copy + core::fmt::Debug {
    /// No other record.
    const NONE: Self;

    /// The links, none where there are none to keep.
    fn all(links: &mut [Self]) -> &mut [Siblings<I>];
}

impl<I> SiblingLinks<I> for () {
    const NONE: Self = ();

    fn all(_links: &mut [Self]) -> &mut [Siblings<I>] {
        &mut []
    }
}

impl<I: SlotIndex> SiblingLinks<I> for Siblings<I> {
    const NONE: Self = Siblings { before: I::NONE, after: I::NONE };

    fn all(links: &mut [Self]) -> &mut [Self] {
        links
    }
}

mod private {
    // Out of reach on purpose: that is what seals the trait.
    #[allow(unnameable_types)]
    pub trait Sealed {}
    impl Sealed for super::OnePerKey {}
    impl Sealed for super::ByPosition {}
    impl Sealed for super::InOrder {}
}
