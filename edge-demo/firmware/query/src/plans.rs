//! The two queries. A plan is code; what it holds is in a type of its own, whose size is checked here.

use headwater::aggregate::{Count, Max, Mean, count, max, mean};
use headwater::state::Keyed;
use headwater::window::{Session, Tumbling};
use headwater::{QueryPlan, SessionRecord, SessionState, Span, Stream, WindowRecord, WindowRow, WindowState};

use crate::Reading;

/// How far a row may lag behind the newest one and still count.
const DELAY: Span = Span::secs(3);
/// A round trip above this is slow.
const SLOW_MS: u16 = 200;

/// What the tumbling query keeps per window.
pub type MeansAggregate = (Count, Mean);
/// Open windows over all devices.
const WINDOWS: usize = if cfg!(feature = "over-budget") { 64 } else { 32 };
/// State of the tumbling query.
pub type MeansState = WindowState<u8, MeansAggregate, WINDOWS>;
/// A result of the tumbling query: rows and mean of one device's window.
pub type MeansRow = WindowRow<u8, (u64, Option<f64>)>;

/// What the session query keeps per session.
pub type SessionsAggregate = (Count, Max<u16>);
/// State of the session query: 16 open sessions over all devices.
pub type SessionsState = SessionState<u8, SessionsAggregate, 16>;
/// A result of the session query: rows and slowest answer of one device's session.
pub type SessionsRow = WindowRow<u8, (u64, Option<u16>)>;

// Over budget is an error of the compiler.
const _: () = assert!(size_of::<MeansState>() <= 2048, "the tumbling query's state has 2 KiB");
const _: () = assert!(size_of::<SessionsState>() <= 1280, "the session query's state has 1.25 KiB");

/// The mean round trip of each device over windows of 10 s, in µs: so the result needs no multiplication of `f64`, for which there is code in
/// flash and not in the processor.
pub fn means()
-> impl QueryPlan<Row = Reading, Shape = Keyed<u8, WindowRecord<MeansAggregate>>, Output = MeansRow> {
    Stream::<Reading>::new()
        .with_watermark(|r| r.at, DELAY)
        .group_by(|r| r.device)
        .window(Tumbling::of(Span::secs(10)))
        .aggregate((count(), mean(round_trip_micros)))
        .append()
        .named("means", 1)
}

/// Stretches in which a device was slow: readings above 200 ms no more than a second apart. The filter stands after the watermark, so that
/// all readings move it.
pub fn sessions()
-> impl QueryPlan<Row = Reading, Shape = Keyed<u8, SessionRecord<SessionsAggregate>>, Output = SessionsRow> {
    Stream::<Reading>::new()
        .with_watermark(|r| r.at, DELAY)
        .filter(|r| r.round_trip_ms > SLOW_MS)
        .group_by(|r| r.device)
        .window(Session::with_gap(Span::secs(1)))
        .aggregate((count(), max(|r: &Reading| r.round_trip_ms)))
        .append()
        .named("slow", 1)
}

#[cfg(not(feature = "can-panic"))]
fn round_trip_micros(reading: &Reading) -> u32 {
    u32::from(reading.round_trip_ms).wrapping_mul(1_000)
}

/// An index that may be out of bounds: what `no-panic` has to find.
#[cfg(feature = "can-panic")]
fn round_trip_micros(reading: &Reading) -> u32 {
    const MICROS: [u32; 8] = [1_000; 8];
    u32::from(reading.round_trip_ms).wrapping_mul(MICROS[usize::from(reading.device)])
}
