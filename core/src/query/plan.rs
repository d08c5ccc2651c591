//! The plan of a query: code without state.

use core::marker::PhantomData;

use super::run::Query;
use crate::operator::{OnFull, Operator, OutputMode, Stages};
use crate::state::{Shape, State};
#[cfg(feature = "alloc")]
use crate::{operator::Full, time::Timestamp};

/// A query ready to run: stages, a stateful operator and an output mode.
///
/// It holds the closures and no state; a local of `main` or of a task. [`bind`](QueryPlan::bind) gives it state.
#[derive(Debug, Clone)]
pub struct Plan<R, S, O> {
    pub(super) stages: S,
    pub(super) operator: O,
    pub(super) mode: OutputMode,
    pub(super) on_full: OnFull,
    pub(super) name: &'static str,
    pub(super) version: u32,
    rows: PhantomData<fn(R)>,
}

impl<R, S, O> Plan<R, S, O> {
    pub(super) const fn new(stages: S, operator: O, mode: OutputMode) -> Self {
        Self { stages, operator, mode, on_full: OnFull::Refuse, name: "query", version: 1, rows: PhantomData }
    }

    /// Names the query and the version of its meaning. Both are in the checkpoint, which another name or version does not
    /// open. Raise the version when a change of code makes old state wrong although its types stay the same.
    #[must_use]
    pub fn named(self, name: &'static str, version: u32) -> Self {
        Self { name, version, ..self }
    }

    /// Says what happens to a row that state has no room for; [`OnFull::Refuse`] unless said otherwise.
    #[must_use]
    pub fn on_full(self, policy: OnFull) -> Self {
        Self { on_full: policy, ..self }
    }
}

/// What a plan is made of, in a form that code over any plan can name.
///
/// Implemented by [`Plan`]; there is no need to implement it.
pub trait QueryPlan: Sized {
    /// What is pushed.
    type Row;
    /// What the operator sees: the row after the stages.
    type Item;
    /// The tables that its operators keep.
    type Shape: Shape;
    /// A result.
    type Output;
    /// The stages.
    type Stages: Stages<Self::Row, Out = Self::Item>;
    /// The operator.
    type Operator: Operator<Self::Item, Shape = Self::Shape, Output = Self::Output>;

    /// The stages.
    fn stages(&self) -> &Self::Stages;
    /// The operator.
    fn operator(&self) -> &Self::Operator;
    /// The output mode.
    fn mode(&self) -> OutputMode;
    /// What happens when state is full.
    fn full_policy(&self) -> OnFull;
    /// The query's name and version.
    fn name(&self) -> (&'static str, u32);

    /// Gives the plan state to run with. The state is emptied first; [`Query::restore`] brings back what a log holds.
    fn bind<'q, S>(&'q self, state: &'q mut S) -> Query<'q, Self, S::Index>
    where
        S: State<Shape = Self::Shape>,
    {
        Query::new(self, state.tables())
    }

    /// Memory for `capacity` records in each table of the plan, allocated once.
    #[cfg(feature = "alloc")]
    fn allocate(&self, capacity: usize) -> <Self::Shape as Shape>::Allocated {
        Self::Shape::allocate(capacity)
    }

    /// The answer of the same plan as a batch query over `rows`: nothing is late, and every group is given once with the totals over
    /// all rows, in order of deadline (append) or of first row.
    ///
    /// Allocates state for as many groups as there are rows, and begins again with twice that where a table needs more: behind sliding windows
    /// and stages that make several rows of one.
    #[cfg(feature = "alloc")]
    fn batch<'r>(&self, rows: impl IntoIterator<Item = &'r Self::Row>) -> alloc::vec::Vec<Self::Output>
    where
        Self::Row: 'r,
    {
        let rows: alloc::vec::Vec<&Self::Row> = rows.into_iter().collect();
        let mut capacity = rows.len().max(1);
        loop {
            match within(self, &rows, capacity) {
                Ok(results) => return results,
                // A table is full, which ends with more room.
                Err(Full) => capacity = capacity.saturating_mul(2),
            }
        }
    }
}

impl<R, S, O> QueryPlan for Plan<R, S, O>
where
    S: Stages<R>,
    O: Operator<S::Out>,
{
    type Row = R;
    type Item = S::Out;
    type Shape = O::Shape;
    type Output = O::Output;
    type Stages = S;
    type Operator = O;

    fn stages(&self) -> &S {
        &self.stages
    }

    fn operator(&self) -> &O {
        &self.operator
    }

    fn mode(&self) -> OutputMode {
        self.mode
    }

    fn full_policy(&self) -> OnFull {
        self.on_full
    }

    fn name(&self) -> (&'static str, u32) {
        (self.name, self.version)
    }
}

/// The batch answer over state for `capacity` records in each table, unless one of them is too small. Rows that are refused for another
/// reason are left out.
#[cfg(feature = "alloc")]
fn within<P: QueryPlan>(
    plan: &P,
    rows: &[&P::Row],
    capacity: usize,
) -> Result<alloc::vec::Vec<P::Output>, Full> {
    let mut state = plan.allocate(capacity);
    let mut query = plan.bind(&mut state);
    query.prepare_batch();
    let mut results = Results(alloc::vec::Vec::new());
    for row in rows {
        if query.push_ref(row, &mut results).is_err() && query.has_full_table() {
            return Err(Full);
        }
    }
    let Results(mut results) = results;
    if query.drain(Timestamp::EPOCH, |row| results.push(row)).is_err() && query.has_full_table() {
        return Err(Full);
    }
    Ok(results)
}

/// Keeps results that leave at a push.
#[cfg(feature = "alloc")]
struct Results<O>(alloc::vec::Vec<O>);

#[cfg(feature = "alloc")]
impl<T: ?Sized, O> crate::operator::Side<T, O> for Results<O> {
    fn give(&mut self, row: O) -> Result<(), crate::operator::NotNow> {
        self.0.push(row);
        Ok(())
    }
}
