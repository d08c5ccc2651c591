//! The ring wears every sector alike.

mod log_model;

use headwater::checkpoint::RamFlash;
use log_model::{Load, Model, Random, Storage, open};

const LOAD: Load = Load { keys: 6, value_bytes: 20, changes: 10 };

fn check_wear(counts: &[u32]) {
    let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
    println!("{least} to {most} erases per sector");
    assert!(*least >= 100, "a long run: {counts:?}");
    assert!(f64::from(*most) <= f64::from(*least) * 1.1, "{counts:?}");
}

#[test]
fn a_long_run() {
    let mut log = open(Storage::<4096, 4, 512>::new(RamFlash::new(), 0), "wear");
    let mut model = Model::new(1, LOAD);
    for _ in 0..4000 {
        model.write_epoch(&mut log).unwrap();
    }
    check_wear(log.storage().inner().erase_counts());
}

/// Restarts and cuts cost no sector more than the others.
#[test]
fn a_long_run_with_cuts() {
    let mut log = open(Storage::<4096, 4, 512>::new(RamFlash::new(), 0), "wear");
    let mut model = Model::new(1, LOAD);
    let mut random = Random(1);
    while model.epoch() < 3000 {
        log.storage_mut().cut_after_programmed_bytes(random.below(4000));
        while model.write_epoch(&mut log).is_ok() {}
        let mut storage = log.into_storage();
        storage.power_on();
        log = open(storage, "wear");
        model.check(&mut log, "wear");
    }
    check_wear(log.storage().inner().erase_counts());
}
