//! Valid logs to start from, and what each of their epochs holds.

use core::fmt::Debug;
use core::hash::{Hash, Hasher};
use std::collections::BTreeMap;
use std::hash::DefaultHasher;

use headwater::checkpoint::{Log, LogStorage};
use headwater::state::SlotIndex;
use headwater::{OnFull, Query, QueryPlan, Timestamp};

use super::image::Image;
use super::queries::{QUERIES, Visitor, visit};
use crate::script::BUFFER;
use crate::survive::{Call, Row, script};

/// Records the state holds: few enough to be full now and then.
pub const CAPACITY: usize = 12;

/// The most results any call here can give.
const RESULTS_MAX: u32 = 100_000;

/// What happens when state is full, by query.
#[must_use]
pub fn policy(query: u8) -> OnFull {
    [OnFull::Drop, OnFull::EvictOldest, OnFull::Refuse][usize::from(query % 3)]
}

/// A log as it grew: the image after each commit.
#[derive(Debug, Default)]
pub struct Seed {
    /// The images.
    pub images: Vec<Vec<u8>>,
    /// What each epoch holds: see [`digest`].
    pub epochs: BTreeMap<u64, u64>,
}

/// A log of each query.
#[derive(Debug)]
pub struct Seeds(Vec<Seed>);

impl Seeds {
    /// Runs every query.
    #[must_use]
    pub fn new() -> Self {
        Self((0..QUERIES).map(|query| visit(query, policy(query), Grow)).collect())
    }

    /// That of a query, by its number.
    #[must_use]
    pub fn of(&self, query: u8) -> &Seed {
        &self.0[usize::from(query % QUERIES)]
    }
}

impl Default for Seeds {
    fn default() -> Self {
        Self::new()
    }
}

struct Grow;

impl Visitor for Grow {
    type Answer = Seed;

    fn visit<P, const WRITE: usize, const ERASE: usize>(self, plan: &P, row: fn(bool, Row) -> P::Row) -> Seed
    where
        P: QueryPlan<Row: Clone, Output: Debug>,
    {
        let mut seed = Seed::default();
        let mut log = Log::<_, BUFFER>::open(Image::<WRITE, ERASE>::new(&[])).expect("an empty log");
        let mut state = plan.allocate(CAPACITY);
        let mut query = plan.bind(&mut state);
        for (number, call) in script(30, 5, 1, row).into_iter().enumerate() {
            match call {
                Call::Push(row, _) => {
                    let _ = query.push_to(row, |_| ());
                }
                Call::Trigger(_) | Call::Drain => {
                    let _ = query.trigger(Timestamp::EPOCH, |_| ());
                }
                Call::Commit => {
                    if query.commit(&mut log, &(number as u64)).is_ok() {
                        seed.images.push(log.storage().bytes.clone());
                        let mut image = log.storage().clone();
                        let (epoch, found) = restored_digest(plan, &mut image).expect("what was committed");
                        seed.epochs.insert(epoch, found);
                    }
                }
            }
        }
        assert!(seed.images.len() > 20, "{} commits", seed.images.len());
        seed
    }
}

fn restored_digest<P: QueryPlan<Output: Debug>>(
    plan: &P,
    storage: &mut impl LogStorage,
) -> Option<(u64, u64)> {
    let mut log = Log::<_, BUFFER>::open(storage).ok()?;
    let mut state = plan.allocate(CAPACITY);
    let mut query = plan.bind(&mut state);
    let offset = query.restore(&mut log).ok()??;
    Some((log.epoch()?, digest(&mut query, offset)))
}

/// What a restored query holds, as a number: its offset, its counts, and what a drain gives. Nothing is left in it after that.
pub fn digest<P, I>(query: &mut Query<'_, P, I>, offset: u64) -> u64
where
    P: QueryPlan<Output: Debug>,
    I: SlotIndex,
{
    let mut hasher = DefaultHasher::new();
    offset.hash(&mut hasher);
    format!("{:?}", query.progress()).hash(&mut hasher);
    let drained = query.drain(Timestamp::EPOCH, bounded(|result| format!("{result:?}").hash(&mut hasher)));
    drained.is_ok().hash(&mut hasher);
    hasher.finish()
}

/// A sink that fails the run if there is no end to the results.
pub fn bounded<O>(mut sink: impl FnMut(O)) -> impl FnMut(O) {
    let mut given = 0;
    move |result| {
        given += 1;
        assert!(given <= RESULTS_MAX, "no end of results");
        sink(result);
    }
}
