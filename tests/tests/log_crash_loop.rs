//! Long lives of many logs under random faults: cuts, torn words, half erases, lost pages, reported errors,
//! killed processes, epochs given up. Each life has a seed, which a failure prints.

mod log_model;

use headwater::checkpoint::{CommitError, EpochKind, FaultError, RamFlash};
use log_model::{Load, Model, Random, Storage, open};

const LIVES: u64 = 60;
const FAULTS: u32 = 40;

fn live<const BYTES: usize, const WRITE: usize, const ERASE: usize>(seed: u64, load: Load) {
    let mut random = Random(seed);
    let mut storage = Storage::<BYTES, WRITE, ERASE>::new(RamFlash::new(), seed);
    match random.below(4) {
        0 => storage.lose_unsynced_pages(64).unwrap(),
        1 => storage.lose_unsynced_pages(512).unwrap(),
        _ => {}
    }
    let mut log = open(storage, "new");
    let mut model = Model::new(seed, load);
    for fault in 0..FAULTS {
        let context = format!("write {WRITE} erase {ERASE} seed {seed} fault {fault}");
        let storage = log.storage_mut();
        match random.below(7) {
            0 | 1 => storage.cut_after_programmed_bytes(random.below(3 * ERASE as u64)),
            2 => storage.cut_during_erase(random.below(4)),
            3 => storage.fail_sync(random.below(12)),
            4 => storage.fail_write(random.below(30)),
            5 => {
                if let Ok(mut writer) = log.begin(EpochKind::Delta) {
                    // Given up here, whether it worked or not.
                    let _ = (0..random.below(20)).try_for_each(|n| writer.entry(0, &(n, [7u8; 5])));
                }
            }
            _ => {}
        }
        for _ in 0..random.below(12) {
            match model.write_epoch(&mut log).err() {
                None => {}
                Some(CommitError::Storage(FaultError::PowerLost | FaultError::Injected)) => {}
                Some(error) => panic!("{context}: {error}"),
            }
            if !log.storage().is_powered() {
                break;
            }
        }
        // Half the time the process only dies: what was written stays readable.
        if !log.storage().is_powered() || random.below(2) == 0 {
            let mut storage = log.into_storage();
            if random.below(2) == 0 {
                storage.cut_now().unwrap();
            }
            storage.power_on();
            log = open(storage, &context);
            model.check(&mut log, &context);
        }
    }
}

#[test]
fn small_words() {
    for seed in 0..LIVES {
        live::<1280, 1, 256>(seed, Load { keys: 2, value_bytes: 10, changes: 5 });
    }
}

#[test]
fn many_sectors() {
    for seed in 0..LIVES {
        live::<2560, 4, 256>(seed, Load { keys: 8, value_bytes: 20, changes: 12 });
    }
}

#[test]
fn large_words() {
    for seed in 0..LIVES {
        live::<3072, 16, 1024>(seed, Load { keys: 4, value_bytes: 20, changes: 8 });
    }
}
