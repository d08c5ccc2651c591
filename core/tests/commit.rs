//! What a commit writes and reads, and into which log a query may commit.
#![cfg(feature = "alloc")]

use core::convert::Infallible;

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use headwater::aggregate::sum;
use headwater::checkpoint::{EpochKind, Log, LogStorage};
use headwater::{CommitError, QueryPlan, Stream, Timestamp};

const BUFFER: usize = 4096;

/// Flash of 256 KiB that counts reads.
#[derive(Debug)]
struct Counted {
    bytes: Vec<u8>,
    reads: u32,
}

impl Counted {
    fn erased() -> Self {
        Self { bytes: vec![0xFF; 1 << 18], reads: 0 }
    }
}

impl ErrorType for Counted {
    type Error = Infallible;
}

impl ReadNorFlash for Counted {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.reads += 1;
        bytes.copy_from_slice(&self.bytes[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl NorFlash for Counted {
    const WRITE_SIZE: usize = 8;
    const ERASE_SIZE: usize = 16_384;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Infallible> {
        self.bytes[from as usize..to as usize].fill(0xFF);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        self.bytes[offset as usize..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}

impl LogStorage for Counted {
    fn sync(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Sums per key of rows of a key and a value, under a name.
fn sums(name: &'static str) -> impl QueryPlan<Row = (u32, f64)> {
    Stream::<(u32, f64)>::new()
        .group_by(|row| row.0)
        .aggregate(sum(|row: &(u32, f64)| row.1))
        .complete()
        .named(name, 1)
}

/// The log of a query after one epoch of 2,000 keys and three of one row of `value`.
fn after_four_epochs(name: &'static str, value: f64) -> Log<Counted, BUFFER> {
    let plan = sums(name);
    let mut state = plan.allocate(2_000);
    let mut query = plan.bind(&mut state);
    let mut log = Log::open(Counted::erased()).unwrap();
    for rows in [0..2_000, 5..6, 6..7, 7..8] {
        rows.for_each(|key| query.push((key, value)).unwrap());
        query.trigger(Timestamp::EPOCH, |_| ()).unwrap();
        query.commit(&mut log, &0_u8).unwrap();
    }
    log
}

#[test]
fn bytes_of_a_commit_are_a_straight_line_over_the_changed_slots() {
    // Of an entry: its slot, 1 for a record, its key, the sum and whether there is one. Slots and keys take two bytes each from 128 on.
    const ENTRY_BYTES: u64 = 2 + 1 + 2 + 9;
    // Of a frame: its header, padding, and what is left of the buffer; or of a sector, which is opened and sealed once.
    const FRAME_BYTES: u64 = 8 + 8 + ENTRY_BYTES + 32 + 16;

    let plan = sums("line");
    let mut state = plan.allocate(2_000);
    let mut query = plan.bind(&mut state);
    let mut log = Log::<_, BUFFER>::open(Counted::erased()).unwrap();
    let mut bytes_of = |rows: core::ops::Range<u32>, value: f64| {
        rows.for_each(|key| query.push((key, value)).unwrap());
        query.trigger(Timestamp::EPOCH, |_| ()).unwrap();
        let before = log.wear().bytes_written;
        let kind = query.commit(&mut log, &0_u8).unwrap();
        (kind, log.wear().bytes_written - before)
    };
    assert_eq!(bytes_of(0..2_000, 1.0).0, EpochKind::Snapshot);
    let (_, one) = bytes_of(200..201, 1.0);
    for (changed, value) in [(1_u32, 2.0), (10, 3.0), (100, 4.0), (1_000, 5.0)] {
        let (kind, bytes) = bytes_of(200..200 + changed, value);
        assert_eq!(kind, EpochKind::Delta);
        let entries = u64::from(changed - 1) * ENTRY_BYTES;
        let frames = (entries / BUFFER as u64 + 1) * FRAME_BYTES;
        assert!(bytes + 8 >= one + entries, "{changed} slots: {bytes} B, {one} B for one");
        assert!(bytes <= one + entries + frames, "{changed} slots: {bytes} B, {one} B for one");
    }
}

#[test]
fn a_delta_in_a_sector_with_room_reads_nothing() {
    let mut log = after_four_epochs("read", 1.0);
    let plan = sums("read");
    let mut state = plan.allocate(2_000);
    let mut query = plan.bind(&mut state);
    query.restore::<u8, _, BUFFER>(&mut log).unwrap();
    for key in 10..20 {
        query.push((key, 1.0)).unwrap();
        query.trigger(Timestamp::EPOCH, |_| ()).unwrap();
        // The first commit after a restart makes up for seals that a cut may have left out.
        let before = log.storage().reads;
        assert_eq!(query.commit(&mut log, &0_u8), Ok(EpochKind::Delta));
        assert!(key == 10 || log.storage().reads == before, "{} reads", log.storage().reads - before);
    }
}

#[test]
fn a_query_commits_only_where_its_own_last_commit_is_the_last() {
    let plan = sums("mine");
    let mut state = plan.allocate(2_000);
    let mut query = plan.bind(&mut state);
    let mut own = after_four_epochs("mine", 1.0);
    query.restore::<u8, _, BUFFER>(&mut own).unwrap();
    query.push((1, 1.0)).unwrap();
    query.trigger(Timestamp::EPOCH, |_| ()).unwrap();

    // All three have four epochs of as many bytes each.
    let mut renamed = after_four_epochs("none", 1.0);
    assert_eq!(query.commit(&mut renamed, &0_u8), Err(CommitError::NotRestored));
    let mut other_rows = after_four_epochs("mine", 2.0);
    assert_eq!(query.commit(&mut other_rows, &0_u8), Err(CommitError::NotRestored));
    // Closed and opened again, its own log is still its own; and so is a copy.
    let mut own = Log::<_, BUFFER>::open(own.into_storage()).unwrap();
    assert_eq!(query.commit(&mut own, &0_u8), Ok(EpochKind::Delta));
    let mut copy = after_four_epochs("mine", 1.0);
    assert_eq!(query.commit(&mut copy, &0_u8), Err(CommitError::NotRestored), "the copy lacks an epoch");
}
