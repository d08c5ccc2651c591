//! The join of a stream with a table that does not change: a stage without state.

use core::marker::PhantomData;

use super::{JoinKey, RowStage, StaticTable};
use crate::time::Timestamp;

/// The join with the table `B` by the key that `F` reads. `J` says which rows come out: [`StaticInner`], [`StaticLeftOuter`],
/// [`StaticLeftSemi`] or [`StaticLeftAnti`].
#[derive(Debug, Clone)]
pub struct StaticJoin<B, F, J> {
    pub(crate) table: B,
    pub(crate) key: F,
    pub(crate) join: PhantomData<J>,
}

/// Which rows a join with a table gives, for a row `T` of the stream and rows `V` of the table.
pub trait StaticJoinKind<T, V> {
    /// What comes out.
    type Out;
    /// Whether one row can come out as several.
    const MULTIPLIES: bool;

    /// Gives what comes of `row`, whose matches are `matches`, to `next`.
    ///
    /// # Errors
    /// What `next` answered; nothing more is given then.
    fn give<'t, E>(
        row: &T,
        matches: impl Iterator<Item = &'t V>,
        next: &mut impl FnMut(&Self::Out) -> Result<(), E>,
    ) -> Result<(), E>
    where
        V: 't;
}

/// Each pair of a row and a match.
#[derive(Debug, Clone, Copy)]
pub enum StaticInner {}

impl<T: Clone, V: Clone> StaticJoinKind<T, V> for StaticInner {
    type Out = (T, V);
    const MULTIPLIES: bool = true;

    fn give<'t, E>(
        row: &T,
        mut matches: impl Iterator<Item = &'t V>,
        next: &mut impl FnMut(&(T, V)) -> Result<(), E>,
    ) -> Result<(), E>
    where
        V: 't,
    {
        matches.try_for_each(|found| next(&(row.clone(), found.clone())))
    }
}

/// Each pair of a row and a match, and rows without one.
#[derive(Debug, Clone, Copy)]
pub enum StaticLeftOuter {}

impl<T: Clone, V: Clone> StaticJoinKind<T, V> for StaticLeftOuter {
    type Out = (T, Option<V>);
    const MULTIPLIES: bool = true;

    fn give<'t, E>(
        row: &T,
        matches: impl Iterator<Item = &'t V>,
        next: &mut impl FnMut(&(T, Option<V>)) -> Result<(), E>,
    ) -> Result<(), E>
    where
        V: 't,
    {
        let mut alone = true;
        for found in matches {
            alone = false;
            next(&(row.clone(), Some(found.clone())))?;
        }
        if alone { next(&(row.clone(), None)) } else { Ok(()) }
    }
}

/// Rows with a match, once.
#[derive(Debug, Clone, Copy)]
pub enum StaticLeftSemi {}

impl<T, V> StaticJoinKind<T, V> for StaticLeftSemi {
    type Out = T;
    const MULTIPLIES: bool = false;

    fn give<'t, E>(
        row: &T,
        mut matches: impl Iterator<Item = &'t V>,
        next: &mut impl FnMut(&T) -> Result<(), E>,
    ) -> Result<(), E>
    where
        V: 't,
    {
        if matches.next().is_some() { next(row) } else { Ok(()) }
    }
}

/// Rows without a match.
#[derive(Debug, Clone, Copy)]
pub enum StaticLeftAnti {}

impl<T, V> StaticJoinKind<T, V> for StaticLeftAnti {
    type Out = T;
    const MULTIPLIES: bool = false;

    fn give<'t, E>(
        row: &T,
        mut matches: impl Iterator<Item = &'t V>,
        next: &mut impl FnMut(&T) -> Result<(), E>,
    ) -> Result<(), E>
    where
        V: 't,
    {
        if matches.next().is_none() { next(row) } else { Ok(()) }
    }
}

impl<T, B, Q, F, J> RowStage<T> for StaticJoin<B, F, J>
where
    Q: JoinKey,
    F: Fn(&T) -> Q,
    B: StaticTable<Q::Key>,
    J: StaticJoinKind<T, B::Row>,
{
    type Out = J::Out;
    const MULTIPLIES: bool = J::MULTIPLIES;

    #[inline]
    fn pass<E>(
        &self,
        row: &T,
        at: Option<Timestamp>,
        next: &mut impl FnMut(&J::Out, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        let key = (self.key)(row).join_key();
        let matches = key.iter().flat_map(|key| self.table.matching(key));
        J::give(row, matches, &mut |joined| next(joined, at))
    }
}
