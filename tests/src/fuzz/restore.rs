//! Restore from arbitrary bytes: recovered to a committed epoch, or refused, in bounded time; and what is recovered can be worked with.

use core::fmt::Debug;
use core::hash::{Hash, Hasher};
use std::hash::DefaultHasher;

use headwater::checkpoint::{Log, OpenError};
use headwater::state::SlotIndex;
use headwater::{Query, QueryPlan, RestoreError, Timestamp};

use super::driver::Target;
use super::image::{CAPACITY as IMAGE_BYTES, Image};
use super::mutate;
use super::queries::{QUERIES, Visitor, visit};
use super::seeds::{CAPACITY, Seed, Seeds, bounded, digest, policy};
use crate::properties::Random;
use crate::script::BUFFER;
use crate::survive::Row;

/// The most bytes that opening and restoring may read: the search for later epochs behind a torn record looks at each word of a sector and reads
/// up to a record there, the rest reads the log a few times.
const BYTES_READ_MAX: u64 = 48 * IMAGE_BYTES as u64;

/// The image was made from a real log by damage that no CRC can miss: what is recovered must be one of its epochs.
pub(super) const GENUINE: u8 = 0x80;

/// The first byte of an input: query, and whether genuine; the image follows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head(pub(super) u8);

impl Head {
    pub(super) fn new(query: u8, genuine: bool) -> Self {
        Self((query % QUERIES) | if genuine { GENUINE } else { 0 })
    }

    pub(super) fn query(self) -> u8 {
        self.0 % QUERIES
    }

    pub(super) fn is_genuine(self) -> bool {
        self.0 & GENUINE != 0
    }
}

/// The target.
#[derive(Debug, Default)]
pub struct Restore {
    seeds: Seeds,
}

impl Target for Restore {
    fn run(&self, input: &[u8]) -> u64 {
        let Some((head, image)) = input.split_first() else { return 0 };
        let head = Head(*head);
        let seed = head.is_genuine().then(|| self.seeds.of(head.query()));
        visit(head.query(), policy(head.query()), Attempt { image, head, seed })
    }

    fn make(&self, random: &mut Random) -> Vec<u8> {
        mutate::make(&self.seeds, random)
    }

    fn mutate(&self, input: &[u8], random: &mut Random) -> Vec<u8> {
        mutate::change(&self.seeds, input, random)
    }
}

struct Attempt<'i> {
    image: &'i [u8],
    head: Head,
    seed: Option<&'i Seed>,
}

impl Visitor for Attempt<'_> {
    type Answer = u64;

    fn visit<P, const WRITE: usize, const ERASE: usize>(self, plan: &P, row: fn(bool, Row) -> P::Row) -> u64
    where
        P: QueryPlan<Row: Clone, Output: Debug>,
    {
        let mut image = Image::<WRITE, ERASE>::new(self.image);
        image.bytes_read_max = BYTES_READ_MAX;
        let mut class = DefaultHasher::new();
        self.head.query().hash(&mut class);
        let mut state = plan.allocate(CAPACITY);
        let mut query = plan.bind(&mut state);
        let opened = Log::<_, BUFFER>::open(&mut image);
        let mut log = match opened {
            Ok(log) => log,
            Err(error) => {
                class_of_open(&error).hash(&mut class);
                assert_eq!(image.changes, 0, "a log that is not opened is left as it was");
                image.bytes_read.ilog2().hash(&mut class);
                return class.finish();
            }
        };
        let restored = query.restore::<u64, _, BUFFER>(&mut log);
        assert_eq!(log.storage().changes, 0, "restoring writes nothing");
        log.storage().bytes_read.checked_ilog2().hash(&mut class);
        match restored {
            Err(error) => {
                assert!(self.seed.is_none(), "intact records cannot be used: {error}");
                class_of_restore(&error).hash(&mut class);
            }
            Ok(offset) => {
                (offset.is_some(), query.progress().state_rows).hash(&mut class);
                match (self.seed, offset, log.epoch()) {
                    (None, ..) | (Some(_), None, None) => {
                        go_on(&mut query, &mut log, row, self.image.len() as u64).hash(&mut class);
                    }
                    (Some(seed), Some(offset), Some(epoch)) => {
                        let known = seed.epochs.get(&epoch);
                        assert_eq!(known, Some(&digest(&mut query, offset)), "epoch {epoch} as it never was");
                        epoch.checked_ilog2().hash(&mut class);
                    }
                    (Some(_), offset, epoch) => panic!("an offset {offset:?} with an epoch {epoch:?}"),
                }
            }
        }
        class.finish()
    }
}

/// Works with a query that came from anywhere: rows, triggers, commits, a drain. Returns a class of what happened.
fn go_on<P, I, const WRITE: usize, const ERASE: usize>(
    query: &mut Query<'_, P, I>,
    log: &mut Log<&mut Image<WRITE, ERASE>, BUFFER>,
    row: fn(bool, Row) -> P::Row,
    seed: u64,
) -> u64
where
    P: QueryPlan<Row: Clone>,
    I: SlotIndex,
{
    let mut random = Random(seed);
    let mut class = DefaultHasher::new();
    let from = query.progress().watermark.map_or(0, Timestamp::as_micros);
    for epoch in 0..3 {
        for _ in 0..6 {
            let at = from.saturating_add(random.below(60) as i64 - 5);
            let pushed = (random.below(4) as u8, Some(at), random.below(8) as i32);
            let taken = query.push_to(row(random.below(2) == 0, pushed), bounded(|_| ()));
            taken.is_ok().hash(&mut class);
        }
        log.storage_mut().bytes_read = 0;
        let ended = match epoch {
            2 => query.drain(Timestamp::MAX, bounded(|_| ())),
            _ => query.trigger(Timestamp::from_micros(from), bounded(|_| ())),
        };
        ended.is_ok().hash(&mut class);
        let committed = query.commit(log, &7_u64);
        committed.is_ok().hash(&mut class);
        let _ = query.next_deadline();
        query.operators(|_| ());
    }
    query.progress().state_rows.hash(&mut class);
    class.finish()
}

fn class_of_open<E>(error: &OpenError<E>) -> (u8, u32, bool) {
    match error {
        OpenError::Geometry(_) => (0, 0, false),
        OpenError::NewerFormat { .. } => (1, 0, false),
        OpenError::BufferTooSmall { .. } => (2, 0, false),
        OpenError::Corrupted { sector, offset } => (3, *sector, *offset > 32),
        OpenError::Storage(_) => panic!("the storage never fails"),
    }
}

fn class_of_restore<E>(error: &RestoreError<E>) -> String {
    match error {
        RestoreError::OtherQuery(difference) => format!("{difference:?}"),
        RestoreError::Unreadable(unreadable) => format!("{unreadable:?}").chars().take(12).collect(),
        RestoreError::Corrupted { .. } => panic!("a log that was opened is whole"),
        RestoreError::Storage(_) => panic!("the storage never fails"),
        error => panic!("a query that has just been bound: {:?}", core::mem::discriminant(error)),
    }
}
