//! The ring wears every sector alike, and the log knows how much.

mod log_model;

use headwater::checkpoint::{CommitInterval, Log, RamFlash, Wear};
use headwater::{Span, Timestamp};
use log_model::{BUFFER, Load, Model, Random, Storage, open, recover};

const LOAD: Load = Load { keys: 6, value_bytes: 20, changes: 10 };
const MANY_KEYS: Load = Load { keys: 40, value_bytes: 30, changes: 60 };

type Wearing<const BYTES: usize, const WRITE: usize, const ERASE: usize> =
    Log<Storage<BYTES, WRITE, ERASE>, BUFFER>;

/// Within 10% between the least and the most erased sector. The strict flash has refused every word programmed twice.
fn check_wear(counts: &[u32], epochs: u64) -> u32 {
    let (least, most) = (*counts.iter().min().unwrap(), *counts.iter().max().unwrap());
    let erases = counts.iter().sum::<u32>();
    let per_erase = epochs as f64 / f64::from(erases);
    println!(
        "{epochs} epochs, {least} to {most} erases per sector (+{:.1}%), {per_erase:.1} epochs per erase",
        (f64::from(most) / f64::from(least) - 1.0) * 100.0
    );
    assert!(least >= 50, "a long run: {counts:?}");
    assert!(f64::from(most) <= f64::from(least) * 1.1, "{counts:?}");
    erases
}

/// Runs until each sector was erased at least 50 times. One epoch in 16 is a snapshot by choice, which always opens a sector.
fn long_run<const BYTES: usize, const WRITE: usize, const ERASE: usize>(load: Load, epochs_per_erase: f64) {
    let mut log = open(Storage::<BYTES, WRITE, ERASE>::new(RamFlash::new(), 0), "wear");
    let mut model = Model::new(1, load);
    print!("words of {WRITE} B, {} sectors of {ERASE} B: ", BYTES / ERASE);
    while log.storage().inner().erase_counts().iter().any(|erases| *erases < 50) {
        model.write_epoch(&mut log).unwrap();
    }
    let flash = log.storage().inner();
    let erases = check_wear(flash.erase_counts(), model.epoch());
    let per_erase = model.epoch() as f64 / f64::from(erases);
    assert!(per_erase >= epochs_per_erase, "{per_erase} epochs per erase");
    let wear = log.wear();
    assert_eq!(wear.bytes_written, flash.programmed_bytes());
    assert_eq!((wear.erases, wear.erases_in_life), (erases, u64::from(erases)));
    assert_eq!(u64::from(wear.commits), model.epoch());
    let counts = flash.erase_counts().iter().map(|erases| u64::from(*erases));
    assert_eq!(wear.sector_erases(), (counts.clone().min().unwrap(), counts.max().unwrap()));
}

#[test]
fn words_of_1_byte_in_sectors_of_256_bytes() {
    long_run::<4096, 1, 256>(Load { keys: 2, value_bytes: 10, changes: 4 }, 2.0);
}

#[test]
fn words_of_4_bytes_in_sectors_of_4_kib() {
    long_run::<32_768, 4, 4096>(LOAD, 10.0);
}

#[test]
fn words_of_8_bytes_in_sectors_of_2_kib() {
    long_run::<16_384, 8, 2048>(LOAD, 5.0);
}

/// The largest sectors of common chips, as large as two of them can be tried here.
#[test]
fn words_of_16_bytes_in_sectors_of_128_kib() {
    // A flash of that size does not fit the stack of a test.
    let run = || long_run::<262_144, 16, 131_072>(MANY_KEYS, 10.0);
    std::thread::Builder::new().stack_size(16 << 20).spawn(run).unwrap().join().unwrap();
}

/// Restarts and cuts cost no sector more than the others. What the log believes of its life stays close.
#[test]
fn a_long_run_with_cuts() {
    let mut log = open(Storage::<4096, 4, 512>::new(RamFlash::new(), 0), "wear");
    let mut model = Model::new(1, LOAD);
    let (mut random, mut cuts) = (Random(1), 0_u32);
    while model.epoch() < 3000 {
        log.storage_mut().cut_after_programmed_bytes(random.below(4000));
        while model.write_epoch(&mut log).is_ok() {}
        let mut storage = log.into_storage();
        storage.power_on();
        cuts += 1;
        log = open(storage, "wear");
        model.check(&mut log, "wear");
    }
    let erases = check_wear(log.storage().inner().erase_counts(), model.epoch());
    let believed = log.wear().erases_in_life;
    println!("{cuts} cuts: {believed} erases by the sector headers of {erases}");
    assert!(believed <= u64::from(erases) + 1 && believed + 4 * u64::from(cuts) >= u64::from(erases));
    assert!(believed as f64 > 0.9 * f64::from(erases));
}

/// Restarts without a cut lose nothing of the count but the very first sector, which was blank.
#[test]
fn erases_are_counted_over_restarts() {
    let mut log: Wearing<4096, 4, 512> = open(Storage::new(RamFlash::new(), 0), "wear");
    let mut model = Model::new(1, LOAD);
    for _ in 0..200 {
        for _ in 0..5 {
            model.write_epoch(&mut log).unwrap();
        }
        log = recover(&mut model, log, 0, "wear");
        let erases: u32 = log.storage().inner().erase_counts().iter().sum();
        let wear = log.wear();
        assert_eq!(wear.erases_in_life, u64::from(erases) + 1);
        assert_eq!((wear.erases, wear.bytes_written, wear.commits, wear.bytes_used_up), (0, 0, 0, 0));
        assert_eq!(wear.years_left(1000, Span::secs(1)), None);
        assert_eq!(wear.least_interval(1000, 1), None);
    }
}

