//! Rows per second of the engine beside hand-written loops.
//!
//! A harness of its own rather than criterion or divan: what counts is the ratio of two programs on a machine whose speed
//! drifts, so they take turns and are compared turn by turn.
//!
//! ```sh
//! cargo bench -p headwater-tests --bench throughput                          # the tables
//! cargo bench -p headwater-tests --bench throughput -- --profile JOB/HOW [ROWS]   # one run and nothing else
//! ```
//! As a test (`cargo test --benches`) it only compares the answers, over 100,000 rows.

mod by_hand;
mod checkpoint;
mod checksum;
mod engine;
mod kinds;
mod operators;
mod panes;
mod readings;

use core::time::Duration;
use std::time::Instant;

use checksum::Checksum;
use engine::{Aggregates, run_engine};
use headwater::state::{Allocated, Inline};
use headwater::{PaneRecord, SessionRecord, WindowRecord};
use readings::{Reading, readings};

const TUMBLING_SECS: u32 = 10;
const SLIDING_SECS: u32 = 60;
const SLIDE_SECS: u32 = 1;
/// A key has a row a second on average: a session holds about 150 of them.
const GAP_SECS: u32 = 5;
const ROWS_PER_TRIGGER: usize = 1_024;

/// Windows of 1,000 keys, with those that wait for the watermark; also sessions.
const WINDOWS: usize = 4_096;
/// Panes of 1,000 keys. More than [`Inline`] state holds.
const PANES: usize = 65_536;

const TURNS: usize = 7;
const ROWS_AS_TEST: usize = 100_000;

/// A job and the programs that do it; the first is what the others are compared with.
struct Job {
    name: &'static str,
    rows: usize,
    programs: Vec<(&'static str, Program)>,
}

/// Returns the sum of all results and, if it is known, the most records held at once.
type Program = Box<dyn FnMut(&[Reading]) -> (Checksum, Option<usize>)>;

fn jobs() -> [Job; 3] {
    let mut windows = Allocated::<u32, WindowRecord<Aggregates>>::with_capacity(WINDOWS);
    let mut windows_inline = Box::new(Inline::<u32, WindowRecord<Aggregates>, WINDOWS>::EMPTY);
    let mut panes = Allocated::<u32, PaneRecord<Aggregates>>::with_capacity(PANES);
    let mut sessions = Allocated::<u32, SessionRecord<Aggregates>>::with_capacity(WINDOWS);
    let mut sessions_inline = Box::new(Inline::<u32, SessionRecord<Aggregates>, WINDOWS>::EMPTY);
    let tumbling: Vec<(_, Program)> = vec![
        ("hand-written", Box::new(|rows| (by_hand::tumbling(rows), None))),
        ("Allocated", Box::new(move |rows| engine_run(run_engine(&engine::tumbling(), &mut windows, rows)))),
        (
            "Inline",
            Box::new(move |rows| engine_run(run_engine(&engine::tumbling(), &mut *windows_inline, rows))),
        ),
    ];
    let sliding: Vec<(_, Program)> = vec![
        ("hand-written, panes", Box::new(|rows| (by_hand::sliding_panes(rows), None))),
        ("hand-written, windows", Box::new(|rows| (by_hand::sliding_windows(rows), None))),
        ("Allocated", Box::new(move |rows| engine_run(run_engine(&engine::sliding(), &mut panes, rows)))),
    ];
    let session: Vec<(_, Program)> = vec![
        ("hand-written", Box::new(|rows| (by_hand::session(rows), None))),
        ("Allocated", Box::new(move |rows| engine_run(run_engine(&engine::session(), &mut sessions, rows)))),
        (
            "Inline",
            Box::new(move |rows| engine_run(run_engine(&engine::session(), &mut *sessions_inline, rows))),
        ),
    ];
    [
        Job { name: "tumbling", rows: 4_000_000, programs: tumbling },
        Job { name: "sliding", rows: 1_000_000, programs: sliding },
        Job { name: "session", rows: 4_000_000, programs: session },
    ]
}

fn engine_run((results, records): (Checksum, usize)) -> (Checksum, Option<usize>) {
    (results, Some(records))
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(option) = arguments.iter().position(|argument| argument == "--profile") {
        profile(&arguments[option + 1..]);
        return;
    }
    // `cargo bench` says so; `cargo test` does not.
    if !arguments.iter().any(|argument| argument == "--bench") {
        jobs().iter_mut().for_each(|job| drop(turn(job, &readings(ROWS_AS_TEST))));
        println!("all programs of each job give the same results");
        return;
    }
    println!(
        "{} keys, count, sum, min and max, a trigger every {ROWS_PER_TRIGGER} rows; medians of {TURNS} turns.\n\
         `ratio` is to the first program of the job, turn by turn.\n",
        readings::KEYS
    );
    println!("| job | program | rows/s | ratio | results | records at most |");
    println!("|---|---|---:|---:|---:|---:|");
    jobs().iter_mut().for_each(measure);
    kinds::measure();
    checkpoint::measure();
}

/// One run of one program.
struct Run {
    took: Duration,
    results: Checksum,
    records_max: Option<usize>,
}

/// Lets each program of a job run once. They must agree.
fn turn(job: &mut Job, rows: &[Reading]) -> Vec<Run> {
    let run = |(_, program): &mut (&str, Program)| {
        let start = Instant::now();
        let (results, records_max) = program(rows);
        Run { took: start.elapsed(), results, records_max }
    };
    let runs: Vec<Run> = job.programs.iter_mut().map(run).collect();
    for (run, (program, _)) in runs.iter().zip(&job.programs) {
        assert_eq!(run.results, runs[0].results, "{}: {program} and {} differ", job.name, job.programs[0].0);
    }
    runs
}

fn measure(job: &mut Job) {
    let rows = readings(job.rows);
    turn(job, &rows);
    let turns: Vec<Vec<Run>> = (0..TURNS).map(|_| turn(job, &rows)).collect();
    for (number, (program, _)) in job.programs.iter().enumerate() {
        let seconds = |turn: &Vec<Run>| turn[number].took.as_secs_f64();
        let millions = median(turns.iter().map(|turn| rows.len() as f64 / 1e6 / seconds(turn)));
        let ratio = median(turns.iter().map(|turn| turn[0].took.as_secs_f64() / seconds(turn)));
        let run = &turns[0][number];
        let records = run.records_max.map_or_else(|| "-".to_owned(), |records| records.to_string());
        let (job, results) = (job.name, run.results.results());
        println!("| {job} | {program} | {millions:.2} M | {ratio:.2} | {results} | {records} |");
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs the program named `job/how`, or one query of another kind, once, over as many rows as the next argument says.
fn profile(arguments: &[String]) {
    let name = arguments.first().map_or("", String::as_str);
    let count = arguments.get(1).and_then(|count| count.parse().ok()).unwrap_or(ROWS_AS_TEST);
    if let Some((_, run)) = kinds::KINDS.iter().find(|(other, _)| *other == name) {
        println!("{} results", run(&readings(count)));
        return;
    }
    for job in &mut jobs() {
        for (program, run) in &mut job.programs {
            if name == format!("{}/{program}", job.name) {
                println!("{} results", run(&readings(count)).0.results());
                return;
            }
        }
    }
    let names = kinds::KINDS.map(|(kind, _)| kind).join(", ");
    eprintln!("--profile JOB/PROGRAM [ROWS], with the names of the table, or one of {names}, not {name:?}");
    std::process::exit(2);
}
