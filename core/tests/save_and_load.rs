//! A query that is saved at any moment and loaded elsewhere goes on as if nothing had happened, and no damaged stream is taken.
#![cfg(feature = "alloc")]

use core::fmt::Debug;

use headwater::aggregate::{count, max, mean};
use headwater::checkpoint::{Log, RamFlash, StreamReadError, StreamWriteError};
use headwater::state::{Shape, SlotIndex};
use headwater::window::{Session, Tumbling};
use headwater::{
    Difference, Either, LoadError, Query, QueryPlan, SaveError, Span, Stream, TimeRange, Timestamp,
    Unreadable, WindowRow,
};

use serde::{Deserialize, Serialize};

const ROWS: usize = 300;
const SEEDS: u64 = 12;

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Reading {
    device: u8,
    at: Timestamp,
    value: u16,
}

#[derive(Debug, Clone, Copy)]
enum Step<R> {
    Push(R),
    Trigger,
}

/// Knuth's multiplicative generator; the high bits are used.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn script(seed: u64) -> Vec<Step<Reading>> {
    let mut random = Random(seed);
    let mut now_ms = 0;
    let mut steps = Vec::new();
    for _ in 0..ROWS {
        now_ms += random.below(900);
        let lag_ms = random.below(4_000);
        let at = Timestamp::from_millis(now_ms.saturating_sub(lag_ms) as i64);
        let reading = Reading { device: random.below(6) as u8, at, value: random.below(500) as u16 };
        steps.push(Step::Push(reading));
        if random.below(5) == 0 {
            steps.push(Step::Trigger);
        }
    }
    steps.push(Step::Trigger);
    steps
}

/// Runs steps; the results as text.
fn run<P: QueryPlan, I: SlotIndex>(query: &mut Query<'_, P, I>, steps: &[Step<P::Row>]) -> Vec<String>
where
    P::Row: Copy,
    P::Output: Debug,
{
    let mut results = Vec::new();
    for step in steps {
        match step {
            Step::Push(row) => query.push_to(*row, |result| results.push(format!("{result:?}"))).unwrap(),
            Step::Trigger => {
                query.trigger(Timestamp::EPOCH, |result| results.push(format!("{result:?}"))).unwrap();
            }
        }
    }
    results
}

fn finish<P: QueryPlan, I: SlotIndex>(query: &mut Query<'_, P, I>, results: &mut Vec<String>)
where
    P::Output: Debug,
{
    query.drain(Timestamp::EPOCH, |result| results.push(format!("{result:?}"))).unwrap();
    results.push(format!("{:?}", query.progress().rows));
}

fn saved<P: QueryPlan, I: SlotIndex>(query: &Query<'_, P, I>, buffer: usize, offset: u32) -> Vec<u8> {
    try_save(query, buffer, offset).expect("between triggers, and nothing waits for one")
}

/// `None` while results wait for a trigger.
fn try_save<P: QueryPlan, I: SlotIndex>(
    query: &Query<'_, P, I>,
    buffer: usize,
    offset: u32,
) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 1 << 16];
    let room = bytes.len();
    let mut writer = bytes.as_mut_slice();
    match query.save(&mut writer, &mut vec![0; buffer], &offset) {
        Err(SaveError::Unfinished) => return None,
        saved => saved.unwrap(),
    }
    let used = room - writer.len();
    bytes.truncate(used);
    Some(bytes)
}

