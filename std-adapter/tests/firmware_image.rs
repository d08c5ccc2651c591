//! Device to desktop: a dump of the firmware's flash, taken while it ran, goes on here.
//!
//! `tests/vectors/firmware-flash.bin` is the flash of `edge-demo/firmware` in QEMU, killed in the middle of its run: two logs of 16 KiB.
//! It is made again by `tests/vectors/make-firmware-flash`, which is needed when the format or the queries change.

use core::fmt::Debug;
use std::path::PathBuf;

use headwater::checkpoint::{Log, RamFlash};
use headwater::state::SlotIndex;
use headwater::{Query, QueryPlan, Timestamp};
use headwater_std::inspect::{Image, Part, fsck, inspect};

use plans::{MeansState, SessionsState};

/// The firmware's own file. Its features are the firmware's: faults on purpose, which are off here.
#[allow(unexpected_cfgs)]
#[path = "../../edge-demo/firmware/query/src/plans.rs"]
mod plans;

/// The shape of the device's flash.
const LOG_BYTES: usize = 4 * SECTOR_BYTES;
const SECTOR_BYTES: usize = 4096;
const WORD_BYTES: usize = 4;

/// A row of the firmware: as much of it as its plans look at.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Who measured.
    pub device: u8,
    /// When.
    pub at: Timestamp,
    /// The time from sending a message to its answer.
    pub round_trip_ms: u16,
}

/// The recording that the firmware holds, from the file that it is packed from.
fn recording() -> Vec<Reading> {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "..", "edge-demo", "data", "phones.csv"].iter().collect();
    let text = std::fs::read_to_string(path).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        Reading {
            device: cells[1].strip_prefix("dev_").unwrap().parse().unwrap(),
            at: Timestamp::from_millis(cells[3].parse().unwrap()),
            round_trip_ms: cells[4].parse().unwrap(),
        }
    };
    text.lines().skip(1).map(row).collect()
}

type Flash = RamFlash<LOG_BYTES, WORD_BYTES, SECTOR_BYTES>;

/// The largest record that the firmware writes.
const RECORD_BYTES: usize = 256;

fn vector(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "tests", "vectors", name].iter().collect()
}

/// One of the device's logs, as a flash of the same shape.
fn device_log(number: usize) -> Log<Flash, RECORD_BYTES> {
    let dump = std::fs::read(vector("firmware-flash.bin")).unwrap();
    let mut flash = Flash::new();
    flash.image_mut().copy_from_slice(&dump[number * LOG_BYTES..(number + 1) * LOG_BYTES]);
    Log::open(flash).unwrap()
}

/// Takes the rows from `next_row` on as the firmware does, and gives the results as text.
fn run<P, I: SlotIndex>(query: &mut Query<'_, P, I>, next_row: u32) -> Vec<String>
where
    P: QueryPlan<Row = Reading, Output: Debug>,
{
    let mut results = Vec::new();
    for row in recording().into_iter().skip(next_row as usize) {
        if query.push_ref(&row, &mut ()).is_err() {
            query.trigger(row.at, |result| results.push(format!("{result:?}"))).unwrap();
            query.push_ref(&row, &mut ()).expect("room after a trigger");
        }
        if query.next_deadline().is_some_and(|deadline| deadline <= row.at) {
            query.trigger(row.at, |result| results.push(format!("{result:?}"))).unwrap();
        }
    }
    let now = query.progress().event_time_max.unwrap();
    query.drain(now, |result| results.push(format!("{result:?}"))).unwrap();
    results
}

fn goes_on_here<P>(plan: &P, number: usize, mut state: [impl headwater::state::State<Shape = P::Shape>; 3])
where
    P: QueryPlan<Row = Reading, Output: Debug>,
{
    let [whole, from_image, on_the_way] = &mut state;
    let mut query = plan.bind(whole);
    let uninterrupted = run(&mut query, 0);
    let expected_rows = query.progress().rows;

    let mut log = device_log(number);
    let mut query = plan.bind(from_image);
    let next_row: u32 = query.restore(&mut log).unwrap().unwrap();
    let given = query.progress().rows.emitted as usize;
    assert!(
        0 < next_row && (next_row as usize) < recording().len() && 0 < given && given < uninterrupted.len()
    );
    assert_eq!(run(&mut query, next_row), uninterrupted[given..]);
    assert_eq!(query.progress().rows, expected_rows);

    // The same over a wire, into state that is allocated and larger.
    let mut query = plan.bind(on_the_way);
    let next_row: u32 = query.restore(&mut log).unwrap().unwrap();
    let mut wire = vec![0; LOG_BYTES];
    query.save(wire.as_mut_slice(), &mut [0; RECORD_BYTES], &next_row).unwrap();
    let mut larger = plan.allocate(1_000);
    let mut query = plan.bind(&mut larger);
    let next_row: u32 = query.load(wire.as_slice(), &mut [0; RECORD_BYTES]).unwrap();
    assert_eq!(run(&mut query, next_row), uninterrupted[given..]);
    assert_eq!(query.progress().rows, expected_rows);
}

#[test]
fn the_tumbling_query_goes_on_from_the_devices_flash() {
    goes_on_here(&plans::means(), 0, [const { MeansState::EMPTY }; 3]);
}

#[test]
fn the_session_query_goes_on_from_the_devices_flash() {
    goes_on_here(&plans::sessions(), 1, [const { SessionsState::EMPTY }; 3]);
}

/// The output for the device's flash, but for its first line, which has the path.
#[test]
fn what_inspect_and_fsck_say_of_the_devices_flash() {
    let image = Image::open(&vector("firmware-flash.bin"), Part::default()).unwrap();
    let (checked, status) = fsck(&image);
    assert_eq!(status, 0);
    let lines = |facts: &[headwater_std::inspect::Fact]| {
        facts.iter().skip(1).map(|fact| format!("{fact}\n")).collect::<String>()
    };
    let told = format!("{}\n{}", lines(&inspect(&image)), lines(&checked));
    let expected = std::fs::read_to_string(vector("firmware-flash.txt")).unwrap();
    assert!(told == expected, "vectors/firmware-flash.txt should be:\n{told}");
}
