//! `most_frequent`: the values that come most often.

use core::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{Aggregate, Arrival, Nullable, Order, Stored, capacity::Capacity};

/// What [`most_frequent()`] keeps per group: `N` counters of 16 bytes and a value each, and 8 more; for instance 200
/// bytes for 8 of `u32`.
///
/// A Space-Saving sketch (Metwally, Agrawal and El Abbadi, ICDT 2005).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de>"))]
pub struct MostFrequent<T, const N: usize> {
    capacity: Capacity<N>,
    /// The highest count first; of equal counts the least value.
    counters: heapless::Vec<Frequent<T>, N>,
}

/// A value, and how often it came: at most `count` times, at least `count - error` times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frequent<T> {
    /// The value.
    pub value: T,
    /// How often it came, perhaps with others counted to it: never too low.
    pub count: u64,
    /// How many of `count` may be others: 0 if the count is exact.
    pub error: u64,
}

impl<T: Order> Frequent<T> {
    fn is_before(&self, other: &Self) -> bool {
        match self.count.cmp(&other.count) {
            Ordering::Equal => self.value.order(&other.value) == Ordering::Less,
            order => order == Ordering::Greater,
        }
    }

    fn raised(mut self, count: u64, error: u64) -> Self {
        self.count = self.count.saturating_add(count);
        self.error = self.error.saturating_add(error);
        self
    }
}

/// Moves the last counter to its place among the others, which are in order.
fn settle<T: Order>(counters: &mut [Frequent<T>]) {
    let Some((mut moving, mut before)) = counters.split_last_mut() else { return };
    while let Some((neighbour, rest)) = before.split_last_mut() {
        if !moving.is_before(neighbour) {
            return;
        }
        core::mem::swap(moving, neighbour);
        (moving, before) = (neighbour, rest);
    }
}

impl<T: Order + Clone, const N: usize> MostFrequent<T, N> {
    fn new() -> Self {
        const { assert!(N >= 1, "the most frequent of no values") };
        Self { capacity: Capacity, counters: heapless::Vec::new() }
    }

    fn add(&mut self, value: T) {
        if let Some(place) = self.place_of(&value) {
            let upto = self.counters.get_mut(..=place).unwrap_or_default();
            if let Some(counter) = upto.last_mut() {
                counter.count = counter.count.saturating_add(1);
            }
            settle(upto);
            return;
        }
        // A value that is not here came at most as often as the rarest that is.
        let rarest = self.rarest();
        let counter = Frequent { value, count: rarest.saturating_add(1), error: rarest };
        if let Err(counter) = self.counters.push(counter)
            && let Some(last) = self.counters.last_mut()
        {
            *last = counter;
        }
        settle(&mut self.counters);
    }

    fn place_of(&self, value: &T) -> Option<usize> {
        self.counters.iter().position(|counter| counter.value.order(value) == Ordering::Equal)
    }

    fn counter_of(&self, value: &T) -> Option<&Frequent<T>> {
        self.counters.iter().find(|counter| counter.value.order(value) == Ordering::Equal)
    }

    /// How often a value without a counter may have come: not at all while there is room.
    fn rarest(&self) -> u64 {
        if self.counters.is_full() { self.counters.last().map_or(0, |last| last.count) } else { 0 }
    }

    /// Adds the counts of both, a value missing on one side being given that side's bound, and keeps the `N` highest: what Agarwal
    /// et al. (Mergeable Summaries, PODS 2012) show to keep the bound, with counts as Cafaro, Pulimeno and Tempesta (2016) have them.
    fn merge(&mut self, other: &Self) {
        let before = self.clone();
        self.counters.clear();
        let (our_rarest, their_rarest) = (before.rarest(), other.rarest());
        for ours in &before.counters {
            let (count, error) = other
                .counter_of(&ours.value)
                .map_or((their_rarest, their_rarest), |theirs| (theirs.count, theirs.error));
            self.offer(ours.clone().raised(count, error));
        }
        for theirs in &other.counters {
            if before.place_of(&theirs.value).is_none() {
                self.offer(theirs.clone().raised(our_rarest, our_rarest));
            }
        }
    }

    /// Takes a counter in if it is among the `N` highest.
    fn offer(&mut self, counter: Frequent<T>) {
        match self.counters.push(counter) {
            Ok(()) => settle(&mut self.counters),
            Err(counter) => {
                if let Some(last) = self.counters.last_mut()
                    && counter.is_before(last)
                {
                    *last = counter;
                    settle(&mut self.counters);
                }
            }
        }
    }
}

/// The values of `column` that came most often, the most frequent first, null skipped: at most `N`, with counts.
///
/// `N` is in the state's type, [`MostFrequent`], and is taken from there.
///
/// # Error
/// Up to `N` different values every count is exact. With more of them, over `n` values: each [`Frequent::error`] is at most
/// `n / N`, and every value that came more than `n / N` times is in the list. Give twice to ten times as many counters as values
/// looked for; the first of the list are the least in doubt.
///
/// # Order and merges
/// Up to `N` different values the same rows give the same bytes in any order and any order of merges. With more of them,
/// which rare values share a counter depends on the order of rows and on how states are merged (two states in either order
/// give the same, three not always); the bounds hold in each case. Values are equal as [`Order`] says: of -0.0 and 0.0 one stays.
///
/// Cost: up to `N` comparisons per row, `2 N^2` per merge, which keeps a copy of the state on the stack.
///
/// ```
/// use headwater::aggregate::{Aggregate, Frequent, MostFrequent, most_frequent};
/// let spec = most_frequent(|code: &u16| *code);
/// let mut state: MostFrequent<u16, 2> = spec.init();
/// for (code, arrival) in [(404, 1), (500, 2), (404, 3), (404, 4), (403, 5)] {
///     spec.update(&mut state, &code, arrival);
/// }
/// let top = spec.finish(&state);
/// assert_eq!(top[0], Frequent { value: 404, count: 3, error: 0 });
/// // The counter of 500 went to 403, which therefore may have come twice, but surely once.
/// assert_eq!(top[1], Frequent { value: 403, count: 2, error: 1 });
/// ```
#[must_use]
pub fn most_frequent<const N: usize, R, T, F>(column: F) -> MostFrequentOf<F, N>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Order + Stored>,
{
    MostFrequentOf { column }
}

/// Returned by [`most_frequent()`].
#[derive(Clone, Copy)]
pub struct MostFrequentOf<F, const N: usize> {
    column: F,
}

impl<R, T, F, const N: usize> Aggregate<R> for MostFrequentOf<F, N>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Order + Stored>,
{
    type State = MostFrequent<T::Value, N>;
    type Output = heapless::Vec<Frequent<T::Value>, N>;

    fn init(&self) -> Self::State {
        MostFrequent::new()
    }

    fn update(&self, state: &mut Self::State, row: &R, _arrival: Arrival) {
        if let Some(value) = (self.column)(row).into_option() {
            state.add(value);
        }
    }

    fn merge(&self, state: &mut Self::State, other: &Self::State) {
        state.merge(other);
    }

    fn finish(&self, state: &Self::State) -> Self::Output {
        state.counters.clone()
    }
}