/// Saves at every so many steps and goes on in larger, allocated state.
fn goes_on_elsewhere<P: QueryPlan>(plan: &P, steps: &[Step<P::Row>], seed: u64)
where
    P::Row: Copy,
    P::Output: Debug,
{
    let mut uninterrupted = Vec::new();
    {
        let mut state = <P::Shape as Shape>::Inline::<128>::default();
        let mut query = plan.bind(&mut state);
        uninterrupted.extend(run(&mut query, steps));
        finish(&mut query, &mut uninterrupted);
    }
    let mut random = Random(seed);
    for _ in 0..10 {
        let mut cut = random.below(steps.len() as u64 + 1) as usize;
        let buffer = 64 + random.below(500) as usize;
        let mut results = Vec::new();
        let mut small = <P::Shape as Shape>::Inline::<128>::default();
        let mut query = plan.bind(&mut small);
        results.extend(run(&mut query, &steps[..cut]));
        let stream = loop {
            match try_save(&query, buffer, cut as u32) {
                Some(stream) => break stream,
                None => results.extend(run(&mut query, &steps[cut..=cut])),
            }
            cut += 1;
        };

        let mut large = plan.allocate(1_000);
        let mut query = plan.bind(&mut large);
        let from: u32 = query.load(stream.as_slice(), &mut vec![0; buffer]).unwrap();
        results.extend(run(&mut query, &steps[from as usize..]));
        finish(&mut query, &mut results);
        assert!(results == uninterrupted, "seed {seed}, saved after {cut} steps");
    }
}

fn tumbling() -> impl QueryPlan<Row = Reading, Output = WindowRow<u8, (u64, Option<f64>)>> {
    Stream::<Reading>::new()
        .with_watermark(|r| r.at, Span::secs(3))
        .group_by(|r| r.device)
        .window(Tumbling::of(Span::secs(10)))
        .aggregate((count(), mean(|r: &Reading| r.value)))
        .append()
        .named("tumbling", 1)
}

#[test]
fn windows_go_on_elsewhere() {
    for seed in 1..=SEEDS {
        goes_on_elsewhere(&tumbling(), &script(seed), seed);
    }
}

#[test]
fn sessions_go_on_elsewhere() {
    let plan = Stream::<Reading>::new()
        .with_watermark(|r| r.at, Span::secs(3))
        .group_by(|r| r.device)
        .window(Session::with_gap(Span::secs(1)))
        .aggregate((count(), max(|r: &Reading| r.value)))
        .append();
    for seed in 1..=SEEDS {
        goes_on_elsewhere(&plan, &script(seed), seed);
    }
}

#[test]
fn operators_in_a_row_go_on_elsewhere() {
    let plan = Stream::<Reading>::new()
        .with_watermark(|r| r.at, Span::secs(3))
        .group_by(|r| r.device)
        .window(Tumbling::of(Span::secs(5)))
        .aggregate(count())
        .then()
        .window(Tumbling::of(Span::secs(30)))
        .aggregate(max(|row: &WindowRow<u8, u64>| row.value))
        .append();
    for seed in 1..=SEEDS {
        goes_on_elsewhere(&plan, &script(seed), seed);
    }
}

#[test]
fn joins_go_on_elsewhere() {
    let side = || Stream::<Reading>::new().with_watermark(|r| r.at, Span::secs(3));
    let plan = side()
        .join(side())
        .on(|l| l.device, |r| r.device)
        .within(TimeRange::around(Span::ZERO, Span::secs(2)))
        .inner()
        .append();
    for seed in 1..=SEEDS {
        let steps: Vec<_> = script(seed)
            .into_iter()
            .enumerate()
            .map(|(number, step)| match step {
                Step::Push(row) if number % 2 == 0 => Step::Push(Either::Left(row)),
                Step::Push(row) => Step::Push(Either::Right(row)),
                Step::Trigger => Step::Trigger,
            })
            .collect();
        goes_on_elsewhere(&plan, &steps, seed);
    }
}

/// A stream with some records, and what a query that takes it over gives.
fn example() -> Vec<u8> {
    let plan = tumbling();
    let mut state = plan.allocate(100);
    let mut query = plan.bind(&mut state);
    run(&mut query, &script(1)[..200]);
    saved(&query, 64, 200)
}

