//! The scenarios that the project holds itself: what Spark 4.3.0 answered, in `vectors/`.

use std::path::{Path, PathBuf};

use headwater_tests::scenario::command::run_all;
use headwater_tests::scenario::compact::compact;
use headwater_tests::scenario::declare::{Declaration, declare};
use headwater_tests::scenario::read::{Outcome, Scenario, documents, files, scenarios};

/// How many scenarios were recorded.
const SCENARIOS: usize = 124;

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/spark-4.3.0.jsonl")
}

fn read_all() -> Vec<Scenario> {
    scenarios(&vectors()).into_iter().collect::<Result<_, _>>().unwrap()
}

fn run(restart: bool) {
    let mut out = Vec::new();
    let well = run_all(&[vectors()], restart, &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    println!("{out}");
    assert!(well, "an answer is not Spark's:\n{out}");
}

#[test]
fn answers_are_those_of_spark() {
    run(false);
}

#[test]
fn answers_are_those_of_spark_with_restarts() {
    run(true);
}

#[test]
fn all_are_read_and_declared() {
    let scenarios = read_all();
    assert_eq!(scenarios.len(), SCENARIOS);
    for scenario in &scenarios {
        assert_eq!(scenario.pyspark, "4.3.0", "{}", scenario.name);
        declare(scenario).unwrap_or_else(|error| panic!("{}: {error}", scenario.name));
    }
}

/// The check refuses what Spark refuses, and gives the columns that Spark gave for what it ran.
#[test]
fn the_check_agrees_with_spark() {
    for scenario in read_all() {
        let Declaration::Query(query) = declare(&scenario).unwrap() else { continue };
        match (query.check(), &scenario.outcome) {
            (Ok(checked), Outcome::Answers { schema, .. }) => {
                assert_eq!(checked.query.schema, *schema, "{}", scenario.name);
            }
            (Err(_), Outcome::Rejected { .. }) => {}
            (Ok(_), Outcome::Rejected { message, .. }) => {
                panic!("{}: accepted, where Spark says: {message}", scenario.name);
            }
            (Err(error), Outcome::Answers { .. }) => panic!("{}: {error}", scenario.name),
        }
    }
}

/// The vectors are the recordings in compact form; where those are not beside the checkout the test says so and ends.
#[test]
fn vectors_are_the_recordings() {
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/spark/scenarios");
    if !recordings.is_dir() {
        println!("skipped: the recorded Spark scenarios are not beside the checkout");
        return;
    }
    let held = documents(&vectors()).unwrap();
    let files = files(&recordings).unwrap();
    assert_eq!(held.len(), files.len());
    for (file, (place, held)) in files.iter().zip(held) {
        let (_, recorded) = documents(file).unwrap().pop().unwrap();
        let expected = compact(&recorded.unwrap()).unwrap();
        assert_eq!(held.unwrap(), expected, "{place} is not {}", file.display());
    }
}
