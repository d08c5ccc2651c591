//! What a row costs in queries of other kinds, beside tumbling windows over the same rows.

use core::time::Duration;
use std::time::Instant;

use crate::readings::{Reading, readings};
use crate::{TURNS, engine, median, operators, panes};

/// A query by name; it returns how many results it gave.
type Kind = (&'static str, fn(&[Reading]) -> u64);

/// The first is what the others are compared with.
pub const KINDS: [Kind; 7] = [
    ("tumbling", engine::tumbling_results),
    ("epoch-per-row", operators::epoch_per_row),
    ("session", engine::session_results),
    ("dedup", operators::dedup),
    ("static-join", operators::static_join),
    ("stream-join", operators::stream_join),
    ("process", operators::process),
];

const ROWS: usize = 2_000_000;
const PANES: [u32; 3] = [60, 600, 3_600];

/// Prints the cost of each kind, and that of sliding windows by the number of their panes.
pub fn measure() {
    println!("\n| query | ns a row | to tumbling | results |");
    println!("|---|---:|---:|---:|");
    let rows = readings(ROWS);
    let run = |(_, run): &Kind| {
        let start = Instant::now();
        let results = run(&rows);
        (start.elapsed(), results)
    };
    let _to_warm_up: Vec<_> = KINDS.iter().map(run).collect();
    let turns: Vec<Vec<(Duration, u64)>> = (0..TURNS).map(|_| KINDS.iter().map(run).collect()).collect();
    for (number, (name, _)) in KINDS.iter().enumerate() {
        let nanos = median(turns.iter().map(|turn| turn[number].0.as_secs_f64() * 1e9 / ROWS as f64));
        let ratio = median(turns.iter().map(|turn| turn[number].0.as_secs_f64() / turn[0].0.as_secs_f64()));
        println!("| {name} | {nanos:.1} | {ratio:.2} | {} |", turns[0][number].1);
    }
    measure_panes();
}

fn measure_panes() {
    println!("\n| panes of a sliding window | ns a row | to the first |");
    println!("|---:|---:|---:|");
    let turns: Vec<[f64; 3]> = (0..TURNS).map(|_| PANES.map(panes::nanos_per_row)).collect();
    for (number, panes) in PANES.into_iter().enumerate() {
        let nanos = median(turns.iter().map(|turn| turn[number]));
        let ratio = median(turns.iter().map(|turn| turn[number] / turn[0]));
        println!("| {panes} | {nanos:.1} | {ratio:.2} |");
    }
}
