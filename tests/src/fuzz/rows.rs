//! Rows, triggers, commits, drains, restarts and faults in any order, with extreme times, full state and sinks that refuse.

use core::fmt::Debug;
use core::hash::{Hash, Hasher};
use std::hash::DefaultHasher;

use headwater::checkpoint::{FaultyStorage, Log, RamFlash};
use headwater::state::SlotIndex;
use headwater::{CommitError, OnFull, Progress, PushError, Query, QueryPlan, Timestamp, TriggerError};

use super::driver::Target;
use super::queries::{Visitor, visit};
use crate::properties::Random;
use crate::script::BUFFER;
use crate::survive::Row;

type Storage<const WRITE: usize, const ERASE: usize> = FaultyStorage<RamFlash<16_384, WRITE, ERASE>>;

/// The most results any call here can give.
const RESULTS_MAX: u64 = 1_000_000;

/// Event times, and processing times, where arithmetic may break.
const EXTREMES: [i64; 14] = [
    i64::MIN,
    i64::MIN + 1,
    i64::MIN / 2,
    -(1 << 61) - 1,
    -(1 << 61),
    -(1 << 61) + 1,
    0,
    (1 << 61) - 1,
    1 << 61,
    (1 << 61) + 1,
    i64::MAX / 2,
    i64::MAX - 1,
    i64::MAX,
    1 << 60,
];

/// The target. An input is: query, policy, capacity, and then calls, a byte each with its arguments after it.
#[derive(Debug, Default)]
pub struct Rows;

impl Target for Rows {
    fn run(&self, input: &[u8]) -> u64 {
        let [query, policy, capacity, calls @ ..] = input else { return 0 };
        let policy = [OnFull::Refuse, OnFull::Drop, OnFull::EvictOldest][usize::from(policy % 3)];
        let capacity = 1 + usize::from(capacity % 16);
        visit(
            *query,
            policy,
            Life { calls: Calls { bytes: calls, clock: 0 }, capacity, class: DefaultHasher::new() },
        )
    }

    fn make(&self, random: &mut Random) -> Vec<u8> {
        (0..4 + random.below(600)).map(|_| random.draw() as u8).collect()
    }

    fn mutate(&self, input: &[u8], random: &mut Random) -> Vec<u8> {
        let mut input = input.to_vec();
        for _ in 0..=random.below(4) {
            let at = random.below(input.len() as u64 + 1) as usize;
            let to = (at + random.below(40) as usize).min(input.len());
            match random.below(4) {
                0 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.draw() as u8),
                1 => input.splice(at..at, (0..=random.below(12)).map(|_| random.draw() as u8)).for_each(drop),
                2 => input.drain(at..to).for_each(drop),
                _ => {
                    let again = input[at..to].to_vec();
                    input.extend(again);
                }
            }
        }
        input.truncate(4000);
        input
    }
}

/// The calls of an input, one by one.
struct Calls<'i> {
    bytes: &'i [u8],
    clock: i64,
}

impl Calls<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*byte)
    }

    /// A time: mostly near a clock that goes on, now and then extreme or missing.
    fn time(&mut self) -> Option<Option<i64>> {
        let byte = self.byte()?;
        Some(match byte.checked_sub(225) {
            None => {
                self.clock += i64::from(byte % 6);
                Some(self.clock - i64::from(byte / 8))
            }
            Some(extreme) => EXTREMES.get(usize::from(extreme)).copied(),
        })
    }

    /// How many results a sink takes.
    fn room(&mut self) -> Option<u64> {
        let byte = self.byte()?;
        Some(if byte < 128 { u64::from(byte % 8) } else { RESULTS_MAX })
    }
}

/// What stands in the log.
#[derive(Clone, Copy)]
struct Committed {
    offset: u64,
    progress: Progress,
}

struct Life<'i> {
    calls: Calls<'i>,
    capacity: usize,
    class: DefaultHasher,
}

/// Whether there are more calls after a start.
#[derive(PartialEq)]
enum Then {
    Restart,
    End,
}

impl Visitor for Life<'_> {
    type Answer = u64;

    fn visit<P, const WRITE: usize, const ERASE: usize>(
        mut self,
        plan: &P,
        row: fn(bool, Row) -> P::Row,
    ) -> u64
    where
        P: QueryPlan<Row: Clone, Output: Debug>,
    {
        let mut storage = Storage::<WRITE, ERASE>::new(RamFlash::new(), 1);
        // The last commit that returned, and those after it that a fault fell into.
        let mut known = vec![None];
        loop {
            storage.power_on();
            let mut state = plan.allocate(self.capacity);
            let mut query = plan.bind(&mut state);
            let mut log = Log::<_, BUFFER>::open(&mut storage).unwrap_or_else(|error| panic!("{error}"));
            let offset: Option<u64> = query.restore(&mut log).unwrap_or_else(|error| panic!("{error}"));
            let restored = offset.map(|offset| Committed { offset, progress: query.progress() });
            let same = |known: &Option<Committed>| match (known, &restored) {
                (None, None) => true,
                (Some(one), Some(other)) => one.offset == other.offset && one.progress == other.progress,
                _ => false,
            };
            assert!(known.iter().any(same), "restored what was not committed");
            known = vec![restored];
            if self.start(&mut query, &mut log, row, &mut known) == Then::End {
                return self.class.finish();
            }
        }
    }
}

