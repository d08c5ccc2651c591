//! The speed comparison answers as `gen_readings.py --answer` of the comparison does, which works it out by brute force.

use std::io::Write;

use headwater_tests::throughput::command::Options;
use headwater_tests::throughput::rows::generated;
use serde_json::{Value, json};

const ROWS: u64 = 40_000;
const SEED: u64 = 7;

fn check(arguments: &[&str]) -> Value {
    let options = Options::parse(arguments.iter().map(Into::into)).expect("a command line");
    let mut line = Vec::new();
    options.expect("a job").execute(&mut line).expect("a run");
    let report: Value = serde_json::from_slice(&line).expect("a line of JSON");
    assert_eq!(report["events"], ROWS);
    assert_eq!(report["late"], 0);
    report["check"].clone()
}

fn tumbling() -> Value {
    json!({"rows": 3640, "count": 30998, "sum": 75576.75, "min": -2492408.0, "max": 2524007.75, "mix": 91096716})
}

#[test]
fn both_jobs_give_the_answers_worked_out_by_brute_force() {
    let from = ["--from", "gen", "40000", "7"];
    assert_eq!(check(&[&["--job", "tumbling"][..], &from].concat()), tumbling());
    assert_eq!(
        check(&[&["--job", "sliding"][..], &from].concat()),
        json!({"rows": 35649, "count": 666124, "sum": 1594006.0, "min": -29035320.25, "max": 29211026.0, "mix": 1960175647})
    );
}

#[test]
fn epochs_checkpoints_and_files_change_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (csv, json_lines, binary, log) = (path("csv"), path("json"), path("bin"), path("log"));
    let mut files = [&csv, &json_lines, &binary].map(|path| std::fs::File::create(path).expect("a file"));
    for row in generated(ROWS, SEED, 1_000) {
        let (ts, key, value) = (row.ts, row.key, row.value);
        writeln!(files[0], "{ts},{key},{value:.2}").expect("room");
        writeln!(files[1], "{}", json!({"ts": ts, "key": key, "value": value})).expect("room");
        let record = [&ts.to_le_bytes()[..], &key.to_le_bytes(), &(value as f32).to_le_bytes()].concat();
        files[2].write_all(&record).expect("room");
    }
    let job = ["--job", "tumbling", "--from"];
    assert_eq!(check(&[&job[..], &["csv", &csv]].concat()), tumbling());
    assert_eq!(check(&[&job[..], &["json", &json_lines, "--epoch", "1"]].concat()), tumbling());
    assert_eq!(check(&[&job[..], &["bin", &binary, "--checkpoint", &log]].concat()), tumbling());
}
