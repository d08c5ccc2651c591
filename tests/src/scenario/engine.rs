//! The engine as a conformance run sees it.

use headwater::state::Shape;
use headwater::{QueryPlan, Timestamp};
use headwater_std::declared::{CheckedQuery, FromInput, PlanVisitor, SeenRow, Sides};
use headwater_std::dynamic::{Row, Schema};
use thiserror::Error;

use super::declare::Declaration;
use super::late::{LateRow, LateRule};
use super::threaded::{Served, Threaded};

/// A query that runs, one epoch at a time.
pub trait Engine {
    /// The columns of its results.
    fn columns(&self) -> &Schema;

    /// An epoch with the rows of each input, in the order of the inputs. Rows of one input keep their order.
    ///
    /// # Errors
    /// [`EngineError`] if a row or the epoch is refused.
    fn step(&mut self, rows: &[Vec<Row>]) -> Result<EpochAnswer, EngineError>;

    /// Writes the state to the log, forgets it, and restores it from there.
    ///
    /// # Errors
    /// [`EngineError`] if either does not work, or if what is restored is not what was written.
    fn restart(&mut self) -> Result<(), EngineError>;
}

/// What an epoch gave.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EpochAnswer {
    /// All results, in any order.
    pub rows: Vec<Row>,
    /// The watermark afterwards.
    pub watermark: Option<Timestamp>,
    /// The rows that were late.
    pub late: Vec<LateRow>,
}

/// A query that runs failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct EngineError(pub String);

/// Why a query does not run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StartError {
    /// The engine refuses it, as Spark does some.
    #[error("refused: {0}")]
    Rejected(String),
    /// The query is accepted and cannot be run all the same.
    #[error("not started: {0}")]
    Failed(String),
}

/// Starts a query on Headwater.
///
/// # Errors
/// [`StartError`] if it is refused or cannot be run.
pub fn start(declaration: &Declaration) -> Result<Box<dyn Engine>, StartError> {
    match declaration {
        Declaration::Query(query) => {
            let checked = query.check().map_err(|error| StartError::Rejected(error.to_string()))?;
            let started = checked.lower(Start(&checked));
            Ok(Box::new(started.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?))
        }
        Declaration::StatefulMap(map) => super::stateful_map::start(map),
    }
}

fn failed(error: &impl ToString) -> StartError {
    StartError::Failed(error.to_string())
}

/// Starts the plan of a query.
struct Start<'q>(&'q CheckedQuery);

impl PlanVisitor for Start<'_> {
    type Answer = Result<Threaded, EngineError>;

    fn visit<P>(self, plan: P, sides: Sides) -> Self::Answer
    where
        P: QueryPlan<Row: FromInput, Item: SeenRow, Output = Row, Shape: Shape<Allocated: Send>>
            + Send
            + 'static,
    {
        let Self(query) = self;
        let served = Served {
            plan,
            row_of: move |input, row| sides.row(input, row),
            capacity: query.capacity,
            late: LateRule::of(&query.query),
        };
        Threaded::start(served, query.query.schema.clone())
    }
}
