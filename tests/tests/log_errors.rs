//! Limits, misuse and storages that report errors while the power stays on.

mod log_model;

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use headwater::checkpoint::{
    CommitError, EpochKind, FaultError, FaultyStorage, GeometryError, Log, LogStorage, OpenError, RamFlash,
    RamFlashError, ReplayError,
};
use log_model::{BUFFER, IDENTITY, Load, Model, Storage, open, recover};

const LOAD: Load = Load { keys: 2, value_bytes: 8, changes: 4 };

fn geometry_error<S: LogStorage>(storage: S) -> Option<GeometryError>
where
    S::Error: PartialEq,
{
    match Log::<S, 64>::open(storage) {
        Err(OpenError::Geometry(error)) => Some(error),
        _ => None,
    }
}

#[test]
fn sizes_that_do_not_suit() {
    use GeometryError::{Capacity, EraseSize, WriteSize};
    assert_eq!(geometry_error(RamFlash::<1024, 32, 256>::new()), Some(WriteSize(32)));
    assert_eq!(geometry_error(RamFlash::<1152, 3, 384>::new()), Some(WriteSize(3)));
    assert_eq!(geometry_error(RamFlash::<1024, 1, 128>::new()), Some(EraseSize(128)));
    assert_eq!(geometry_error(RamFlash::<1152, 1, 384>::new()), Some(EraseSize(384)));
    assert_eq!(geometry_error(RamFlash::<256, 1, 256>::new()), Some(Capacity(256)));
    assert_eq!(geometry_error(RamFlash::<512, 16, 256>::new()), None);
}

#[test]
fn a_log_written_with_other_sizes() {
    let mut log = Log::<_, 64>::open(RamFlash::<4096, 4, 512>::new()).unwrap();
    let writer = log.begin(EpochKind::Snapshot).unwrap();
    writer.commit(1, &()).unwrap();
    let mut other = RamFlash::<4096, 4, 1024>::new();
    other.image_mut().copy_from_slice(log.storage().image());
    let written = GeometryError::Written { write_size: 4, erase_size: 512, sectors: 8 };
    assert_eq!(geometry_error(other), Some(written));
}

#[test]
fn an_empty_log_needs_a_snapshot() {
    let mut log = Log::<_, 64>::open(RamFlash::<1024, 1, 256>::new()).unwrap();
    assert!(log.is_empty() && log.wants_snapshot() && log.epoch().is_none());
    assert!(matches!(log.begin(EpochKind::Delta), Err(CommitError::NeedsSnapshot)));
}

#[test]
fn an_identity_stands_first_in_a_snapshot() {
    let mut log = Log::<_, 64>::open(RamFlash::<1024, 1, 256>::new()).unwrap();
    let mut writer = log.begin(EpochKind::Snapshot).unwrap();
    writer.entry(0, &1u8).unwrap();
    assert_eq!(writer.identity("late"), Err(CommitError::IdentityMisplaced));
    assert_eq!(writer.entry(0, &1u8), Err(CommitError::Abandoned));
    assert_eq!(writer.commit(1, &()), Err(CommitError::Abandoned));
    assert!(log.is_empty());
    log.begin(EpochKind::Snapshot).unwrap().commit(1, &()).unwrap();
    let mut writer = log.begin(EpochKind::Delta).unwrap();
    assert_eq!(writer.identity("delta"), Err(CommitError::IdentityMisplaced));
}

/// An entry takes up to `BUFFER` bytes, and no more than fits in a sector.
fn check_entry_limit<const BUFFER_BYTES: usize>(limit: u32) {
    let mut log = Log::<_, BUFFER_BYTES>::open(RamFlash::<1024, 1, 256>::new()).unwrap();
    let mut write = |bytes: u32, commit_bytes: u32| {
        let (value, commit) = (vec![7u8; bytes as usize], vec![7u8; commit_bytes as usize]);
        let mut writer = log.begin(EpochKind::Snapshot).unwrap();
        writer.entry(9, &value[..])?;
        writer.commit(1, &commit[..])
    };
    // The length takes a byte or two in postcard.
    let length_bytes = if limit > 128 { 2 } else { 1 };
    for bytes in 0..=limit - length_bytes {
        write(bytes, 0).unwrap();
    }
    let too_large = Err(CommitError::EntryTooLarge { limit });
    assert_eq!(write(limit + 1 - length_bytes, 0), too_large);
    write(0, limit - 17 - length_bytes).unwrap();
    assert_eq!(write(0, limit - 16 - length_bytes), Err(CommitError::EntryTooLarge { limit: limit - 17 }));
}

#[test]
fn entries_of_all_sizes_up_to_the_limit() {
    check_entry_limit::<96>(96);
    check_entry_limit::<1024>(184);
}

/// Values of no bytes at all (a unit, an empty struct) still make a record.
#[test]
fn empty_values() {
    let mut log = Log::<_, 64>::open(RamFlash::<1024, 1, 256>::new()).unwrap();
    let mut writer = log.begin(EpochKind::Snapshot).unwrap();
    writer.identity(&()).unwrap();
    writer.entry(3, &()).unwrap();
    writer.commit(1, &()).unwrap();
    let mut records = 0;
    log.replay(|_| {
        records += 1;
        Ok::<_, core::convert::Infallible>(())
    })
    .unwrap();
    assert_eq!(records, 3);
}

