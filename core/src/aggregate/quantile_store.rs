//! The counters of a DDSketch for values of one sign.

use serde::{Deserialize, Serialize};

use super::packed;

/// Counts for the `N` highest buckets seen; what lies below is counted in the lowest of them.
///
/// Which buckets are kept follows from the highest one alone, and a value once moved to the lowest bucket moves on with it:
/// so the counts do not depend on the order of rows or merges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct QuantileStore<const N: usize> {
    /// The highest bucket with a value.
    highest: Option<i32>,
    /// The counter of a bucket is at its number modulo `N`, so that nothing moves when higher buckets come.
    #[serde(with = "packed")]
    counts: [u32; N],
}

impl<const N: usize> QuantileStore<N> {
    /// The number of buckets as it is added to their numbers.
    const WIDTH: i32 = N as i32;

    pub(super) fn new() -> Self {
        const { assert!(N >= 1 && N <= 65_536, "the number of buckets of a sign must be 1 to 65536") };
        Self { highest: None, counts: [0; N] }
    }

    /// Counts a value in `bucket`. At most `N` steps, and one if the bucket is not above all before.
    pub(super) fn add(&mut self, bucket: i32) {
        let highest = self.raise(bucket);
        self.count(bucket, 1, highest);
    }

    /// Adds the values of `other`. At most `2 N` steps.
    pub(super) fn merge(&mut self, other: &Self) {
        let Some(theirs) = other.highest else { return };
        let highest = self.raise(theirs);
        for (bucket, count) in other.ascending() {
            self.count(bucket, count, highest);
        }
    }

    /// The buckets kept and their counts, from the lowest.
    pub(super) fn ascending(&self) -> impl DoubleEndedIterator<Item = (i32, u32)> {
        // None if nothing was counted: then the range is empty.
        let highest =
            self.highest.map_or(0..0, |highest| lowest(highest, Self::WIDTH)..highest.saturating_add(1));
        highest.map(|bucket| (bucket, self.counts.get(slot(bucket, Self::WIDTH)).copied().unwrap_or(0)))
    }

    /// The number of values.
    pub(super) fn total(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).fold(0, u64::saturating_add)
    }

    fn count(&mut self, bucket: i32, count: u32, highest: i32) {
        let bucket = bucket.max(lowest(highest, Self::WIDTH));
        if let Some(counter) = self.counts.get_mut(slot(bucket, Self::WIDTH)) {
            *counter = counter.saturating_add(count);
        }
    }

    /// Makes `bucket` the highest if it is above it, moves what is now too low into the lowest bucket, and returns the highest.
    fn raise(&mut self, bucket: i32) -> i32 {
        let Some(old) = self.highest else {
            self.highest = Some(bucket);
            return bucket;
        };
        if bucket <= old {
            return old;
        }
        self.highest = Some(bucket);
        let lowest_before = lowest(old, Self::WIDTH);
        let end = lowest(bucket, Self::WIDTH).min(old.saturating_add(1));
        let mut moved = 0_u32;
        for left in lowest_before..end {
            if let Some(counter) = self.counts.get_mut(slot(left, Self::WIDTH)) {
                moved = moved.saturating_add(core::mem::take(counter));
            }
        }
        self.count(i32::MIN, moved, bucket);
        bucket
    }
}

/// The lowest of the `width` buckets that end with `highest`.
fn lowest(highest: i32, width: i32) -> i32 {
    highest.saturating_sub(width).saturating_add(1)
}

/// Where the counter of `bucket` is.
fn slot(bucket: i32, width: i32) -> usize {
    bucket.checked_rem_euclid(width).unwrap_or(0).unsigned_abs() as usize
}
