//! The sum of all results of a run.

/// What a run answered, in numbers that do not depend on the order of results. All are exact.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Checksum {
    results: u64,
    counts: u64,
    sums: f64,
    minima: f64,
    maxima: f64,
    /// Ties each count to its key and window.
    placed: u64,
}

impl Checksum {
    /// Adds the result for one window of one key; its start and end are in microseconds.
    pub fn add(&mut self, key: u32, start: i64, end: i64, result: (u64, f64, f64, f64)) {
        let (count, sum, min, max) = result;
        let place = start.wrapping_mul(31).wrapping_add(end).unsigned_abs() % 9_973;
        self.results += 1;
        self.counts += count;
        self.sums += sum;
        self.minima += min;
        self.maxima += max;
        self.placed += count * (place + u64::from(key));
    }

    /// How many results there were.
    pub fn results(&self) -> u64 {
        self.results
    }
}
