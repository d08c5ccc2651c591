//! A few inputs of each fuzz target, the same ones every day. `fuzz --seconds N` of the same package goes on for as long as it is let.

use headwater_tests::fuzz::{Restore, Rows, Target, fuzz};
use headwater_tests::properties::long;

fn check(name: &str, target: &impl Target, runs: u64) {
    let runs = if long() { 20 * runs } else { runs };
    let report = fuzz(target, 1, |done| done < runs);
    println!("fuzz {name}: {} executions, {} classes of outcomes", report.executions, report.classes);
    assert!(report.failed.is_none(), "`fuzz {name} --seed 1` finds the input");
    assert!(report.classes as u64 > runs / 100, "inputs that differ: {} classes", report.classes);
}

#[test]
fn restore_from_any_bytes() {
    check("restore", &Restore::default(), 1500);
}

#[test]
fn calls_in_any_order() {
    check("rows", &Rows, 500);
}
