//! `histogram`: how many values lie between fixed edges.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::{Aggregate, Arrival, Nullable, Number, capacity::Capacity, packed};

/// What [`histogram()`] keeps per group: 8 bytes for each of the `E` edges, and 16 more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram<const E: usize> {
    capacity: Capacity<E>,
    below: u64,
    /// For each edge the values from it up to the next.
    #[serde(with = "packed")]
    from_edge: [u64; E],
    not_a_number: u64,
}

/// How many values lie in each bin, and outside of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HistogramCounts<const E: usize> {
    /// Values below the first edge, with negative infinity.
    pub below: u64,
    /// Values from the last edge on, with infinity.
    pub above: u64,
    /// NaN.
    pub not_a_number: u64,
    edges: [f64; E],
    from_edge: [u64; E],
}

/// The values from `lower` up to but without `upper`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// The least value in the bin.
    pub lower: f64,
    /// The first value that is no longer in it.
    pub upper: f64,
    /// How many values lie in it.
    pub count: u64,
}

impl<const E: usize> HistogramCounts<E> {
    /// The bins between the edges, ascending: one less than there are edges.
    pub fn bins(&self) -> impl ExactSizeIterator<Item = Bin> + '_ {
        let uppers = self.edges.get(1..).unwrap_or_default();
        let lowers = self.edges.iter().zip(&self.from_edge);
        uppers.iter().zip(lowers).map(|(upper, (lower, count))| Bin {
            lower: *lower,
            upper: *upper,
            count: *count,
        })
    }
}

/// Edges that make no histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum HistogramEdges {
    /// The edge at this index, counted from 0, is NaN or infinite.
    NotFinite(usize),
    /// The edge at this index, counted from 0, is not greater than the one before.
    NotAscending(usize),
}

impl fmt::Display for HistogramEdges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFinite(index) => write!(f, "edge {index} of the histogram is not a finite number"),
            Self::NotAscending(index) => {
                write!(
                    f,
                    "edge {index} of the histogram is not greater than the one before: give edges in ascending order"
                )
            }
        }
    }
}

impl core::error::Error for HistogramEdges {}

fn check(edges: &[f64]) -> Result<(), HistogramEdges> {
    let mut before = f64::NEG_INFINITY;
    for (index, edge) in edges.iter().enumerate() {
        if !edge.is_finite() {
            return Err(HistogramEdges::NotFinite(index));
        }
        if *edge <= before {
            return Err(HistogramEdges::NotAscending(index));
        }
        before = *edge;
    }
    Ok(())
}

/// How many values of `column` lie from each edge up to the next, null skipped.
///
/// Bins hold their lower edge and not their upper one, as windows do. Values outside and NaN are counted apart, so that all
/// counts together are the number of values. Exact; the same values give the same bytes in any order and any order of merges.
///
/// The edges are not in the checkpoint, their number is: when they change, raise the query's version
/// ([`Plan::named`](crate::Plan::named)).
///
/// # Errors
/// [`HistogramEdges`] if the edges are not finite and ascending.
///
/// ```
/// use headwater::aggregate::{Aggregate, Bin, Histogram, histogram};
/// let spec = histogram(|celsius: &f64| *celsius, [0.0, 20.0, 40.0])?;
/// let mut state: Histogram<3> = spec.init();
/// for (celsius, arrival) in [(-1.0, 1), (0.0, 2), (19.9, 3), (20.0, 4), (40.0, 5), (f64::NAN, 6)] {
///     spec.update(&mut state, &celsius, arrival);
/// }
/// let counts = spec.finish(&state);
/// assert_eq!((counts.below, counts.above, counts.not_a_number), (1, 1, 1));
/// let bins: Vec<Bin> = counts.bins().collect();
/// assert_eq!(bins[0], Bin { lower: 0.0, upper: 20.0, count: 2 });
/// assert_eq!(bins[1], Bin { lower: 20.0, upper: 40.0, count: 1 });
/// # Ok::<(), headwater::aggregate::HistogramEdges>(())
/// ```
pub fn histogram<R, T, F, const E: usize>(
    column: F,
    edges: [f64; E],
) -> Result<HistogramOf<F, E>, HistogramEdges>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Number>,
{
    const { assert!(E >= 1, "a histogram needs an edge") };
    check(&edges)?;
    Ok(HistogramOf { column, edges })
}

/// Returned by [`histogram()`].
#[derive(Clone, Copy)]
pub struct HistogramOf<F, const E: usize> {
    column: F,
    edges: [f64; E],
}

impl<F, const E: usize> HistogramOf<F, E> {
    fn counter<'s>(&self, state: &'s mut Histogram<E>, value: f64) -> Option<&'s mut u64> {
        if value.is_nan() {
            return Some(&mut state.not_a_number);
        }
        let edges_upto = self.edges.partition_point(|edge| *edge <= value);
        match edges_upto.checked_sub(1) {
            None => Some(&mut state.below),
            Some(edge) => state.from_edge.get_mut(edge),
        }
    }
}

impl<R, T, F, const E: usize> Aggregate<R> for HistogramOf<F, E>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Number>,
{
    type State = Histogram<E>;
    type Output = HistogramCounts<E>;

    fn init(&self) -> Histogram<E> {
        Histogram { capacity: Capacity, below: 0, from_edge: [0; E], not_a_number: 0 }
    }

    fn update(&self, state: &mut Histogram<E>, row: &R, _arrival: Arrival) {
        if let Some(value) = (self.column)(row).into_option()
            && let Some(counter) = self.counter(state, value.to_f64())
        {
            *counter = counter.saturating_add(1);
        }
    }

    fn merge(&self, state: &mut Histogram<E>, other: &Histogram<E>) {
        state.below = state.below.saturating_add(other.below);
        state.not_a_number = state.not_a_number.saturating_add(other.not_a_number);
        for (ours, theirs) in state.from_edge.iter_mut().zip(&other.from_edge) {
            *ours = ours.saturating_add(*theirs);
        }
    }

    fn finish(&self, state: &Histogram<E>) -> HistogramCounts<E> {
        HistogramCounts {
            below: state.below,
            above: state.from_edge.last().copied().unwrap_or(0),
            not_a_number: state.not_a_number,
            edges: self.edges,
            from_edge: state.from_edge,
        }
    }
}
