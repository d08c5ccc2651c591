//! What the tests of the workspace share: rows and queries drawn at random, a runner that can be stopped anywhere, and models of what
//! the engine must answer, written from Spark's rules and not from the engine.

pub mod call_lists;
pub mod calls;
pub mod chains;
pub mod crash;
pub mod follow;
pub mod fuzz;
pub mod line;
pub mod model;
pub mod mqtt_rate;
pub mod properties;
pub mod reading;
pub mod run;
pub mod scenario;
pub mod script;
pub mod shape;
pub mod stepped;
pub mod survive;
pub mod throughput;

/// The examples of the README run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
