//! The demo as a user runs it, played faster: it kills its gateway, compares, and says so.

use std::process::Command;

#[test]
fn every_row_matches_after_the_kill() {
    let output = Command::new(env!("CARGO_BIN_EXE_edge-demo")).args(["--seconds", "2"]).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{stdout}\n{stderr}", output.status);
    assert!(stdout.contains("EQUAL"), "{stdout}");
    assert!(stdout.contains("gateway restarts 1"), "{stdout}");
}