/// Fills a log with a growing state until it is full: the last commit stays, and a smaller state fits again.
#[test]
fn full_leaves_the_last_commit() {
    let mut log = Log::<_, 64>::open(RamFlash::<1280, 1, 256>::new()).unwrap();
    assert_eq!(log.snapshot_room(), 2 * 192);
    let mut snapshot = |entries: u64, epoch| {
        let mut writer = log.begin(EpochKind::Snapshot)?;
        for entry in 0..entries {
            writer.entry(0, &(entry, [1u8; 6]))?;
        }
        writer.commit(epoch, &entries)
    };
    for entries in 0..60 {
        match snapshot(entries, entries + 1) {
            Ok(()) => assert!(entries * 7 < 384, "{entries}"),
            Err(error) => {
                assert_eq!(error, CommitError::Full { room: 384 });
                assert!(entries * 7 > 240, "{entries} entries are not full");
                for _ in 0..3 {
                    assert_eq!(snapshot(entries, 99), Err(CommitError::Full { room: 384 }));
                }
                snapshot(entries - 1, 1000).unwrap();
                let log = Log::<_, 64>::open(log.into_storage()).unwrap();
                assert_eq!(log.epoch(), Some(1000));
                return;
            }
        }
    }
    panic!("never full");
}

/// The next snapshot always finds room, whatever deltas came before: the sizing rule of the format page.
#[test]
fn a_snapshot_of_half_the_log_always_fits() {
    let mut log = Log::<_, 64>::open(RamFlash::<1792, 1, 256>::new()).unwrap();
    let mut snapshots = 0;
    for epoch in 1..400u64 {
        let mut kind = EpochKind::Delta;
        if log.wants_snapshot() {
            kind = EpochKind::Snapshot;
        }
        let mut write = |kind| {
            let mut writer = log.begin(kind)?;
            let entries = if kind == EpochKind::Snapshot { 60 } else { epoch % 40 };
            for entry in 0..entries {
                writer.entry(0, &(entry as u8, [1u8; 6]))?;
            }
            writer.commit(epoch, &())
        };
        match write(kind) {
            Err(CommitError::NeedsSnapshot) => {
                write(EpochKind::Snapshot).unwrap();
                snapshots += 1;
            }
            result => result.unwrap(),
        }
    }
    assert!(snapshots > 10, "{snapshots}");
}

#[test]
fn a_buffer_smaller_than_the_records() {
    let mut log = Log::<_, 512>::open(RamFlash::<2048, 1, 512>::new()).unwrap();
    let mut writer = log.begin(EpochKind::Snapshot).unwrap();
    writer.entry(0, &[0u8; 100][..]).unwrap();
    writer.commit(1, &()).unwrap();
    let opened = Log::<_, 64>::open(log.into_storage());
    assert_eq!(opened.err(), Some(OpenError::BufferTooSmall { needed: 101, buffer: 64 }));
}

/// Epochs given up after any number of entries leave no trace, in the running log or after a restart.
#[test]
fn epochs_given_up() {
    let mut log = open(Storage::<2048, 1, 256>::new(RamFlash::new(), 0), "given up");
    let mut model = Model::new(5, LOAD);
    for round in 0..120u64 {
        let context = format!("round {round}");
        let kind = if round % 3 == 0 { EpochKind::Snapshot } else { EpochKind::Delta };
        if let Ok(mut writer) = log.begin(kind) {
            for entry in 0..round % 30 {
                if writer.entry(1, &(entry, vec![0xEEu8; 9])).is_err() {
                    break;
                }
            }
        }
        if round % 2 == 0 {
            log = open(log.into_storage(), &context);
            model.check(&mut log, &context);
        }
        model.write_epoch(&mut log).unwrap();
        model.check(&mut log, &context);
    }
}

/// One sync or write reports an error at each point of a run. The failed epoch is gone for good once the next
/// has begun, even if a cut follows at any later time.
#[test]
fn reported_errors_then_a_cut() {
    for page_bytes in [None, Some(64)] {
        for fault in 0..90 {
            for later in 0..70 {
                reported_error_then_cut(page_bytes, fault, later);
            }
        }
    }
}

