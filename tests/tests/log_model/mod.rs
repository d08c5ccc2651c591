//! The model that every test of the checkpoint log compares with: the state after each committed epoch.
//!
//! A state is a small map. A delta sets some of its keys, a snapshot writes all of them, and the commit
//! carries the size of the map. Every attempt at an epoch draws new values, so records of an attempt that
//! was given up can never pass for those of the one that was committed.
#![allow(dead_code, missing_docs)]

use core::convert::Infallible;
use core::fmt::Debug;
use std::collections::BTreeMap;

use headwater::checkpoint::{
    CommitError, EpochKind, FaultError, FaultyStorage, Log, LogStorage, OpenError, RamFlash, RamFlashError,
    Record,
};

pub const BUFFER: usize = 96;
pub const IDENTITY: &str = "model";

pub type State = BTreeMap<(u8, u16), Vec<u8>>;
pub type Storage<const BYTES: usize, const WRITE: usize, const ERASE: usize> =
    FaultyStorage<RamFlash<BYTES, WRITE, ERASE>>;
pub type Fault = FaultError<RamFlashError>;

/// splitmix64 (Steele, Lea, Flood 2014).
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// How much the epochs write.
#[derive(Clone, Copy)]
pub struct Load {
    pub keys: u64,
    pub value_bytes: u64,
    pub changes: u64,
}

#[derive(Clone)]
pub struct Model {
    /// State after each committed epoch; epoch 0 is the empty log.
    pub states: Vec<State>,
    /// State of an epoch that may or may not have become durable.
    pub in_flight: Option<State>,
    load: Load,
    random: Random,
}

impl Model {
    pub fn new(seed: u64, load: Load) -> Self {
        Self { states: vec![State::new()], in_flight: None, load, random: Random(seed) }
    }

    pub fn epoch(&self) -> u64 {
        self.states.len() as u64 - 1
    }

    fn draw_changes(&mut self) -> State {
        let Load { keys, value_bytes, changes } = self.load;
        let count = self.random.below(changes + 1);
        (0..count)
            .map(|_| {
                let key = (self.random.below(3) as u8, self.random.below(keys) as u16);
                let bytes = self.random.below(value_bytes + 1);
                (key, (0..bytes).map(|_| self.random.below(256) as u8).collect())
            })
            .collect()
    }

    /// Writes the next epoch as users do: a delta, or a snapshot where the log wants or needs one.
    pub fn write_epoch<S: LogStorage>(
        &mut self,
        log: &mut Log<S, BUFFER>,
    ) -> Result<(), CommitError<S::Error>> {
        let changes = self.draw_changes();
        let mut state = self.states.last().unwrap().clone();
        state.extend(changes.clone());
        let by_choice = log.wants_snapshot() || self.random.below(16) == 0;
        let mut result = Err(CommitError::NeedsSnapshot);
        if !by_choice {
            result = self.attempt(log, EpochKind::Delta, &changes, &state);
        }
        if matches!(result, Err(CommitError::NeedsSnapshot)) {
            result = self.attempt(log, EpochKind::Snapshot, &state, &state);
        }
        if result.is_ok() {
            self.states.push(state);
            self.in_flight = None;
        }
        result
    }

    fn attempt<S: LogStorage>(
        &mut self,
        log: &mut Log<S, BUFFER>,
        kind: EpochKind,
        entries: &State,
        state: &State,
    ) -> Result<(), CommitError<S::Error>> {
        let mut writer = log.begin(kind)?;
        // Only now an earlier attempt is gone for good.
        self.in_flight = Some(state.clone());
        if kind == EpochKind::Snapshot {
            writer.identity(IDENTITY)?;
        }
        for ((operator, key), value) in entries {
            writer.entry(*operator, &(*key, value))?;
        }
        writer.commit(self.states.len() as u64, &(state.len() as u64))
    }

