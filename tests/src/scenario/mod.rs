//! Conformance: recorded runs of Spark, replayed epoch by epoch.
//!
//! A scenario file holds a query, the rows of each micro-batch, and what Spark answered to it: the rows that came out, the
//! watermark afterwards, how many rows were late; or that Spark refuses the query. [`read`] reads it, [`declare`] turns it into a
//! declared query with Spark's quirks as options, [`run`] runs it on an [`engine`] and compares, [`report`] counts.
//!
//! The quirks, each an option of the declaration: the watermark begins at 1970, null keys match in a full outer join of two
//! streams, and filters that Spark's optimizer pushes below the watermark stand there. What remains different is named in
//! [`deviation`].

pub mod command;
pub mod compact;
pub mod compare;
pub mod declare;
pub mod deviation;
pub mod engine;
pub mod fields;
pub mod late;
pub mod query;
pub mod read;
pub mod report;
pub mod run;
pub mod stateful_map;
#[cfg(test)]
mod tests;
pub mod threaded;
