//! The power fails while a query runs: the output in the end is that of a run without cuts.

use headwater::checkpoint::{FaultyStorage, RamFlash};
use headwater::{OnFull, OutputMode};
use headwater_tests::crash::{Survivor, script};
use headwater_tests::properties::{Random, long, seed};
use headwater_tests::script::{Call, Trace};
use headwater_tests::shape::{Shape, Windows};

type Faulty<const BYTES: usize, const WRITE: usize, const ERASE: usize> =
    FaultyStorage<RamFlash<BYTES, WRITE, ERASE>>;

const CAPACITY: usize = 6;

fn shape(windows: Windows, mode: OutputMode, on_full: OnFull) -> Shape {
    Shape { windows, keyed: true, mode, delay: 4, initial: None, on_full }
}

const TUMBLING: Windows = Windows::Tumbling { size: 6, offset: 1 };
const SLIDING: Windows = Windows::Sliding { size: 9, slide: 4, offset: 2 };

fn every_shape() -> [Shape; 6] {
    [
        shape(TUMBLING, OutputMode::Append, OnFull::Drop),
        shape(SLIDING, OutputMode::Append, OnFull::EvictOldest),
        shape(SLIDING, OutputMode::Update, OnFull::Drop),
        shape(Windows::Session { gap: 3 }, OutputMode::Append, OnFull::EvictOldest),
        shape(Windows::SessionPerRow, OutputMode::Append, OnFull::Drop),
        shape(Windows::None, OutputMode::Complete, OnFull::Refuse),
    ]
}

/// Runs without a fault; returns the trace and the storage, for its counts.
fn straight<const BYTES: usize, const WRITE: usize, const ERASE: usize>(
    shape: &Shape,
    calls: &[Call],
) -> (Trace, Faulty<BYTES, WRITE, ERASE>) {
    let mut storage = FaultyStorage::new(RamFlash::new(), 0);
    let trace =
        shape.visit(Survivor { calls, capacity: CAPACITY, storage: &mut storage, faults: |_: &mut _, _| {} });
    (trace, storage)
}

/// Cuts once after each number of programmed bytes, and once in each erase.
fn cut_everywhere<const BYTES: usize, const WRITE: usize, const ERASE: usize>(shape: &Shape, calls: &[Call]) {
    let (expected, whole) = straight::<BYTES, WRITE, ERASE>(shape, calls);
    assert!(expected.results().len() > 3, "a run that gives something");
    let survive = |fault: &dyn Fn(&mut Faulty<BYTES, WRITE, ERASE>), what: &str, number: u64| {
        let mut storage = FaultyStorage::new(RamFlash::new(), number);
        let mut cuts = 0;
        let faults = |storage: &mut Faulty<BYTES, WRITE, ERASE>, starts| {
            cuts = starts;
            if starts == 0 {
                fault(storage);
            }
        };
        let trace = shape.visit(Survivor { calls, capacity: CAPACITY, storage: &mut storage, faults });
        assert!(
            trace == expected,
            "{what} {number} of {shape:?}:\n{trace:#?}\nbut without a cut\n{expected:#?}"
        );
        // After the last commit there may be something to program that no one waits for.
        assert!(cuts == 1 || !storage.is_powered(), "{what} {number} happened");
    };
    for bytes in 0..whole.programmed_bytes() {
        survive(&|storage| storage.cut_after_programmed_bytes(bytes), "cut after byte", bytes);
    }
    for erase in 0..whole.erases() {
        survive(&|storage| storage.cut_during_erase(erase), "cut in erase", erase);
    }
}

#[test]
fn cut_after_each_byte_of_a_small_run() {
    let calls = script(5, 4, 1);
    for shape in every_shape() {
        cut_everywhere::<4096, 4, 512>(&shape, &calls);
    }
}

#[test]
fn cut_after_each_byte_while_the_log_goes_round() {
    let shape = shape(Windows::None, OutputMode::Update, OnFull::Refuse);
    let calls = script(14, 2, 2);
    let (_, whole) = straight::<2048, 1, 512>(&shape, &calls);
    let erases: u32 = whole.inner().erase_counts().iter().sum();
    assert!(erases > 2, "sectors are used again: {erases} erases");
    cut_everywhere::<2048, 1, 512>(&shape, &calls);
}

/// Many cuts, failed writes, reads and syncs, and pages lost, all drawn from the seed.
#[test]
fn faults_at_random_in_a_long_run() {
    let seed = seed();
    println!("HEADWATER_SEED={seed}");
    let runs = if long() { 800 } else { 40 };
    for (number, shape) in (0..runs).flat_map(|run| every_shape().map(|shape| (run, shape))) {
        let calls = script(40, 6, seed.wrapping_add(number));
        let (expected, _) = straight::<8192, 8, 1024>(&shape, &calls);
        let mut random = Random(seed ^ number);
        let mut storage = FaultyStorage::new(RamFlash::<8192, 8, 1024>::new(), random.draw());
        if number % 2 == 1 {
            storage.lose_unsynced_pages(1 << (6 + random.below(4))).expect("the storage can be read");
        }
        let faults = |storage: &mut Faulty<8192, 8, 1024>, starts| {
            // In the end it is left in peace.
            if starts > 30 {
                return;
            }
            match random.below(6) {
                0 => storage.cut_during_erase(random.below(6)),
                1 => storage.fail_sync(random.below(20)),
                2 => storage.fail_write(random.below(60)),
                3 => storage.fail_read(random.below(400)),
                _ => {}
            }
            storage.cut_after_programmed_bytes(random.below(3000));
        };
        let trace =
            shape.visit(Survivor { calls: &calls, capacity: CAPACITY, storage: &mut storage, faults });
        assert!(
            trace == expected,
            "run {number} of {shape:?}\n{trace:#?}\nbut without a fault\n{expected:#?}"
        );
    }
}