#[test]
fn every_stream_that_is_cut_off_or_flipped_is_refused_and_leaves_the_query_as_new() {
    let plan = tumbling();
    let stream = example();
    let mut state = plan.allocate(100);
    let mut query = plan.bind(&mut state);
    let new = format!("{query:?}");
    for length in 0..stream.len() {
        let error = query.load::<u32, _>(&stream[..length], &mut [0; 64]).unwrap_err();
        assert!(matches!(error, LoadError::Stream(StreamReadError::CutOff { .. })), "{length}: {error}");
        assert_eq!(format!("{query:?}"), new, "cut off at {length}");
    }
    let mut random = Random(7);
    for at in 0..stream.len() {
        for flip in [1 << random.below(8), 1 + random.below(255) as u8] {
            let mut flipped = stream.clone();
            flipped[at] ^= flip;
            let error = query.load::<u32, _>(flipped.as_slice(), &mut [0; 64]);
            assert!(matches!(error, Err(LoadError::Stream(_))), "byte {at} with {flip:#x}: {error:?}");
            assert_eq!(format!("{query:?}"), new, "byte {at} with {flip:#x}");
        }
    }
    // Still good for the right one.
    assert_eq!(query.load::<u32, _>(stream.as_slice(), &mut [0; 64]), Ok(200));
}

#[test]
fn what_does_not_suit_is_refused() {
    let stream = example();
    let plan = tumbling().bind_and_load(&stream, 64);
    assert_eq!(plan, Ok(200));
    let larger = {
        let plan = tumbling();
        let mut state = plan.allocate(100);
        let mut query = plan.bind(&mut state);
        run(&mut query, &script(1)[..200]);
        saved(&query, 512, 200)
    };
    let too_small = tumbling().bind_and_load(&larger, 64);
    assert!(
        matches!(too_small, Err(LoadError::Stream(StreamReadError::BufferTooSmall { needed })) if needed > 64),
        "{too_small:?}"
    );

    let plan = Stream::<Reading>::new()
        .with_watermark(|r| r.at, Span::secs(3))
        .group_by(|r| r.device)
        .window(Tumbling::of(Span::secs(10)))
        .aggregate((count(), mean(|r: &Reading| r.value)))
        .append()
        .named("another", 1);
    assert_eq!(plan.bind_and_load(&stream, 64), Err(LoadError::OtherQuery(Difference::Name)));

    let plan = tumbling();
    let mut state = plan.allocate(1);
    let few = plan.bind(&mut state).load::<u32, _>(stream.as_slice(), &mut [0; 64]);
    assert!(
        matches!(few, Err(LoadError::Unreadable(Unreadable::TooSmall { slots })) if slots > 1),
        "{few:?}"
    );

    let mut state = plan.allocate(100);
    let mut query = plan.bind(&mut state);
    run(&mut query, &script(1)[..3]);
    assert_eq!(query.load::<u32, _>(stream.as_slice(), &mut [0; 64]), Err(LoadError::Started));
    let room = SaveError::Stream(StreamWriteError::BufferTooSmall);
    assert_eq!(query.save(&mut [0; 1000][..], &mut [0; 63], &()), Err(room));
    assert!(matches!(
        query.save(&mut [0; 40][..], &mut [0; 64], &()),
        Err(SaveError::Stream(StreamWriteError::Writer(_)))
    ));
}

/// Binding and loading in one step.
trait BindAndLoad: QueryPlan {
    fn bind_and_load(
        &self,
        stream: &[u8],
        buffer: usize,
    ) -> Result<u32, LoadError<core::convert::Infallible>> {
        let mut state = self.allocate(100);
        self.bind(&mut state).load(stream, &mut vec![0; buffer])
    }
}

impl<P: QueryPlan> BindAndLoad for P {}

#[test]
fn the_first_commit_after_a_load_begins_a_log() {
    let stream = example();
    let plan = tumbling();
    let mut log = Log::<_, 256>::open(RamFlash::<16_384, 4, 4096>::new()).unwrap();
    let mut state = plan.allocate(100);
    let mut query = plan.bind(&mut state);
    let offset: u32 = query.load(stream.as_slice(), &mut [0; 64]).unwrap();
    query.commit(&mut log, &offset).unwrap();
    let expected = format!("{query:?}");
    let mut state = plan.allocate(50);
    let mut again = plan.bind(&mut state);
    assert_eq!(again.restore::<u32, _, 256>(&mut log).unwrap(), Some(200));
    assert_eq!(format!("{again:?}").replace("state_capacity: 50", "state_capacity: 100"), expected);
}