    /// Checks that the log is at the last commit or at the one in flight, whichever it is, and replays to
    /// exactly the model's states.
    pub fn check<S: LogStorage>(&mut self, log: &mut Log<S, BUFFER>, context: &str)
    where
        S::Error: Debug,
    {
        if log.epoch().unwrap_or(0) == self.epoch() + 1 {
            let state = self.in_flight.take();
            self.states.push(state.unwrap_or_else(|| panic!("{context}: an epoch nobody wrote")));
        }
        self.in_flight = None;
        assert_eq!(log.epoch().unwrap_or(0), self.epoch(), "{context}: epoch");
        assert_eq!(log.is_empty(), self.epoch() == 0, "{context}: is_empty");
        self.check_replay(log, context);
    }

    /// Checks the replay of a log at any epoch of the model.
    pub fn check_replay<S: LogStorage>(&self, log: &mut Log<S, BUFFER>, context: &str)
    where
        S::Error: Debug,
    {
        let (mut state, mut last, mut records) = (State::new(), None, 0);
        let replayed = log.replay(|record| {
            match record {
                Record::Identity(payload) => {
                    assert_eq!(records, 0, "{context}: identity first");
                    assert_eq!(postcard::from_bytes::<&str>(payload).unwrap(), IDENTITY, "{context}");
                }
                Record::Entries { operator, mut payload } => {
                    while !payload.is_empty() {
                        let (entry, rest) = postcard::take_from_bytes::<(u16, Vec<u8>)>(payload).unwrap();
                        state.insert((operator, entry.0), entry.1);
                        payload = rest;
                    }
                }
                Record::Commit { epoch, payload } => {
                    assert_eq!(state, self.states[epoch as usize], "{context}: state of epoch {epoch}");
                    assert_eq!(
                        postcard::from_bytes::<u64>(payload).unwrap(),
                        state.len() as u64,
                        "{context}"
                    );
                    assert!(last.is_none_or(|last| last + 1 == epoch), "{context}: epochs in order");
                    last = Some(epoch);
                }
            }
            records += 1;
            Ok::<_, Infallible>(())
        });
        replayed.unwrap_or_else(|error| panic!("{context}: {error:?}"));
        assert_eq!(last, log.epoch(), "{context}: the replay ends at the last commit");
    }
}

/// Opens, and checks that opening has changed no byte.
pub fn open<const BYTES: usize, const WRITE: usize, const ERASE: usize>(
    storage: Storage<BYTES, WRITE, ERASE>,
    context: &str,
) -> Log<Storage<BYTES, WRITE, ERASE>, BUFFER> {
    let before = *storage.inner().image();
    let log = Log::open(storage).unwrap_or_else(|error| panic!("{context}: {error}"));
    assert_eq!(log.storage().inner().image(), &before, "{context}: open writes nothing");
    log
}

/// Power off and on again: reopens, checks, goes on for some epochs, reopens and checks again.
pub fn recover<const BYTES: usize, const WRITE: usize, const ERASE: usize>(
    model: &mut Model,
    log: Log<Storage<BYTES, WRITE, ERASE>, BUFFER>,
    epochs: u32,
    context: &str,
) -> Log<Storage<BYTES, WRITE, ERASE>, BUFFER> {
    let mut storage = log.into_storage();
    storage.power_on();
    let mut log = open(storage, context);
    model.check(&mut log, context);
    for _ in 0..epochs {
        model.write_epoch(&mut log).unwrap_or_else(|error| panic!("{context}: going on: {error}"));
    }
    let mut log = open(log.into_storage(), context);
    model.check(&mut log, context);
    log
}

/// Whether an error of the log comes from the power cut.
pub fn is_power_lost<T>(result: &Result<T, CommitError<Fault>>) -> bool {
    matches!(result, Err(CommitError::Storage(FaultError::PowerLost)))
}

/// Whether opening failed for damage.
pub fn is_corrupted<T, E>(result: &Result<T, OpenError<E>>) -> bool {
    matches!(result, Err(OpenError::Corrupted { .. }))
}