/// A flash of few cycles is written until the first sector is worn out: the years that were told at a tenth of its life come true.
#[test]
fn the_life_that_was_told_comes_true() {
    const CYCLES: u32 = 200;
    let mut log: Wearing<4096, 4, 512> = open(Storage::new(RamFlash::new(), 0), "wear");
    let mut model = Model::new(1, LOAD);
    let (mut told, mut days) = (None, 0_u32);
    while log.storage().inner().erase_counts().iter().all(|erases| *erases < CYCLES) {
        // A commit a day.
        days += 1;
        model.write_epoch(&mut log).unwrap();
        if log.wear().sector_erases().1 == u64::from(CYCLES / 10) {
            let left = log.wear().life_left(CYCLES, Span::days(days)).unwrap();
            told = Some(days + (left.as_micros() / Span::days(1).as_micros()) as u32);
        }
    }
    let told = told.unwrap();
    println!("worn out after {days} commits, told {told}");
    assert!(told.abs_diff(days) * 50 < days, "told {told}, worn out after {days}");
    assert_eq!(log.wear().years_left(CYCLES - 1, Span::days(days)), Some(0));
    assert_eq!(log.wear().least_interval(CYCLES - 1, 1), Some(Span::MAX));
}

/// Epochs that end every second are committed as seldom as a life of ten years asks for, and the flash then lasts so long.
#[test]
fn an_interval_for_ten_years() {
    const CYCLES: u32 = 10_000;
    let mut log: Wearing<16_384, 4, 1024> = open(Storage::new(RamFlash::new(), 0), "wear");
    let mut model = Model::new(1, LOAD);
    // Measured at full speed, on the bench.
    for _ in 0..300 {
        model.write_epoch(&mut log).unwrap();
    }
    let mut interval = CommitInterval::of(log.wear().least_interval(CYCLES, 10).unwrap());
    let mut log = recover(&mut model, log, 0, "wear");
    let seconds = 2_000_000;
    for second in 0..seconds {
        let now = Timestamp::from_secs(i64::from(second));
        if interval.is_due(now) {
            model.write_epoch(&mut log).unwrap();
            interval.committed(now);
        }
    }
    let wear = log.wear();
    let left = wear.life_left(CYCLES, Span::secs(seconds)).unwrap();
    let years = left.as_micros() as f64 / Span::days(1).as_micros() as f64 / 365.25;
    println!("a commit every {}: {} commits, {years:.2} years left", interval.least(), wear.commits);
    assert!((9.5..11.0).contains(&years), "{years}");
}

#[test]
fn an_interval_and_a_clock_that_is_set_back() {
    let at = Timestamp::from_secs;
    let mut interval = CommitInterval::of(Span::secs(10));
    assert!(interval.is_due(at(0)) && interval.due_at().is_none());
    interval.committed(at(100));
    assert!(!interval.is_due(at(109)) && interval.is_due(at(110)));
    assert_eq!(interval.due_at(), Some(at(110)));
    assert!(!CommitInterval::since(Span::secs(10), at(100)).is_due(at(109)));
    // Set back: once at once, then by the new time.
    assert!(interval.is_due(at(50)));
    interval.committed(at(50));
    assert!(!interval.is_due(at(59)) && interval.is_due(at(60)));
    interval.set_least(Span::MAX);
    assert!(!interval.is_due(at(i64::from(u32::MAX))));
    interval.committed(Timestamp::MIN);
    assert!(!interval.is_due(at(-1)));
}

/// Figures at the ends of what can be written: saturated, never a panic.
#[test]
fn extreme_figures() {
    let figures = [0, 1, u32::MAX];
    for (cycles, years) in figures.iter().flat_map(|cycles| figures.map(|years| (*cycles, years))) {
        for bytes in [0, 1, u32::MAX] {
            for (sectors, sector_bytes) in [(2, 256), (u16::MAX, 1 << 20), (0, 0)] {
                let mut wear = Wear::expected(sectors, sector_bytes, bytes);
                for erases in [0, 1, u64::MAX] {
                    wear.erases_in_life = erases;
                    let interval = wear.least_interval(cycles, years).unwrap();
                    let worn_out = u64::from(cycles) * u64::from(sectors) <= erases;
                    if worn_out {
                        assert_eq!(interval, Span::MAX);
                    } else {
                        assert_eq!(interval.is_zero(), bytes == 0 || years == 0);
                    }
                    for elapsed in [Span::ZERO, Span::micros(1), Span::MAX] {
                        assert_eq!(wear.life_left(cycles, elapsed).is_none(), bytes == 0);
                        assert_eq!(wear.years_left(cycles, elapsed).is_none(), bytes == 0);
                    }
                    let (least, most) = wear.sector_erases();
                    assert!(least <= most && most <= least + 1);
                }
            }
        }
    }
}
