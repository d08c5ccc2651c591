//! The power fails after every programmed byte and in every erase of a run; the log must come back at the
//! last commit that returned, or at the one in flight, and go on from there.

mod log_model;

use headwater::checkpoint::{Log, RamFlash};
use log_model::{BUFFER, Load, Model, Random, Storage, is_power_lost, open, recover};

const SMALL: Load = Load { keys: 2, value_bytes: 6, changes: 3 };
const MEDIUM: Load = Load { keys: 4, value_bytes: 20, changes: 5 };
const LARGE: Load = Load { keys: 8, value_bytes: 30, changes: 8 };
const HUGE: Load = Load { keys: 8, value_bytes: 30, changes: 40 };

/// A run as it stood between two epochs.
struct Stage<const BYTES: usize, const WRITE: usize, const ERASE: usize> {
    log: Log<Storage<BYTES, WRITE, ERASE>, BUFFER>,
    model: Model,
}

/// Where an epoch is cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Programming(u64),
    Erasing(u64),
}

/// The whole run, which must go round the ring twice.
fn stages<const BYTES: usize, const WRITE: usize, const ERASE: usize>(
    load: Load,
    epochs: u32,
    page_bytes: Option<usize>,
) -> Vec<Stage<BYTES, WRITE, ERASE>> {
    let mut storage = Storage::new(RamFlash::new(), 0);
    if let Some(page_bytes) = page_bytes {
        storage.lose_unsynced_pages(page_bytes).unwrap();
    }
    let mut log = open(storage, "whole run");
    let mut model = Model::new(1, load);
    let mut stages = Vec::new();
    for _ in 0..epochs {
        stages.push(Stage { log: log.clone(), model: model.clone() });
        model.write_epoch(&mut log).unwrap();
        model.check(&mut log, "whole run");
    }
    let erases = log.storage().erases();
    assert!(erases >= 2 * (BYTES / ERASE) as u64, "{erases} erases are too few");
    stages.push(Stage { log, model });
    stages
}

/// Cuts one epoch, then cuts again while the log repairs what the first cut left, then leaves it in peace.
fn cut_twice<const BYTES: usize, const WRITE: usize, const ERASE: usize>(
    stage: &Stage<BYTES, WRITE, ERASE>,
    cut: Cut,
    seed: u64,
) {
    let context =
        format!("write {WRITE} erase {ERASE} after epoch {} {cut:?} seed {seed}", stage.model.epoch());
    let (mut log, mut model) = (stage.log.clone(), stage.model.clone());
    log.storage_mut().reseed(seed);
    match cut {
        Cut::Programming(bytes) => log.storage_mut().cut_after_programmed_bytes(bytes),
        Cut::Erasing(erases) => log.storage_mut().cut_during_erase(erases),
    }
    let result = model.write_epoch(&mut log);
    assert!(result.is_ok() || is_power_lost(&result), "{context}: {result:?}");
    if log.storage().is_powered() {
        log.storage_mut().cut_now().unwrap();
    }
    let mut log = recover(&mut model, log, 0, &context);
    let mut random = Random(seed);
    if random.below(2) == 0 {
        log.storage_mut().cut_after_programmed_bytes(random.below(160));
    } else {
        log.storage_mut().cut_during_erase(random.below(2));
    }
    for _ in 0..8 {
        let result = model.write_epoch(&mut log);
        assert!(result.is_ok() || is_power_lost(&result), "{context}: {result:?}");
        if result.is_err() {
            break;
        }
    }
    recover(&mut model, log, 3, &context);
}

fn cut_everywhere<const BYTES: usize, const WRITE: usize, const ERASE: usize>(load: Load, epochs: u32) {
    for page_bytes in [None, Some(64), Some(ERASE)] {
        let stages = stages::<BYTES, WRITE, ERASE>(load, epochs, page_bytes);
        let mut cuts = 0u64;
        for (stage, next) in stages.iter().zip(stages.iter().skip(1)) {
            let (before, after) = (stage.log.storage(), next.log.storage());
            for bytes in 0..=after.programmed_bytes() - before.programmed_bytes() {
                cut_twice(stage, Cut::Programming(bytes), 1000 * stage.model.epoch() + bytes);
                cuts += 1;
            }
            for erase in 0..after.erases() - before.erases() {
                for seed in 0..8 {
                    cut_twice(stage, Cut::Erasing(erase), 1000 * stage.model.epoch() + 8 * erase + seed);
                    cuts += 1;
                }
            }
        }
        let storage = stages.last().unwrap().log.storage();
        println!(
            "write {WRITE} erase {ERASE} pages {page_bytes:?}: {} bytes and {} erases, {cuts} cuts",
            storage.programmed_bytes(),
            storage.erases()
        );
    }
}

#[test]
fn words_of_1_byte_two_sectors() {
    cut_everywhere::<512, 1, 256>(SMALL, 36);
}

#[test]
fn words_of_1_byte_three_sectors() {
    cut_everywhere::<768, 1, 256>(SMALL, 36);
}

#[test]
fn words_of_1_byte_four_sectors() {
    cut_everywhere::<1024, 1, 256>(SMALL, 36);
}

#[test]
fn words_of_1_byte_five_sectors() {
    cut_everywhere::<1280, 1, 256>(SMALL, 36);
}

/// Snapshots and deltas of several sectors.
#[test]
fn words_of_1_byte_epochs_of_many_sectors() {
    cut_everywhere::<2048, 1, 256>(LARGE, 22);
}

#[test]
fn words_of_4_bytes() {
    cut_everywhere::<2048, 4, 512>(MEDIUM, 36);
}

#[test]
fn words_of_16_bytes() {
    cut_everywhere::<4096, 16, 1024>(HUGE, 30);
}
