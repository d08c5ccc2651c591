//! What a checkpoint costs: an epoch with and without, and the way back.
//!
//! In a file of a memory file system where there is one (`/dev/shm`), so that no disk is measured.

use std::path::Path;
use std::time::Instant;

use headwater::checkpoint::Log;
use headwater::state::Allocated;
use headwater::{QueryPlan, Timestamp, WindowRecord};
use headwater_std::storage::FileStorage;

use crate::engine::{Aggregates, tumbling};
use crate::readings::{Reading, readings};
use crate::{ROWS_PER_TRIGGER, TURNS, WINDOWS, median};

type FileLog = Log<FileStorage, 4_096>;

const ROWS: usize = 2_000_000;
const RESTORED: u32 = 1_000_000;

/// Prints both.
pub fn measure() {
    let memory = Path::new("/dev/shm");
    let directory = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let directory = directory.expect("a directory for the log");
    let path = directory.path().join("log");
    measure_commits(&path);
    measure_restore(&path);
}

fn measure_commits(path: &Path) {
    println!("\n| tumbling, {ROWS_PER_TRIGGER} rows to an epoch | ns a row | ratio |");
    println!("|---|---:|---:|");
    let rows = readings(ROWS);
    nanos_per_row(&rows, Some(path));
    let turns: Vec<[f64; 2]> =
        (0..TURNS).map(|_| [nanos_per_row(&rows, None), nanos_per_row(&rows, Some(path))]).collect();
    println!("| without checkpoint | {:.1} | 1.00 |", median(turns.iter().map(|turn| turn[0])));
    let ratio = median(turns.iter().map(|turn| turn[1] / turn[0]));
    println!("| a commit after each epoch | {:.1} | {ratio:.2} |", median(turns.iter().map(|turn| turn[1])));
}

fn nanos_per_row(rows: &[Reading], path: Option<&Path>) -> f64 {
    let mut log = path.map(|path| new_log(path, 16 << 20));
    let plan = tumbling();
    let mut state = Allocated::<u32, WindowRecord<Aggregates>>::with_capacity(WINDOWS);
    let mut query = plan.bind(&mut state);
    let mut results = 0_u64;
    let start = Instant::now();
    for (number, epoch) in rows.chunks(ROWS_PER_TRIGGER).enumerate() {
        for reading in epoch {
            query.push(*reading).expect("the state has room");
        }
        query.trigger(Timestamp::EPOCH, |_| results += 1).expect("the sink takes every result");
        if let Some(log) = &mut log {
            query.commit(log, &(number as u64)).expect("the log takes every epoch");
        }
    }
    let nanos = start.elapsed().as_secs_f64() * 1e9;
    assert!(results > 0, "windows close");
    nanos / rows.len() as f64
}

fn measure_restore(path: &Path) {
    println!("\n| a million slots | seconds | million slots a second |");
    println!("|---|---:|---:|");
    write_snapshot(path);
    let turns: Vec<[f64; 2]> = (0..TURNS).map(|_| restore(path)).collect();
    for (number, what) in ["`Log::open`", "`Query::restore`"].into_iter().enumerate() {
        let seconds = median(turns.iter().map(|turn| turn[number]));
        println!("| {what} | {seconds:.3} | {:.1} |", f64::from(RESTORED) / 1e6 / seconds);
    }
}

fn write_snapshot(path: &Path) {
    let mut log = new_log(path, 256 << 20);
    let plan = tumbling();
    let mut state = Allocated::<u32, WindowRecord<Aggregates>>::with_capacity(RESTORED as usize);
    let mut query = plan.bind(&mut state);
    let at = Timestamp::from_secs(1_700_000_000);
    for number in 0..RESTORED {
        // Keys all over the range of 32 bits.
        let key = number.wrapping_mul(2_654_435_761);
        query.push(Reading { at, key, value: f64::from(number) }).expect("the state has room");
    }
    query.trigger(at, |_| ()).expect("the sink takes every result");
    query.commit(&mut log, &0_u64).expect("the log takes the epoch");
}

/// The seconds that the log takes to open, and the query to come back.
fn restore(path: &Path) -> [f64; 2] {
    let plan = tumbling();
    let mut state = Allocated::<u32, WindowRecord<Aggregates>>::with_capacity(RESTORED as usize);
    let mut query = plan.bind(&mut state);
    let start = Instant::now();
    let storage = FileStorage::open(path, 0).expect("the log is there");
    let mut log = FileLog::open(storage).expect("the log is whole");
    let opened = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let offset: Option<u64> = query.restore(&mut log).expect("the log is the query's");
    let restored = start.elapsed().as_secs_f64();
    assert_eq!((offset, query.progress().state_rows), (Some(0), RESTORED as usize));
    [opened, restored]
}

fn new_log(path: &Path, bytes: u32) -> FileLog {
    // Another size needs another file.
    let _ = std::fs::remove_file(path);
    Log::format(FileStorage::open(path, bytes).expect("a new file")).expect("an empty log")
}
