//! The demo of Headwater and its gateway.
//!
//! - [`gateway`]: device rows from MQTT or files, windows per device, files out; the command line of the `gateway` binary.
//! - [`broker`]: a small MQTT broker on loopback for the demo and the tests.
//! - [`demo`]: plays a recorded stream through broker and gateway, kills the gateway midway and checks the answer.
#![forbid(unsafe_code)]

pub mod broker;
pub mod demo;
pub mod gateway;