impl Life<'_> {
    /// Makes calls up to a restart, a cut, or the end.
    fn start<P, I, const WRITE: usize, const ERASE: usize>(
        &mut self,
        query: &mut Query<'_, P, I>,
        log: &mut Log<&mut Storage<WRITE, ERASE>, BUFFER>,
        row: fn(bool, Row) -> P::Row,
        known: &mut Vec<Option<Committed>>,
    ) -> Then
    where
        P: QueryPlan<Row: Clone>,
        I: SlotIndex,
    {
        while let Some(call) = self.calls.byte() {
            let before = query.progress().rows.emitted;
            let mut given = 0;
            let answer = match call % 32 {
                0..=19 => self.push(query, row, call, &mut given),
                20..=24 => self.end_epoch(query, call, &mut given),
                25..=27 => {
                    let offset = known[0].map_or(1, |committed| committed.offset + 1);
                    let in_flight = Committed { offset, progress: query.progress() };
                    let committed = query.commit(log, &offset);
                    match committed {
                        Ok(_) => *known = vec![Some(in_flight)],
                        Err(CommitError::Log(_)) => known.push(Some(in_flight)),
                        Err(_) => {}
                    }
                    if !log.storage().is_powered() {
                        return Then::Restart;
                    }
                    Some(u8::from(committed.is_ok()))
                }
                28 => return Then::Restart,
                29 => self.calls.byte().map(|bytes| {
                    log.storage_mut().cut_after_programmed_bytes(u64::from(bytes) * 8);
                    0
                }),
                30 => self.calls.byte().map(|number| {
                    match number % 4 {
                        0 => log.storage_mut().fail_read(u64::from(number / 4)),
                        1 => log.storage_mut().fail_write(u64::from(number / 4)),
                        2 => log.storage_mut().fail_sync(u64::from(number / 4)),
                        _ => log.storage_mut().cut_during_erase(u64::from(number / 64)),
                    }
                    0
                }),
                _ => {
                    query.operators(|operator| assert!(operator.link.is_none_or(|link| link.balance())));
                    Some(u8::from(query.next_deadline().is_some()))
                }
            };
            let Some(answer) = answer else { return Then::End };
            (call % 32, answer).hash(&mut self.class);
            let rows = query.progress().rows;
            assert!(rows.balance(), "{rows:?}");
            assert_eq!(rows.emitted, before + given, "results given and counted");
        }
        Then::End
    }

    fn push<P, I>(
        &mut self,
        query: &mut Query<'_, P, I>,
        row: fn(bool, Row) -> P::Row,
        call: u8,
        given: &mut u64,
    ) -> Option<u8>
    where
        P: QueryPlan<Row: Clone>,
        I: SlotIndex,
    {
        let (key, at, value) = (self.calls.byte()?, self.calls.time()?, self.calls.byte()?);
        let mut room = if call < 224 { RESULTS_MAX } else { 0 };
        let pushed = row(key & 1 == 0, (key / 2 % 8, at, i32::from(value % 8)));
        let taken = query.push_to(pushed, |_| {
            room = room.checked_sub(1).ok_or("busy")?;
            *given += 1;
            Ok::<(), &str>(())
        });
        Some(match taken {
            Ok(()) => 0,
            Err(PushError::Full(_)) => 1,
            Err(PushError::Blocked(_)) => 2,
            Err(PushError::Partly(_)) => 3,
            Err(PushError::Unfinished(_)) => 4,
        })
    }

    fn end_epoch<P, I>(&mut self, query: &mut Query<'_, P, I>, call: u8, given: &mut u64) -> Option<u8>
    where
        P: QueryPlan,
        I: SlotIndex,
    {
        let (now, limit) = (self.calls.time()?, self.calls.room()?);
        let now = Timestamp::from_micros(now.unwrap_or(0));
        let mut room = limit;
        let sink = |_| {
            room = room.checked_sub(1).ok_or("busy")?;
            *given += 1;
            Ok::<(), &str>(())
        };
        let ended = if call % 32 == 24 { query.drain(now, sink) } else { query.trigger(now, sink) };
        Some(match ended {
            Ok(_) => 0,
            Err(TriggerError::Full) => 1,
            Err(TriggerError::Sink(_)) => {
                assert!(limit < RESULTS_MAX, "no end of results");
                2
            }
        })
    }
}
