//! Counts runs and prints what differs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::deviation::Deviation;
use super::read::Scenario;
use super::run::Failure;

/// The count of a conformance run.
#[derive(Debug)]
pub struct Report<'a> {
    deviations: &'a [Deviation],
    /// Runs all of whose answers were Spark's.
    pub passed: u64,
    /// Runs that differed, and files that could not be read.
    pub failed: u64,
    deviating: BTreeMap<&'static str, BTreeSet<String>>,
}

impl<'a> Report<'a> {
    /// Nothing counted yet; with the differences that are meant.
    #[must_use]
    pub const fn new(deviations: &'a [Deviation]) -> Self {
        Self { deviations, passed: 0, failed: 0, deviating: BTreeMap::new() }
    }

    /// Counts a run, and prints its failures unless they are of a deviation.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn ran(&mut self, scenario: &Scenario, failures: &[Failure], out: &mut impl Write) -> io::Result<()> {
        if failures.is_empty() {
            self.passed += 1;
            return Ok(());
        }
        if let Some(deviation) = self.deviations.iter().find(|deviation| (deviation.concerns)(scenario)) {
            self.deviating.entry(deviation.name).or_default().insert(scenario.name.clone());
            return Ok(());
        }
        self.failed += 1;
        failures.iter().try_for_each(|failure| writeln!(out, "{failure}"))
    }

    /// Counts a file that could not be read.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn unreadable(&mut self, error: &dyn core::error::Error, out: &mut impl Write) -> io::Result<()> {
        self.failed += 1;
        writeln!(out, "{error}")
    }

    /// Prints the deviations and last the count.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(&self, out: &mut impl Write) -> io::Result<()> {
        for deviation in self.deviations {
            let seen = self.deviating.get(deviation.name).into_iter().flatten();
            let seen: Vec<&str> = seen.map(String::as_str).collect();
            let seen = if seen.is_empty() { "not seen".to_owned() } else { seen.join(", ") };
            writeln!(out, "deviation {}: {} ({seen})", deviation.name, deviation.reason)?;
        }
        writeln!(out, "{} passed, {} failed", self.passed, self.failed)
    }
}