fn reported_error_then_cut(page_bytes: Option<usize>, fault: u64, later: u64) {
    let context = format!("pages {page_bytes:?} fault {fault} cut {later} bytes later");
    let mut storage = Storage::<1024, 1, 256>::new(RamFlash::new(), fault * 1000 + later);
    if let Some(page_bytes) = page_bytes {
        storage.lose_unsynced_pages(page_bytes).unwrap();
    }
    let mut log = open(storage, &context);
    let mut model = Model::new(11, LOAD);
    for _ in 0..4 {
        model.write_epoch(&mut log).unwrap();
    }
    if fault.is_multiple_of(2) {
        log.storage_mut().fail_sync(fault / 2);
    } else {
        log.storage_mut().fail_write(fault / 2);
    }
    while model.epoch() < 20 {
        match model.write_epoch(&mut log) {
            Ok(()) => {}
            Err(CommitError::Storage(FaultError::Injected)) => break,
            Err(error) => panic!("{context}: {error}"),
        }
    }
    log.storage_mut().cut_after_programmed_bytes(later);
    while model.epoch() < 24 && model.write_epoch(&mut log).is_ok() {}
    let mut log = recover(&mut model, log, 0, &context);
    // Recovered once, then cut again: the log must not jump to an epoch that the first recovery had left out.
    log.storage_mut().cut_after_programmed_bytes(later / 2);
    if later.is_multiple_of(5) {
        log.storage_mut().cut_during_erase(0);
    }
    while model.epoch() < 28 && model.write_epoch(&mut log).is_ok() {}
    recover(&mut model, log, 4, &context);
}

/// A process dies between writing its commit and the sync. What the next process then reads as committed must
/// not be lost to a power cut after it has acted upon it.
#[test]
fn what_open_has_found_is_durable() {
    for seed in 0..40 {
        let context = format!("seed {seed}");
        let mut storage = Storage::<1024, 1, 256>::new(RamFlash::new(), seed);
        storage.lose_unsynced_pages(64).unwrap();
        let mut log = open(storage, &context);
        let mut model = Model::new(seed, LOAD);
        for _ in 0..3 {
            model.write_epoch(&mut log).unwrap();
        }
        log.storage_mut().fail_sync(0);
        let result = model.write_epoch(&mut log);
        assert_eq!(result, Err(CommitError::Storage(FaultError::Injected)), "{context}");
        let mut log = open(log.into_storage(), &context);
        model.check(&mut log, &context);
        log.storage_mut().cut_now().unwrap();
        recover(&mut model, log, 2, &context);
    }
}

/// A read error anywhere is reported as such; the log is whole afterwards.
#[test]
fn read_errors() {
    let mut log = open(Storage::<1024, 1, 256>::new(RamFlash::new(), 0), "read errors");
    let mut model = Model::new(5, LOAD);
    for _ in 0..9 {
        model.write_epoch(&mut log).unwrap();
    }
    let mut storage = log.into_storage();
    let mut failed_opens = 0;
    for reads in 0.. {
        storage.fail_read(reads);
        match Log::<_, BUFFER>::open(&mut storage) {
            Ok(_) => break,
            Err(error) => assert_eq!(error, OpenError::Storage(FaultError::Injected)),
        }
        failed_opens += 1;
    }
    assert!(failed_opens > 10);
    let mut log = open(Storage::<1024, 1, 256>::new(storage.into_inner(), 0), "read errors");
    log.storage_mut().fail_read(2);
    let replayed = log.replay(|_| Ok::<_, core::convert::Infallible>(()));
    assert_eq!(replayed, Err(ReplayError::Storage(FaultError::Injected)));
    model.check(&mut log, "read errors");
}

/// The closure's error ends the replay.
#[test]
fn a_replay_can_be_refused() {
    let mut log = Log::<_, 64>::open(RamFlash::<1024, 1, 256>::new()).unwrap();
    let mut writer = log.begin(EpochKind::Snapshot).unwrap();
    writer.identity(IDENTITY).unwrap();
    writer.commit(1, &()).unwrap();
    assert_eq!(log.replay(|_| Err("not mine")), Err(ReplayError::Record("not mine")));
}

/// A flash that only reads aligned pieces of 8 bytes.
struct WideReads(RamFlash<2048, 4, 512>);

impl ErrorType for WideReads {
    type Error = RamFlashError;
}

impl ReadNorFlash for WideReads {
    const READ_SIZE: usize = 8;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), RamFlashError> {
        if !offset.is_multiple_of(8) || !bytes.len().is_multiple_of(8) {
            return Err(RamFlashError::NotAligned);
        }
        self.0.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl NorFlash for WideReads {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 512;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), RamFlashError> {
        self.0.erase(from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), RamFlashError> {
        self.0.write(offset, bytes)
    }
}

impl LogStorage for WideReads {
    fn sync(&mut self) -> Result<(), RamFlashError> {
        Ok(())
    }
}

#[test]
fn reads_keep_to_the_read_size() {
    let mut log = Log::<_, BUFFER>::open(WideReads(RamFlash::new())).unwrap();
    let mut model = Model::new(2, LOAD);
    for _ in 0..100 {
        model.write_epoch(&mut log).unwrap();
        log = Log::open(log.into_storage()).unwrap();
        model.check(&mut log, "wide reads");
    }
}

#[test]
fn a_borrowed_storage_is_a_storage() {
    let mut storage = FaultyStorage::new(RamFlash::<1024, 1, 256>::new(), 0);
    let mut log = Log::<_, 64>::open(&mut storage).unwrap();
    log.begin(EpochKind::Snapshot).unwrap().commit(1, &()).unwrap();
    assert_eq!(Log::<_, 64>::open(storage).unwrap().epoch(), Some(1));
}
