//! From what was written to what can run: names resolved, types checked, and refused what no stream can answer.
//!
//! What is refused is what Spark 4.3 refuses, and little more: columns of one name on both sides of a join, event times that
//! do not say which one is meant, an outer join of streams that lacks a watermark on either side.

mod aggregate;
mod call;
mod column;
mod error;
mod join;
mod relation;
mod source;
#[cfg(test)]
mod tests;
mod time;
mod window;

pub use error::{DeclarationError, DeclarationReason};

use headwater::OutputMode;

use super::checked::{CheckedQuery, CheckedRelation};
use super::declaration::{DeclaredQuery, Relation, Upstream};
use source::Sources;

/// How deep steps may nest.
const DEPTH_MAX: usize = 64;

/// What most of the check gives.
type Checked<T> = Result<T, DeclarationError>;

impl DeclaredQuery {
    /// Resolves names, checks types, and refuses what cannot be answered from a stream. Steps nest at most 64 deep.
    ///
    /// ```
    /// use headwater_std::declared::DeclaredQuery;
    /// let query: DeclaredQuery = serde_json::from_str(
    ///     r#"{
    ///         "name": "count", "output_mode": "append", "on_full": "refuse",
    ///         "inputs": [{"name": "clicks", "schema": [{"name": "at", "type": "timestamp"}]}],
    ///         "query": {
    ///             "kind": "aggregate", "input": "clicks", "time_column": "at",
    ///             "window": {"kind": "sliding", "size_ms": 5000, "slide_ms": 10000},
    ///             "aggregates": [{"function": "count", "as": "n"}]
    ///         }
    ///     }"#,
    /// )?;
    /// assert_eq!(query.check().unwrap_err().field, "query.window.slide_ms");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`DeclarationError`] names the field, what is wrong with it and what would be right.
    pub fn check(&self) -> Result<CheckedQuery, DeclarationError> {
        if self.name.is_empty() {
            return Err(DeclarationReason::EmptyName.at("name"));
        }
        if self.capacity == 0 {
            return Err(DeclarationReason::Zero.at("capacity"));
        }
        let mut checker = Checker { sources: Sources::new(self)?, mode: self.output_mode, depth: 0 };
        let query = checker.relation(&self.query, "query")?;
        if self.output_mode == OutputMode::Complete && !query.has_aggregate() {
            return Err(DeclarationReason::CompleteWithoutAggregate.at("output_mode"));
        }
        let (inputs, tables) = checker.sources.all_used()?;
        Ok(CheckedQuery {
            name: self.name.clone(),
            version: self.version,
            inputs,
            tables,
            watermark_policy: self.watermark_policy,
            query,
            output_mode: self.output_mode,
            on_full: self.on_full,
            capacity: self.capacity,
        })
    }
}

/// Walks a declaration from its last step to its inputs.
struct Checker {
    sources: Sources,
    mode: OutputMode,
    depth: usize,
}

impl Checker {
    fn upstream(&mut self, upstream: &Upstream, field: &str) -> Checked<CheckedRelation> {
        match upstream {
            Upstream::Named(name) => self.sources.input(name, field),
            Upstream::Relation(relation) => self.relation(relation, field),
        }
    }

    fn relation(&mut self, relation: &Relation, field: &str) -> Checked<CheckedRelation> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(DeclarationReason::TooDeep { most: DEPTH_MAX }.at(field));
        }
        let checked = match relation {
            Relation::Filter(filter) => self.filter(filter, field),
            Relation::Select(select) => self.select(select, field),
            Relation::Union(union) => self.union(union, field),
            Relation::Aggregate(aggregation) => self.aggregate(aggregation, field),
            Relation::Dedup(dedup) => self.dedup(dedup, field),
            Relation::Join(join) => self.join(join, field),
            Relation::AsOfJoin(join) => self.as_of_join(join, field),
        }?;
        self.depth -= 1;
        Ok(checked)
    }

    /// Refuses a step with state after an aggregate that gives its groups more than once.
    fn stateful_after(&self, input: &CheckedRelation, field: &str) -> Checked<()> {
        if self.mode != OutputMode::Append && input.has_aggregate() {
            return Err(DeclarationReason::StatefulAfterAggregate { mode: self.mode }.at(field));
        }
        Ok(())
    }
}
