//! Where the engine is known to answer otherwise than Spark, and why.

use super::read::Scenario;

/// A difference that is meant. A scenario that shows it counts neither as passed nor as failed.
#[derive(Debug, Clone, Copy)]
pub struct Deviation {
    /// Its name, under which `docs/SPARK.md` explains it.
    pub name: &'static str,
    /// What is different, in a line.
    pub reason: &'static str,
    /// Whether a scenario can show it; as narrow as can be, because it hides what else is wrong with that scenario.
    pub concerns: fn(&Scenario) -> bool,
}

/// All of them.
pub const DEVIATIONS: &[Deviation] = &[];
