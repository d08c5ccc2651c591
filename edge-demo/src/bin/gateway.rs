//! `cargo run --release -p edge-demo --bin gateway -- --help`: see [`edge_demo::gateway`].
#![forbid(unsafe_code)]

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    edge_demo::gateway::main(env::args_os().skip(1))
}
