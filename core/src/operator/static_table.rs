//! Tables that do not change, for streams to be joined with.

use core::fmt;

/// A table that a stream is joined with, in flash or in memory: rows under keys `K`.
///
/// It must answer the same as long as a query runs, and after a restart: the rows that it makes are not in the checkpoint. Implemented by
/// [`SortedTable`], with `alloc` by `BTreeMap` for one row per key, and by references to tables.
pub trait StaticTable<K> {
    /// What is found under a key.
    type Row;

    /// The rows under `key`, in order of the table.
    fn matching<'t>(&'t self, key: &K) -> impl Iterator<Item = &'t Self::Row>
    where
        Self::Row: 't;
}

impl<K, T: StaticTable<K> + ?Sized> StaticTable<K> for &T {
    type Row = T::Row;

    fn matching<'t>(&'t self, key: &K) -> impl Iterator<Item = &'t T::Row>
    where
        T::Row: 't,
    {
        (**self).matching(key)
    }
}

/// Keys and rows in order of key, for instance a `static` in flash. Several rows may have one key.
///
/// A look-up costs `log2` of the number of rows in comparisons, and a step for each row found.
///
/// ```
/// use headwater::operator::{SortedTable, StaticTable};
///
/// static ROOMS: [(u16, &str); 3] = [(1, "hall"), (1, "stairs"), (4, "cellar")];
/// let rooms = SortedTable::new(&ROOMS)?;
/// assert!(rooms.matching(&1).eq(&["hall", "stairs"]));
/// assert_eq!(rooms.matching(&2).count(), 0);
///
/// let unsorted = SortedTable::new(&[(2, 'b'), (1, 'a')]).unwrap_err();
/// assert_eq!(unsorted.index, 1);
/// # Ok::<(), headwater::operator::Unsorted>(())
/// ```
#[derive(Debug)]
pub struct SortedTable<'t, K, V>(&'t [(K, V)]);

impl<'t, K: Ord, V> SortedTable<'t, K, V> {
    /// A table of rows that are in order of their keys. Looks at each once.
    ///
    /// # Errors
    /// [`Unsorted`] if a key is lower than the one before it.
    pub fn new(rows: &'t [(K, V)]) -> Result<Self, Unsorted> {
        let followers = rows.iter().zip(rows.iter().skip(1));
        match followers.into_iter().position(|((key, _), (next, _))| next < key) {
            None => Ok(Self(rows)),
            Some(place) => Err(Unsorted { index: place.saturating_add(1) }),
        }
    }
}

impl<K, V> Clone for SortedTable<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for SortedTable<'_, K, V> {}

impl<K: Ord, V> StaticTable<K> for SortedTable<'_, K, V> {
    type Row = V;

    fn matching<'t>(&'t self, key: &K) -> impl Iterator<Item = &'t V>
    where
        V: 't,
    {
        let lower = self.0.partition_point(|(other, _)| other < key);
        let from = self.0.get(lower..).unwrap_or_default();
        let same = from.partition_point(|(other, _)| other <= key);
        from.iter().take(same).map(|(_, row)| row)
    }
}

/// The rows of a table are not in order of their keys: sort them, with a stable sort where the order under one key means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsorted {
    /// The first row whose key is lower than that of the row before it, counted from 0.
    pub index: usize,
}

impl fmt::Display for Unsorted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "row {} of the table has a lower key than the row before it: sort the rows by key",
            self.index
        )
    }
}

impl core::error::Error for Unsorted {}

/// One row per key.
#[cfg(feature = "alloc")]
impl<K: Ord, V> StaticTable<K> for alloc::collections::BTreeMap<K, V> {
    type Row = V;

    fn matching<'t>(&'t self, key: &K) -> impl Iterator<Item = &'t V>
    where
        V: 't,
    {
        self.get(key).into_iter()
    }
}
